"""Human seconds against test IoU: what a route takes to reach an IoU."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Point:
    """A model that was trained on what a person had labelled by then.

    Attributes:
        human_s: seconds of the person, from the start.
        test_iou: foreground IoU on unseen tiles, 0..1.
        num_labelled: tiles that the model was trained on, validation included.
        num_by_hand: those of them that the person clicked, edited or accepted one by one.
        label_iou: mean IoU of the labels with the truth, 0..1.
        num_clicks: mouse clicks, from the start.

    """

    human_s: float
    test_iou: float
    num_labelled: int
    num_by_hand: int
    label_iou: float
    num_clicks: int


def seconds_at(points: Sequence[Point], iou: float) -> float | None:
    """Return the human seconds at which a route reaches a test IoU; None if it never does.

    Of a later model that is worse than an earlier one the earlier is kept: the curve is the
    best so far. Between two of its points it is a straight line. The first point is not
    interpolated (nothing is known before it): an IoU up to its own takes its seconds.
    """
    best = best_so_far(points)
    if not best or best[-1][1] < iou:
        return None
    for (from_s, low), (to_s, high) in itertools.pairwise(best):
        if low < iou <= high:
            return from_s + (to_s - from_s) * (iou - low) / (high - low)
    return best[0][0]


def best_so_far(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Return (seconds, best IoU up to then) of the points, in the order of their seconds."""
    ordered = sorted(points, key=lambda point: point.human_s)
    ious = itertools.accumulate((point.test_iou for point in ordered), max)
    return [(point.human_s, iou) for point, iou in zip(ordered, ious, strict=True)]


def common_iou(routes: Mapping[str, Sequence[Point]]) -> float:
    """Return the highest test IoU that every route reaches; each has a point."""
    return min(max(point.test_iou for point in points) for points in routes.values())


def first_iou(routes: Mapping[str, Sequence[Point]]) -> float:
    """Return the lowest test IoU at which no route is measured before its first point."""
    return max(best_so_far(points)[0][1] for points in routes.values())
