"""What the command `icseg bench economy` does with its options."""

from __future__ import annotations

import os
import shutil
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from napari_icseg.bench.economy import RouteResult, run_economy
from napari_icseg.bench.economy_costs import Costs
from napari_icseg.bench.economy_page import write_page
from napari_icseg.bench.economy_plan import TITLES, RouteName
from napari_icseg.bench.economy_plot import plot_economy
from napari_icseg.bench.economy_report import (
    compared_table,
    make_report,
    points_table,
    report_lines,
    write_report,
)
from trainers.terminal import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.bench.economy import Settings

_PIPE_COLUMNS = 140
_RECIPE = "dataset.json"
"""Written last of all by the generator of tiles."""


def run_and_tell(
    settings: Settings,
    out: Path,
    *,
    clicks: str,
    target_iou: float | None,
    json_file: Path | None,
    plot: Path | None,
    page: Path | None = None,
) -> None:
    """Run the routes, and tell what was measured, also after Ctrl-C."""
    from rich.console import Console

    from napari_icseg.prompting.checkpoints import load_predictor

    predictor = load_predictor(clicks, settings.training.get("device", "cpu"))
    results: dict[RouteName, RouteResult] = {}
    try:
        with progress_bar("Labelling") as progress:
            run_economy(settings, out, predictor, progress=progress, on_route=results.__setitem__)
    finally:
        if results:
            report = make_report(
                settings, results, target_iou=target_iou, checkpoint_id=predictor.checkpoint_id
            )
            console = Console()
            wide = console if console.is_terminal else Console(width=_PIPE_COLUMNS)
            wide.print(points_table(report))
            wide.print(compared_table(report))
            for line in report_lines(report):
                print(line)
            if json_file is not None:
                write_report(json_file, report)
                print(f"Wrote {json_file}.")
            if plot is not None:
                plot_economy(plot, report)
                print(f"Wrote {plot}.")
            if page is not None:
                write_page(page, report, figure=None if plot is None else _seen_from(page, plot))
                print(f"Wrote {page}.")


def _seen_from(page: Path, file: Path) -> str:
    """Return how a page names a file."""
    return Path(os.path.relpath(file, page.parent)).as_posix()


def made_tiles(folder: Path, num_tiles: int, num_test: int, seed: int) -> Path:
    """Return a folder of avr_m1 tiles, made unless they are there."""
    if not (folder / _RECIPE).exists():
        from trainers.data.synthetic import write_dataset

        shutil.rmtree(folder, ignore_errors=True)  # of a run that was stopped while making them
        with progress_bar("Making tiles") as progress:
            write_dataset(
                folder,
                preset="avr_m1",
                count=num_tiles,
                test_count=num_test,
                seed=seed,
                progress=progress,
            )
    return folder


def routes_of(text: str) -> tuple[RouteName, ...]:
    """Return the routes that a text like "ad" names; raise `BadParameter` for others."""
    chosen: list[RouteName] = [name for name in ("a", "b", "c", "d") if name in text]
    if not chosen or set(text) - set(TITLES):
        raise typer.BadParameter(f"--routes expects letters of {''.join(TITLES)}, got {text!r}.")
    return tuple(chosen)


def costs_of(given: Sequence[str]) -> Costs:
    """Return the costs with some changed, like "key=0.28"; raise `BadParameter` for nonsense."""
    known, changed = {field.name for field in fields(Costs)}, {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            changed[f"{name.removesuffix('_s')}_s"] = float(value)
        except ValueError as error:
            raise typer.BadParameter(f"--cost expects NAME=SECONDS, got {text!r}.") from error
    if changed.keys() - known:
        names = ", ".join(sorted(name.removesuffix("_s") for name in known))
        raise typer.BadParameter(f"--cost knows {names}; got {', '.join(given)}.")
    try:
        return Costs(**changed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
