"""The figure of `icseg bench economy`: test IoU against human seconds, a curve a route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainers.io.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes

_COLORS = {"a": "#444444", "b": "#0072b2", "c": "#d55e00", "d": "#009e73"}
"""Told apart by people who see no red or green (Okabe & Ito 2008)."""
_MARKERS = {"a": "o", "b": "s", "c": "^", "d": "D"}


def plot_economy(path: Path, report: Mapping[str, Any]) -> None:
    """Write the figure of a report; the suffix chooses the format, .png or .svg.

    Raises:
        DataError: the file cannot be written.

    """
    from matplotlib.figure import Figure

    settings = report["settings"]
    figure = Figure(figsize=(8, 5), layout="constrained", dpi=120)
    axes = figure.subplots()
    for name, route in report["routes"].items():
        _draw_route(axes, name, route)
    axes.axhline(report["target_iou"], color="grey", linestyle=":", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda seconds, _position: f"{seconds:g}")
    axes.set(xlabel="human seconds (log scale)", ylabel="foreground IoU on unseen tiles")
    axes.grid(alpha=0.3, which="both")
    axes.legend(loc="lower right")
    axes.set_title(
        f"Labelling {settings['num_tiles']} tiles; scored on {settings['num_test']} others"
    )
    with atomic_path(path) as temporary:
        figure.savefig(temporary)


def _draw_route(axes: Axes, name: str, route: Mapping[str, Any]) -> None:
    points = route["points"]
    human_s = [point["human_s"] for point in points]
    ious = [point["test_iou"] for point in points]
    axes.plot(human_s, ious, marker=_MARKERS[name], color=_COLORS[name], label=route["title"])
    for point, seconds, iou in zip(points, human_s, ious, strict=True):
        axes.annotate(
            str(point["num_labelled"]),
            (seconds, iou),
            textcoords="offset points",
            xytext=(0, 6 if name in "bd" else -13),
            ha="center",
            fontsize=7,
            color=_COLORS[name],
        )
