"""How well a promptable model follows clicks.

Source: the protocol of interactive segmentation (Sofiiuk et al. 2022, RITM, section 4):
each click goes to the largest error, until a number of clicks is spent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainers.metrics.clicks import Click, next_click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


def mask_iou(preds: Mask, target: Mask) -> float:
    """Return the IoU of two bool masks (H, W); 1 where both are empty."""
    union = int((preds | target).sum())
    return float((preds & target).sum()) / union if union else 1.0


def iou_by_clicks(
    segment: Callable[[Sequence[Click]], Mask],
    target: Mask,
    *,
    num_clicks: int,
    first: Click | None = None,
    rng: np.random.Generator | None = None,
    jitter: float = 0.0,
) -> list[float]:
    """Return the IoU after 1, 2, … `num_clicks` simulated clicks.

    Args:
        segment: gives the mask bool (H, W) that the model shows for the clicks so far.
        target: bool (H, W), not empty.
        num_clicks: clicks to spend; once the masks agree, no more are needed and the
            last IoU is repeated.
        first: the first click; by default one on the target as `next_click` chooses.
        rng: needed for jittered clicks.
        jitter: see `next_click`.

    Raises:
        ValueError: the target is empty.
    """
    if not target.any():
        raise ValueError("Expected a target with at least one pixel; it is empty.")
    click = first or next_click(np.zeros_like(target), target, rng, jitter=jitter)
    clicks: list[Click] = []
    ious: list[float] = []
    while click is not None and len(clicks) < num_clicks:
        clicks.append(click)
        preds = segment(clicks)
        ious.append(mask_iou(preds, target))
        click = next_click(preds, target, rng, jitter=jitter)
    return ious + ious[-1:] * (num_clicks - len(ious))
