"""`icseg synth`: make synthetic SEM tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from trainers.terminal import progress_bar

app = typer.Typer()


@app.command(
    epilog="Example: icseg synth --preset avr_m1 --count 1000 --seed 1 --out tiles. With a layout: "
    "icseg synth --preset metal_vias --gds chip.gds --metal-layer 68/20 --via-layer 68/44 "
    "--nm-per-px 10 --out tiles."
)
def synth(
    out: Annotated[Path, typer.Option(help="New folder.")],
    preset: Annotated[str, typer.Option(help="avr_m1, metal_vias, mixed or train.")] = "avr_m1",
    count: Annotated[int, typer.Option(min=1, help="Training tiles.")] = 1000,
    test_count: Annotated[
        int | None, typer.Option(min=0, help="Test tiles; as many as --count if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    size_px: Annotated[int | None, typer.Option(help="Side of a tile; else the preset's.")] = None,
    bit_depth: Annotated[int, typer.Option(help="8 or 16 bits a pixel.")] = 8,
    num_workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    blank_rate: Annotated[
        float | None, typer.Option(help="Share of empty tiles; else the preset's.")
    ] = None,
    ghost_only_rate: Annotated[
        float | None, typer.Option(help="Share of tiles with a lower layer only.")
    ] = None,
    gds: Annotated[Path | None, typer.Option(help="GDSII file to take the layout from.")] = None,
    metal_layer: Annotated[
        str | None, typer.Option(help="LAYER/DATATYPE in the GDSII file, or a sky130 name.")
    ] = None,
    via_layer: Annotated[str | None, typer.Option(help="Of the vias; none if left out.")] = None,
    lower_layer: Annotated[str | None, typer.Option(help="Shows through as a ghost.")] = None,
    nm_per_px: Annotated[float, typer.Option(help="Scale of the GDSII file's windows.")] = 10.0,
    cell: Annotated[str | None, typer.Option(help="Cell of the GDSII file; else the top.")] = None,
    defects: Annotated[
        bool, typer.Option("--defects", help="Plant defects; truth in defects.json.")
    ] = False,
    defect_kind: Annotated[
        list[str] | None, typer.Option(help="Only this kind; may be given again.")
    ] = None,
    defects_per_tile: Annotated[str, typer.Option(help="Least and greatest number.")] = "1-3",
) -> None:
    """Make synthetic SEM tiles with masks and COCO: OUT/{train,test}/{images,masks}."""
    from trainers.data.synthetic import write_dataset

    layers = {"metal": metal_layer, "via": via_layer, "lower": lower_layer}
    spec = _gds_spec(gds, layers, nm_per_px, cell)
    planted = _defects(defect_kind, defects_per_tile) if defects or defect_kind else None
    with progress_bar("Making tiles") as progress:
        write_dataset(
            out,
            preset=preset,
            count=count,
            test_count=test_count,
            seed=seed,
            num_workers=num_workers,
            size_px=size_px,
            bit_depth=bit_depth,
            blank_rate=blank_rate,
            ghost_only_rate=ghost_only_rate,
            gds=spec,
            defects=planted,
            progress=progress,
        )
    print(f"Wrote the tiles to {out}.")


def _gds_spec(
    path: Path | None, layers: dict[str, str | None], nm_per_px: float, cell: str | None
) -> Any:
    """Return the `GdsSpec` of the options of `synth`; None without a file."""
    from trainers.data.synthetic.gds import GdsSpec
    from trainers.data.synthetic.gds_file import parse_layer

    if path is None:
        if any(layers.values()) or cell:
            raise typer.BadParameter("--gds FILE is missing: a layer or a cell was given.")
        return None
    if not layers["metal"]:
        raise typer.BadParameter("--gds needs --metal-layer, 68/20 for instance.")
    chosen = {name: parse_layer(text) for name, text in layers.items() if text}
    return GdsSpec(path=path, nm_per_px=nm_per_px, cell=cell, **chosen)


def _defects(kinds: list[str] | None, per_tile: str) -> Any:
    """Return the `DefectConfig` of the options of `synth`."""
    from trainers.data.synthetic.defects import DEFECT_KINDS, DefectConfig

    low, _, high = per_tile.partition("-")
    try:
        return DefectConfig(tuple(kinds or DEFECT_KINDS), (int(low), int(high or low)))
    except ValueError as error:
        raise typer.BadParameter(
            f"{error}. --defects-per-tile is like 1-3 and --defect-kind like open."
        ) from error
