"""The figure of `icseg bench economy`: test IoU against human seconds, a curve a route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainers.io.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

_COLORS = {"a": "#444444", "b": "#0072b2", "c": "#d55e00", "d": "#009e73"}
"""Told apart by people who see no red or green (Okabe & Ito 2008)."""
_MARKERS = {"a": "o", "b": "s", "c": "^", "d": "D"}
_NUMBERED = "ad"
"""The points of b and c are at as many tiles as those of a."""
_MINUTES = (1 / 12, 1 / 6, 0.25, 0.5, 1, 2, 5, 10, 20, 40, 60, 120, 240)
_IOUS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998)
_LEAST_ERROR = 1e-3
"""An IoU of 1 has no place on a logarithmic scale."""


def plot_economy(path: Path, report: Mapping[str, Any]) -> None:
    """Write the figure of a report; the suffix chooses the format, .png or .svg.

    Both scales are logarithmic: the person's time, and what the IoU lacks to 1.

    Raises:
        DataError: the file cannot be written.

    """
    from matplotlib.figure import Figure

    settings = report["settings"]
    figure = Figure(figsize=(8, 5), layout="constrained", dpi=120)
    axes = figure.subplots()
    for name, route in report["routes"].items():
        _draw_route(axes, name, route)
    _scale(axes)
    _compare(axes, report)
    axes.set(xlabel="time of the person", ylabel="foreground IoU on unseen tiles")
    axes.grid(alpha=0.25)
    axes.legend(loc="best", framealpha=1.0)
    axes.set_title(
        f"Labelling {settings['num_tiles']} tiles; scored on {settings['num_test']} others "
        "(numbers at a and d: tiles labelled)",
        fontsize=11,
    )
    with atomic_path(path) as temporary:
        figure.savefig(temporary)


def _error(iou: float) -> float:
    return max(_LEAST_ERROR, 1 - iou)


def _draw_route(axes: Axes, name: str, route: Mapping[str, Any]) -> None:
    points = route["points"]
    human_s = [point["human_s"] for point in points]
    errors = [_error(point["test_iou"]) for point in points]
    axes.plot(human_s, errors, marker=_MARKERS[name], color=_COLORS[name], label=route["title"])
    if name not in _NUMBERED:
        return
    for point, seconds, error in zip(points, human_s, errors, strict=True):
        axes.annotate(
            str(point["num_labelled"]),
            (seconds, error),
            textcoords="offset points",
            xytext=(-6, 5) if name == "d" else (6, -12),
            ha="right" if name == "d" else "left",
            fontsize=8,
            color=_COLORS[name],
        )


def _compare(axes: Axes, report: Mapping[str, Any]) -> None:
    """Draw the target IoU, and what route d saves there."""
    iou, row = report["target_iou"], report["at_target"]
    from_s, to_s = row["human_s"].get("a"), row["human_s"].get("d")
    label = f"IoU {iou:.3f}"
    if from_s and to_s:
        label += f": a {_time(from_s)}, d {_time(to_s)} (1/{from_s / to_s:.1f})"
    axes.axhline(_error(iou), color="grey", linestyle=":", linewidth=1, label=label)
    if not from_s or not to_s:
        return
    axes.annotate(
        "",
        (to_s, _error(iou)),
        (from_s, _error(iou)),
        arrowprops={"arrowstyle": "->", "color": _COLORS["d"], "shrinkA": 0, "shrinkB": 0},
    )


def _scale(axes: Axes) -> None:
    axes.set(xscale="log", yscale="log")
    axes.invert_yaxis()
    low, high = sorted(axes.get_ylim())
    ious = [iou for iou in _IOUS if low <= 1 - iou <= high]
    axes.set_yticks([1 - iou for iou in ious], [f"{iou:g}" for iou in ious])
    first, last = axes.get_xlim()
    ticks = [60 * minutes for minutes in _MINUTES if first <= 60 * minutes <= last]
    axes.set_xticks(ticks, _times(ticks))
    axes.minorticks_off()


def _times(seconds: Sequence[float]) -> list[str]:
    return [_time(each) for each in seconds]


def _time(seconds: float) -> str:
    """Return "40 s", "1.7 min", "20 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{round(minutes, 1 if minutes < 10 else None):g} min"
