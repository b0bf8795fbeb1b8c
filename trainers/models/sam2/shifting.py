"""Moving the edges of a mask to where the clicks beside them say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainers.metrics.clicks import Click

NEAR_LOGIT = 6.0
"""A wrong click with a logit further from 0 is no matter of the edge: something is missing."""
NEAR_PX, AROUND_PX = 2, 4
"""The edge lies at most so far from a click that means it, and in the second radius there are
places at least twice as sure: else the click means the whole line or via that it is on."""
MARGIN = 0.3
"""By how much, in logits, a click is put on its side of the edge."""
BEND_SIGMA_PX = 1.0
"""Of the Gaussian by which an edge is bent to a click that no threshold puts right."""


def follow_clicks(logits: NDArray[np.float32], clicks: Sequence[Click]) -> NDArray[np.float32]:
    """Return logits whose edge runs where the clicks near it say.

    All edges are moved alike as far as that helps (`edge_shift`); where clicks near the edge
    are wrong still, because they want different things, it is bent beside each, later clicks
    last. What is far from any edge is left to the model.

    Args:
        logits: float32 (H, W), above 0 is inside.
        clicks: in the order they were made.
    """
    followed = logits + np.float32(edge_shift(logits, clicks))
    for click in clicks:
        value = float(followed[click.y, click.x])
        if (value > 0) != click.positive and _means_edge(logits, click):
            height = -value + (MARGIN if click.positive else -MARGIN)
            _bend(followed, click, height)
    return followed


def _bend(logits: NDArray[np.float32], click: Click, height: float) -> None:
    """Add a Gaussian of that height, in logits, at a click, in place."""
    reach = int(np.ceil(3 * BEND_SIGMA_PX))
    rows = slice(max(0, click.y - reach), click.y + reach + 1)
    cols = slice(max(0, click.x - reach), click.x + reach + 1)
    part = logits[rows, cols]
    y = np.arange(rows.start, rows.start + part.shape[0], dtype=np.float32)[:, None] - click.y
    x = np.arange(cols.start, cols.start + part.shape[1], dtype=np.float32)[None] - click.x
    part += np.float32(height) * np.exp(-(y**2 + x**2) / np.float32(2 * BEND_SIGMA_PX**2))


def edge_shift(logits: NDArray[np.float32], clicks: Sequence[Click]) -> float:
    """Return what to add to a mask's logits so that the clicks near its edge come out right.

    Where a model draws every via of an image half a pixel too small, a click on one rim tells
    of all of them: the smallest change of the threshold that puts it inside grows them alike.

    Args:
        logits: float32 (H, W), above 0 is inside.
        clicks: wrong ones beside an edge are to be put right, those that are right are to
            stay so; a wrong click that means something else says nothing.

    Returns:
        The smallest shift that does both, 0 if nothing is wrong; half-way where the clicks
        contradict each other. At most `NEAR_LOGIT` + `MARGIN` either way.
    """
    heard = [c for c in clicks if _is_right(logits, c) or _means_edge(logits, c)]
    inside = [-float(logits[c.y, c.x]) for c in heard if c.positive]
    outside = [-float(logits[c.y, c.x]) for c in heard if not c.positive]
    low, high = max(inside, default=-np.inf), min(outside, default=np.inf)
    if low < 0 < high:
        return 0.0
    if low >= high:
        shift = (low + high) / 2
    else:
        margin = min(MARGIN, (high - low) / 2)
        shift = low + margin if low >= 0 else high - margin
    limit = NEAR_LOGIT + MARGIN
    return float(np.clip(shift, -limit, limit))


def _is_right(logits: NDArray[np.float32], click: Click) -> bool:
    return bool(logits[click.y, click.x] > 0) == click.positive


def _means_edge(logits: NDArray[np.float32], click: Click) -> bool:
    """Return whether a wrong click lies beside an edge, on the flank of what it is on."""
    side = -1.0 if click.positive else 1.0
    height = side * float(logits[click.y, click.x])
    highest = float((side * _around(logits, click, AROUND_PX)).max())
    is_near = bool((side * _around(logits, click, NEAR_PX) <= 0).any())
    return is_near and height <= min(NEAR_LOGIT, highest / 2)


def _around(logits: NDArray[np.float32], click: Click, radius_px: int) -> NDArray[np.float32]:
    top, left = max(0, click.y - radius_px), max(0, click.x - radius_px)
    return logits[top : click.y + radius_px + 1, left : click.x + radius_px + 1]
