"""Charts of a matrix as SVG: accuracy by learning rate and by images, and learning curves."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainers.experiments import paper
from trainers.experiments.results import RUNS
from trainers.experiments.summary import PROTOCOL_TITLES
from trainers.progress import read_status
from trainers.run_folder import STUDENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from trainers.experiments.matrix import Row
    from trainers.experiments.results import Result
    from trainers.experiments.summary import Line
    from trainers.progress import EpochPoint

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b6675")
_PAPER_COLOUR = "#5b6675"
_PANEL_INCHES = (4.6, 2.7)


@dataclass(frozen=True)
class Chart:
    """A chart; `name` is fit for a file, `svg` is an element that a page can hold."""

    name: str
    title: str
    note: str
    svg: str


def accuracy_by_lr(lines: Sequence[Line]) -> Chart | None:
    """Return pixel accuracy over learning rates, measured and printed; None without results."""
    note = "Bars are 95 % t-intervals over seeds; dotted: a model that finds nothing."
    return _by(
        lines, lambda row: row.lr, "by-lr", "Accuracy by learning rate", "learning rate", note
    )


def accuracy_by_images(lines: Sequence[Line]) -> Chart | None:
    """Return pixel accuracy over training images, as the paper counts them."""
    note = "Images as the paper counts them, at scale 1. Bars and dots as above."
    label = "training images"
    return _by(lines, lambda row: row.images, "by-images", "Accuracy by images", label, note)


def _by(
    lines: Sequence[Line],
    place: Callable[[Row], float | None],
    name: str,
    title: str,
    label: str,
    note: str,
) -> Chart | None:
    models = _models(lines)
    if not models:
        return None
    figure = _figure(len(models))
    for axes, model in zip(_panels(figure, len(models)), models, strict=True):
        own = [line for line in lines if line.row.model == model]
        _draw_paper(axes, own, place)
        for number, protocol in enumerate(PROTOCOL_TITLES):
            tested = [line for line in own if line.row.protocol == protocol and line.done]
            _draw_measured(axes, tested, place, PROTOCOL_TITLES[protocol], _COLOURS[number])
        _draw_blank(axes, own)
        axes.set(title=paper.TITLES[model], xlabel=label, ylabel="pixel accuracy")
        if label == "learning rate":
            axes.set_xscale("log")
            axes.invert_xaxis()
    return Chart(name, title, note, _svg(figure, name))


def _draw_measured(
    axes: Axes,
    lines: Sequence[Line],
    place: Callable[[Row], float | None],
    words: str,
    colour: str,
) -> None:
    points = [(place(line.row), line.accuracy) for line in lines]
    known = [(x, mean) for x, mean in points if x is not None and mean is not None]
    if known:
        axes.errorbar(
            [x for x, _ in known],
            [mean.value for _, mean in known],
            yerr=[mean.half_width or 0.0 for _, mean in known],
            fmt="o-",
            color=colour,
            capsize=3,
            label=f"measured, {words}",
        )
        axes.legend(fontsize="small")


def _draw_paper(axes: Axes, lines: Sequence[Line], place: Callable[[Row], float | None]) -> None:
    points = {place(line.row): line.paper for line in lines if line.paper is not None}
    known = sorted((x, y) for x, y in points.items() if x is not None)
    axes.plot(
        [x for x, _ in known], [y for _, y in known], "s--", color=_PAPER_COLOUR, fillstyle="none",
        label="paper",
    )  # fmt: skip
    axes.legend(fontsize="small")


def _draw_blank(axes: Axes, lines: Sequence[Line]) -> None:
    found = [line.mean(lambda scores: scores.blank_accuracy) for line in lines if line.done]
    for mean in found[:1]:
        if mean is not None:
            axes.axhline(mean.value, linestyle=":", color=_PAPER_COLOUR, linewidth=1)


def learning_curves(lines: Sequence[Line], out: Path, *, name: str, title: str) -> Chart | None:
    """Return validation accuracy over epochs of the first seed of each cell.

    None where no run folder is left to tell them.
    """
    from matplotlib.ticker import MaxNLocator

    curves: dict[str, list[tuple[str, Sequence[EpochPoint]]]] = {}
    seen: set[str] = set()
    for line in lines:
        for result in line.done[:1]:
            known = [p for p in curve_of(out, result) if "pixel_accuracy" in p.val]
            if known and result.run not in seen:
                seen.add(result.run)
                curves.setdefault(line.row.model, []).append((line.label, known))
    if not curves:
        return None
    figure = _figure(len(curves))
    for axes, model in zip(_panels(figure, len(curves)), curves, strict=True):
        for number, (label, points) in enumerate(curves[model]):
            axes.plot(
                [p.epoch for p in points],
                [p.val["pixel_accuracy"] for p in points],
                ".-",
                color=_COLOURS[number % len(_COLOURS)],
                label=label,
            )
        axes.set(title=paper.TITLES[model], xlabel="epoch", ylabel="validation accuracy")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize="x-small")
    note = (
        "Pixel accuracy on the validation tiles; the first seed. SAM-SEG by the paper's recipe is "
        "validated with points from the ground truth, as published."
    )
    return Chart(name, title, note, _svg(figure, name))


def curve_of(out: Path, result: Result) -> tuple[EpochPoint, ...]:
    """Return the epochs of a row's training (of the second one of a round)."""
    run = out / RUNS / result.run
    return read_status(run / STUDENT if result.row.unlabelled else run).curves.epochs


def _models(lines: Iterable[Line]) -> list[str]:
    measured = {line.row.model for line in lines if line.done}
    return [model for model in paper.MODELS if model in measured]


def _figure(num_panels: int) -> Figure:
    from matplotlib.figure import Figure

    cols = min(2, num_panels)
    rows = -(-num_panels // cols)
    width, height = _PANEL_INCHES
    return Figure(figsize=(width * cols, height * rows), layout="constrained")


def _panels(figure: Figure, count: int) -> Iterator[Axes]:
    cols = min(2, count)
    for number in range(count):
        axes = figure.add_subplot(-(-count // cols), cols, number + 1)
        axes.grid(alpha=0.3)
        axes.ticklabel_format(axis="y", useOffset=False)
        yield axes


def _svg(figure: Figure, name: str) -> str:
    """Return the figure as an SVG element; the same figure gives the same text."""
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    whole = text.getvalue()
    return whole[whole.index("<svg") :]
