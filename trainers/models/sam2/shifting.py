"""Moving all edges of a mask at once, as far as the clicks beside them say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainers.metrics.clicks import Click

NEAR_LOGIT = 3.0
"""A wrong click with a logit further from 0 is no matter of the edge: something is missing."""
MARGIN = 0.3
"""By how much, in logits, a click is put on its side of the edge."""


def edge_shift(logits: NDArray[np.float32], clicks: Sequence[Click]) -> float:
    """Return what to add to a mask's logits so that the clicks near its edge come out right.

    Where a model draws every via of an image half a pixel too small, a click on one rim tells
    of all of them: the smallest change of the threshold that puts it inside grows them alike.

    Args:
        logits: float32 (H, W), above 0 is inside.
        clicks: those whose logit is wrong by at most `NEAR_LOGIT` are to be put right, those
            that are right are to stay so.

    Returns:
        The smallest shift that does both, 0 if nothing is wrong; half-way where the clicks
        contradict each other. At most `NEAR_LOGIT` + `MARGIN` either way.
    """
    values = [(float(logits[click.y, click.x]), click.positive) for click in clicks]
    inside = [-value for value, positive in values if positive and value >= -NEAR_LOGIT]
    outside = [-value for value, positive in values if not positive and value <= NEAR_LOGIT]
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
