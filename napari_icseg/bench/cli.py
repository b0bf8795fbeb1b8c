"""The commands `icseg bench …`; each imports what it needs when it runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainers.terminal import progress_bar

if TYPE_CHECKING:
    from napari_icseg.bench.noc import TileResult

app = typer.Typer(no_args_is_help=True, help="Measure labelling by clicks.")
_PIPE_COLUMNS = 140
"""Width of the table where no terminal tells one."""
PLOT_SUFFIXES = (".png", ".svg")


class ReferenceChoice(StrEnum):
    """What masks are compared with."""

    MASKS = "masks"
    OTSU = "otsu"


@app.callback()
def bench() -> None:
    """Measure labelling by clicks."""


@app.command(epilog="Example: icseg bench noc --model sam2-nano --data tiles --json noc.json")
def noc(
    model: Annotated[
        str, typer.Option(help="sam2-nano, sam2.1-tiny, …, a weights file or a run folder.")
    ],
    data: Annotated[
        Path, typer.Option(help="Folder of labelled images (its test split), or COCO file.")
    ],
    images: Annotated[
        Path | None, typer.Option(help="Images of a COCO file; else beside it or in images/.")
    ] = None,
    reference: Annotated[
        ReferenceChoice,
        typer.Option(help="masks, or otsu for images without: blurred image above threshold."),
    ] = ReferenceChoice.MASKS,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first tiles.")] = None,
    max_objects: Annotated[
        int | None, typer.Option(min=0, help="Of each tile only so many nets and vias, drawn.")
    ] = None,
    jitter: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Of the jittered clicks: 1 is anywhere.")
    ] = 0.6,
    seed: Annotated[int, typer.Option(min=0, help="Of the jittered clicks.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    json_file: Annotated[Path | None, typer.Option("--json", help="File for everything.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Figure, .png or .svg.")] = None,
) -> None:
    """Count the clicks to good masks (NoC), with a simulated annotator."""
    if plot is not None and plot.suffix.lower() not in PLOT_SUFFIXES:
        raise typer.BadParameter(f"--plot expects a .png or .svg file, got {plot}.")
    from napari_icseg.bench.noc import run_noc
    from napari_icseg.bench.report import make_report
    from napari_icseg.bench.tiles import read_data
    from napari_icseg.prompting.checkpoints import load_predictor

    loaded = read_data(data, reference=reference.value, images=images, limit=limit)
    predictor = load_predictor(model, device)
    protocol: dict[str, Any] = {"jitter": jitter, "seed": seed, "max_objects": max_objects}
    done: list[TileResult] = []
    try:
        with progress_bar("Clicking") as progress:
            run_noc(
                predictor,
                loaded,
                **protocol,
                progress=progress,
                on_tile=done.append,
            )
    finally:
        # also after Ctrl-C: what was measured is told, marked as incomplete
        if done:
            report = make_report(done, predictor, loaded, data_name=str(data), protocol=protocol)
            _tell(report, json_file, plot)


@app.command(
    epilog="Example: icseg bench calibrate --model nano.safetensors --data validation_tiles"
)
def calibrate(
    model: Annotated[Path, typer.Option(help="The .safetensors file that takes the curves.")],
    data: Annotated[Path, typer.Option(help="Labelled images that no score is quoted on.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first tiles.")] = None,
    jitter: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of the clicks.")] = 0.6,
    seed: Annotated[int, typer.Option(min=0, help="Of the clicks.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Measure how good masks of each score really are, and store that with the weights."""
    from napari_icseg.bench.calibrate import collect, fit_curves, store_curves
    from napari_icseg.bench.tiles import read_data
    from napari_icseg.prompting.loading import load_from
    from trainers.metrics.calibration import expected_calibration_error

    loaded = read_data(data, reference="masks", limit=limit)
    predictor = load_from(model, name=model.stem, sha256=None, device=device)
    predictor.curves = {}  # of an earlier calibration
    with progress_bar("Clicking") as progress:
        found = collect(predictor, loaded, jitter=jitter, seed=seed, progress=progress)
    curves = fit_curves(found)
    error = expected_calibration_error([c.score for c in found], [c.iou for c in found])
    about = {"data": data.name, "data_sha256": loaded.sha256(), "num_tiles": len(loaded.tiles)}
    store_curves(model, curves, {**about, "num_candidates": len(found), "jitter": jitter})
    print(f"{len(found)} candidates; calibration error before: {error:.3f}. Curves in {model}.")


@app.command(
    epilog="Example: icseg bench economy --tiles 60 --epochs 4 --out economy. The same command "
    "goes on with a run that was stopped."
)
def economy(
    out: Annotated[Path, typer.Option(help="Folder of the run: labels, models, results.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Labelled tiles with a test split; else avr_m1 tiles are made."),
    ] = None,
    tiles: Annotated[int, typer.Option(min=8, help="To be labelled.")] = 1000,
    test_tiles: Annotated[int, typer.Option(min=1, help="Unseen, to be scored.")] = 100,
    epochs: Annotated[int, typer.Option(min=1, help="Of every model.")] = 10,
    equal_steps: Annotated[
        bool, typer.Option(help="Epochs are over all tiles; as many steps with fewer labels.")
    ] = False,
    model: Annotated[str, typer.Option(help="Trained on the labels: unet, sam_seg, …")] = "unet",
    scored: Annotated[
        str, typer.Option(help="Scored model, if another than the one that proposes.")
    ] = "",
    scored_epochs: Annotated[int, typer.Option(min=1, help="Of that, over its labels.")] = 10,
    clicks: Annotated[str, typer.Option(help="Model that answers clicks.")] = "sam2-nano",
    routes: Annotated[str, typer.Option(help="Of a, b, c and d.")] = "abcd",
    first: Annotated[int, typer.Option(min=0, help="d: clicked first; 0: a 32nd.")] = 0,
    in_row: Annotated[
        int, typer.Option(min=1, help="d: reviewed, the worst first, until so many are right.")
    ] = 3,
    rounds: Annotated[int, typer.Option(min=1, help="d: rounds.")] = 4,
    target: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Test IoU; else what all reach.")
    ] = None,
    enough: Annotated[
        float, typer.Option(min=0.5, max=1.0, help="IoU from which a mask is left as it is.")
    ] = 0.95,
    eye_error: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="Deviation of the IoU as seen.")
    ] = 0.02,
    jitter: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of the clicks.")] = 0.6,
    cost: Annotated[
        list[str] | None,
        typer.Option("--cost", help="NAME=SECONDS, of look, first_click, correction, tab, key, …"),
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Of the training, as in `icseg train`.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything drawn.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for everything.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Figure, .png or .svg.")] = None,
    page: Annotated[Path | None, typer.Option(help="Page with it all, .md.")] = None,
) -> None:
    """Human seconds against test IoU: clicks, pre-fill, rounds with review, suggestion."""
    if plot is not None and plot.suffix.lower() not in PLOT_SUFFIXES:
        raise typer.BadParameter(f"--plot expects a .png or .svg file, got {plot}.")
    from napari_icseg.bench.economy import Settings
    from napari_icseg.bench.economy_annotator import Person
    from napari_icseg.bench.economy_cli import costs_of, made_tiles, routes_of, run_and_tell
    from trainers.cli.train import settings as training_settings

    folder = data or made_tiles(out / "tiles", tiles, test_tiles, seed)
    run_and_tell(
        Settings(
            data=str(folder.absolute()),
            num_tiles=tiles,
            num_test=test_tiles,
            epochs=epochs,
            equal_steps=equal_steps,
            model=model,
            scored=scored,
            scored_epochs=scored_epochs,
            seed=seed,
            routes=routes_of(routes),
            num_first=first,
            num_in_row=in_row,
            num_rounds=rounds,
            training=training_settings(setting or []),
            person=Person(enough_iou=enough, eye_error=eye_error, jitter=jitter),
            costs=costs_of(cost or []),
        ),
        out,
        clicks=clicks,
        target_iou=target,
        json_file=json_file,
        plot=plot,
        page=page,
    )


def _tell(report: dict[str, Any], json_file: Path | None, plot: Path | None) -> None:
    from rich.console import Console

    from napari_icseg.bench.noc import VARIANTS
    from napari_icseg.bench.report import report_lines, score_table, write_report

    console = Console()
    wide = console if console.is_terminal else Console(width=_PIPE_COLUMNS)
    for variant in VARIANTS:
        wide.print(score_table(report, variant))
    for line in report_lines(report):
        print(line)
    if json_file is not None:
        write_report(json_file, report)
        print(f"Wrote {json_file}.")
    if plot is not None:
        from napari_icseg.bench.plot import plot_report

        plot_report(plot, report)
        print(f"Wrote {plot}.")
