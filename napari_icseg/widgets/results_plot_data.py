"""Results as lines of a plot: mean over seeds of what differs in nothing but x; no Qt."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from napari_icseg.widgets.results_view import titles_of
from napari_icseg.widgets.training_view import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_icseg.widgets.results_view import ResultRow

EPOCHS = "epoch"
X_ENTRIES = (
    Entry("lr", "learning rate", "Models that differ in their learning rate alone"),
    Entry("images", "images", "Models that differ in the number of training images alone"),
    Entry("unlabelled", "unlabelled images", "Models that labelled further images themselves"),
    Entry("minutes", "minutes of training", "What a score costs"),
    Entry(EPOCHS, "epoch", "Learning curves of the chosen models, on their validation tiles"),
)
Y_ENTRIES = (
    Entry("accuracy", "pixel accuracy", "Share of the pixels that get the right class"),
    Entry("iou", "IoU", "Foreground intersection over union, mean over images"),
    Entry("opens", "opens", "Breaks in true tracks, over all test images"),
    Entry("shorts", "shorts", "False links between true tracks, over all test images"),
)
CURVE_METRICS = {"accuracy": "pixel_accuracy", "iou": "iou"}
"""What a training measures after each epoch."""
_NOT_JOINED = ("minutes",)


@dataclass(frozen=True)
class Line:
    """Points (x, y, keys of the rows that it is the mean of) of one name."""

    title: str
    points: tuple[tuple[float, float, tuple[str, ...]], ...]
    is_joined: bool = True


def lines_of(
    rows: Sequence[ResultRow],
    chosen: Sequence[str],
    curves: Mapping[str, Sequence[tuple[int, float]]],
    x: str,
    y: str,
) -> tuple[Line, ...]:
    """Return what to draw.

    Args:
        rows: of the table.
        chosen: keys of the rows that are looked at.
        curves: (epoch, score) of the chosen rows, by key.
        x: key of one of `X_ENTRIES`.
        y: key of one of `Y_ENTRIES`.

    """
    if x == EPOCHS:
        shown = [row for row in rows if row.key in chosen]
        title_of = {row.key: title for row, title in zip(shown, titles_of(shown), strict=True)}
        return tuple(
            Line(title_of[key], tuple((epoch, score, (key,)) for epoch, score in curves[key]))
            for key in chosen
            if key in title_of and curves.get(key)
        )
    groups: dict[ResultRow, list[ResultRow]] = defaultdict(list)
    for row in rows:
        if getattr(row, x) is not None and getattr(row, y) is not None:
            groups[_group(row, x)].append(row)
    lines = {group: _line(members, x, y) for group, members in groups.items()}
    kept = {g: line for g, line in lines.items() if len(line.points) > 1 or not line.is_joined}
    titles = _brief_titles(tuple(kept))
    named = [replace(line, title=title) for title, line in zip(titles, kept.values(), strict=True)]
    return tuple(sorted(named, key=lambda line: line.title))


def _brief_titles(groups: Sequence[ResultRow]) -> tuple[str, ...]:
    """Return titles without what all have in common."""
    fields = ("lr", "epochs", "images", "unlabelled")
    same: dict[str, Any] = {
        name: None for name in fields if len({getattr(group, name) for group in groups}) == 1
    }
    return titles_of([replace(group, **same) for group in groups])


def _group(row: ResultRow, x: str) -> ResultRow:
    """Return the row less all that may differ within a line."""
    plain = replace(row, key="", seed=None, minutes=None, state="", tone="neutral", reason="")
    plain = replace(plain, accuracy=None, iou=None, dice=None, opens=None, shorts=None)
    plain = replace(plain, false_tracks=None, missing_tracks=None)
    if x in _NOT_JOINED:
        return replace(plain, lr=None, epochs=None, images=None, unlabelled=None)
    if x == "unlabelled":
        plain = replace(plain, images=(row.images or 0) + (row.unlabelled or 0))
    free: dict[str, Any] = {x: None}
    return replace(plain, **free)


def _line(members: Sequence[ResultRow], x: str, y: str) -> Line:
    if x in _NOT_JOINED:
        found = ((getattr(row, x), getattr(row, y), (row.key,)) for row in members)
        return Line("", tuple(sorted(found)), is_joined=False)
    by_x: dict[float, list[ResultRow]] = defaultdict(list)
    for row in members:
        by_x[getattr(row, x)].append(row)
    points = [
        (at, fmean(getattr(row, y) for row in same), tuple(row.key for row in same))
        for at, same in sorted(by_x.items())
    ]
    return Line("", tuple(points))
