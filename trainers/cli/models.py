"""`icseg models …`: the runs of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, help="Trained models.")


@app.command("list", epilog="Example: icseg models list runs")
def list_models(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the runs.")] = Path("."),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the runs in a folder with their validation metrics."""
    from trainers.run_folder import list_runs

    rows = [_row(run) for run in list_runs(folder)]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("run", "model", "state", "epochs", "pixel accuracy", "IoU", "Dice")
    for row in rows:
        table.add_row(*("–" if cell is None else str(cell) for cell in row.values()))
    Console().print(table if rows else f"No runs in {folder}.")


def _row(run: Any) -> dict[str, Any]:
    """Return what a list shows of a `RunSummary`; None for what is not known."""
    scores = {
        name: round(run.metrics[name], 4) if name in run.metrics else None
        for name in ("pixel_accuracy", "iou", "dice")
    }
    epochs = f"{run.status.epoch}/{run.status.num_epochs}"
    state = run.status.state.value
    return {
        "run": run.path.name,
        "model": run.status.model,
        "state": state,
        "epochs": epochs,
    } | scores
