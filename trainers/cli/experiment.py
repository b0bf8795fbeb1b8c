"""`icseg experiment …`: the paper's experiments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainers.cli.train import settings
from trainers.terminal import training_report

app = typer.Typer(no_args_is_help=True, help="The paper's experiments.")


@app.command(
    "table2",
    epilog="Example: icseg experiment table2 --data tiles --models unet "
    "--lrs 1e-4,1e-5,1e-6 --epochs 5 --out results",
)
def table2(
    data: Annotated[Path, typer.Option(help="Labelled tiles with train/ and test/.")],
    out: Annotated[Path, typer.Option(help="Folder for the runs and results.csv.")],
    models: Annotated[str, typer.Option(help="Names, divided by commas.")] = "unet",
    lrs: Annotated[
        str, typer.Option(help="Learning rates, divided by commas.")
    ] = "1e-4,1e-5,1e-6,1e-7,1e-8",
    epochs: Annotated[int | None, typer.Option(min=1, help="The preset's if left out.")] = None,
    preset: Annotated[str, typer.Option(help="best or paper.")] = "paper",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Any other setting, as in `icseg train`.")
    ] = None,
) -> None:
    """Train and score models over learning rates; finished rows are skipped."""
    from trainers.experiments.table2 import run_table2

    try:
        rates = [float(rate) for rate in lrs.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"--lrs expects numbers like 1e-4,1e-5, got {lrs!r}.") from error
    with training_report() as listener:
        run_table2(
            data=data,
            out=out,
            models=models.split(","),
            lrs=rates,
            epochs=epochs,
            preset=preset,
            changes={"seed": seed, **settings(setting or [])},
            on_row=_print_row,
            on_event=listener,
        )
    print(f"Results: {out / 'results.csv'}")


def _print_row(row: dict[str, str]) -> None:
    found = row["pixel_accuracy"] or f"failed: {row['reason']}"
    paper = row["paper_pixel_accuracy"] or "–"
    print(f"{row['model']} lr {row['lr']}: pixel accuracy {found} (paper {paper})", flush=True)
