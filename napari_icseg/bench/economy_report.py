"""What `icseg bench economy` prints and writes."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_icseg.bench.economy import title
from napari_icseg.bench.economy_curve import common_iou, first_iou, seconds_at
from napari_icseg.bench.economy_tally import accepted_per_minute
from napari_icseg.bench.report import versions
from trainers.io.atomic import write_text_atomic
from trainers.run_folder import code_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.table import Table

    from napari_icseg.bench.economy import RouteResult, Settings
    from napari_icseg.bench.economy_curve import Point
    from napari_icseg.bench.economy_plan import RouteName

NUM_LEVELS = 5
"""IoUs at which the routes are compared, beside the target."""


def make_report(
    settings: Settings,
    results: Mapping[RouteName, RouteResult],
    *,
    target_iou: float | None = None,
    checkpoint_id: str,
) -> dict[str, Any]:
    """Return everything that was measured, and what is needed to measure it again.

    Args:
        settings: of the run.
        results: of the routes that are done.
        target_iou: at which the routes are compared; by default the highest that all reach.
        checkpoint_id: of the model that answered the clicks.

    """
    curves: dict[str, Sequence[Point]] = {name: r.points for name, r in results.items()}
    best = common_iou(curves)
    target = best if target_iou is None else target_iou
    lowest = min(first_iou(curves), best)
    levels = [lowest + (best - lowest) * n / NUM_LEVELS for n in range(NUM_LEVELS)]
    return {
        "benchmark": "economy",
        "is_complete": set(results) == set(settings.routes),
        "settings": {**asdict(settings), "data": Path(settings.data).name},
        "plan": asdict(settings.plan()),
        "checkpoint_id": checkpoint_id,
        "target_iou": target,
        "target_is_given": target_iou is not None,
        "at_target": _compared(results, [target])[0],
        "at_levels": _compared(results, levels),
        "routes": {
            name: {
                "title": title(name),
                "ways": {way: asdict(each) for way, each in result.ways.items()},
                "accepted_per_minute": accepted_per_minute(result.ways),
                "points": [asdict(point) for point in result.points],
            }
            for name, result in results.items()
        },
        "code": code_version(),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "versions": versions(),
    }


def _compared(
    results: Mapping[RouteName, RouteResult], ious: Iterable[float]
) -> list[dict[str, Any]]:
    """Return for each IoU the human seconds of each route, and how many times a's they save."""
    rows = []
    for iou in ious:
        human_s = {name: seconds_at(result.points, iou) for name, result in results.items()}
        of_a = human_s.get("a")
        times = {
            name: None if of_a is None or not seconds else of_a / seconds
            for name, seconds in human_s.items()
        }
        rows.append({"test_iou": iou, "human_s": human_s, "times_fewer_than_a": times})
    return rows


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write the report as JSON, atomically; raise `DataError` if that fails."""
    write_text_atomic(path, json.dumps(report, indent=1) + "\n")


def points_table(report: Mapping[str, Any]) -> Table:
    """Return a table of all points of all routes."""
    from rich.table import Table

    table = Table(title="Human seconds and test IoU")
    for column in ("route", "labelled", "by hand", "label IoU", "clicks", "human s", "test IoU"):
        table.add_column(column, justify="left" if column == "route" else "right")
    for route in report["routes"].values():
        for point in route["points"]:
            table.add_row(
                route["title"],
                str(point["num_labelled"]),
                str(point["num_by_hand"]),
                f"{point['label_iou']:.4f}",
                str(point["num_clicks"]),
                f"{point['human_s']:.0f}",
                f"{point['test_iou']:.4f}",
            )
        table.add_section()
    return table


def compared_table(report: Mapping[str, Any]) -> Table:
    """Return a table of the human seconds of each route at equal test IoU."""
    from rich.table import Table

    names = list(report["routes"])
    table = Table(title="Human seconds at equal test IoU (times fewer than route a)")
    for column in ("test IoU", *(report["routes"][name]["title"] for name in names)):
        table.add_column(column, justify="right")
    for row in [*report["at_levels"], report["at_target"]]:
        table.add_row(f"{row['test_iou']:.4f}", *(_cell(row, name) for name in names))
    return table


def report_lines(report: Mapping[str, Any]) -> list[str]:
    """Return what the tables do not say."""
    settings = report["settings"]
    lines = [
        f"{settings['num_tiles']} tiles, {settings['num_test']} unseen test tiles, model "
        f"{settings['model']}, {settings['epochs']} epochs{_of_what(settings)}"
        f"{_scored(settings)}, seed {settings['seed']}."
    ]
    for name, route in report["routes"].items():
        ways = ", ".join(f"{w['num']} {way} ({w['human_s']:.0f} s)" for way, w in _ways(route))
        lines.append(f"{name}: {ways}.{_pace(route)}")
    times = report["at_target"]["times_fewer_than_a"].get("d")
    if times:
        lines.append(
            f"Route d needs 1/{times:.1f} of the human seconds of route a at a test IoU of "
            f"{report['target_iou']:.4f}."
        )
    if not report["is_complete"]:
        lines.insert(0, "Incomplete: start the same command again to go on.")
    return lines


def _ways(route: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the ways of a route, that which took longest first."""
    return sorted(route["ways"].items(), key=lambda item: -item[1]["human_s"])


def _pace(route: Mapping[str, Any]) -> str:
    pace = route["accepted_per_minute"]
    return "" if pace is None else f" {pace:.0f} right proposals accepted a minute."


def _scored(settings: Mapping[str, Any]) -> str:
    if settings["scored"] in ("", settings["model"]):
        return ""
    return f"; scored: {settings['scored']}, {settings['scored_epochs']} epochs of the labels"


def _of_what(settings: Mapping[str, Any]) -> str:
    return " over all tiles, as many steps with fewer labels" if settings["equal_steps"] else ""


def _cell(row: Mapping[str, Any], name: str) -> str:
    seconds, times = row["human_s"][name], row["times_fewer_than_a"][name]
    if seconds is None:
        return "not reached"
    if name == "a" or times is None:
        return f"{seconds:.0f}"
    return f"{seconds:.0f} ({times:.1f})"
