"""The figure of `icseg bench noc`: IoU by clicks, and how far the scores can be trusted."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.io.atomic import atomic_path
from trainers.metrics.interactive import MAX_CLICKS

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

_STYLES = {"centred": "-", "jittered": "--"}


def plot_report(path: Path, report: dict[str, Any]) -> None:
    """Write the figure of a report; the suffix chooses the format, .png or .svg.

    Raises:
        DataError: the file cannot be written.

    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    curves, calibration = figure.subplots(1, 2, width_ratios=(2, 1))
    _draw_curves(curves, report)
    _draw_calibration(calibration, report["calibration"])
    figure.suptitle(f"{report['model']['name']} on {report['data']['num_tiles']} tiles")
    with atomic_path(path) as temporary:
        figure.savefig(temporary)


def _draw_curves(axes: Axes, report: dict[str, Any]) -> None:
    for variant, style in _STYLES.items():
        by_target: dict[str, list[list[float]]] = defaultdict(list)
        for tile in report["tiles"]:
            for played in tile["played"][variant]:
                by_target[played["target"]].append(played["ious"])
        for number, name in enumerate(sorted(by_target)):
            mean = np.mean(by_target[name], axis=0)
            clicks = np.arange(1, MAX_CLICKS + 1)
            axes.plot(clicks, mean, style, color=f"C{number}", label=f"{name}, {variant}")
    axes.set(xlabel="clicks", ylabel="mean IoU", ylim=(0, 1), xticks=[1, 3, 5, 10, 15, 20])
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(fontsize="small")


def _draw_calibration(axes: Axes, calibration: dict[str, Any]) -> None:
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    for kind, scores in calibration.items():
        bins = [each for each in scores["bins"] if each["num"]]
        means = [each["score"] for each in bins], [each["iou"] for each in bins]
        axes.plot(*means, "o-", label=f"{kind}, ECE {scores['ece']:.3f}")
    axes.set(xlabel="score of the candidate", ylabel="true IoU", xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    if calibration:
        axes.legend(fontsize="small")
