"""How well a promptable model follows clicks: IoU after k clicks, and NoC.

Source: the protocol of interactive segmentation (Sofiiuk et al. 2022, RITM, section 4): each
click goes to the centre of the largest error, until the mask is good enough or a number of
clicks is spent. NoC@q is the number of clicks that a target takes to reach an IoU of q %, at
most 20; a target that never gets there counts 20 and as a failure. Means are taken over
targets, each counting once whatever its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainers.metrics.clicks import Click, next_click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

MAX_CLICKS = 20
NOC_IOUS = (0.80, 0.85, 0.90, 0.95)
"""The q of NoC@q, as IoU."""
IOU_CLICKS = (1, 3, 5, 10)
"""After how many clicks the IoU is told."""


@dataclass(frozen=True)
class ClickScores:
    """What a group of targets took.

    Attributes:
        num: number of targets.
        noc: mean clicks to reach each IoU of `NOC_IOUS`, failures counting `MAX_CLICKS`.
        num_failures: targets that did not reach each IoU of `NOC_IOUS` in `MAX_CLICKS`.
        iou: mean IoU after each number of clicks in `IOU_CLICKS`.
    """

    num: int
    noc: dict[float, float]
    num_failures: dict[float, int]
    iou: dict[int, float]


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
    enough_iou: float = 1.0,
) -> list[float]:
    """Return the IoU after 1, 2, … `num_clicks` simulated clicks.

    Args:
        segment: gives the mask bool (H, W) that the model shows for the clicks so far.
        target: bool (H, W), not empty.
        num_clicks: clicks to spend; once the mask is good enough, no more are made and the
            last IoU is repeated.
        first: the first click; by default one on the target as `next_click` chooses.
        rng: needed for jittered clicks.
        jitter: see `next_click`.
        enough_iou: the annotator stops here.

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
        is_enough = ious[-1] >= enough_iou
        click = None if is_enough else next_click(preds, target, rng, jitter=jitter, clicked=clicks)
    return ious + ious[-1:] * (num_clicks - len(ious))


def clicks_to_reach(ious: Sequence[float], iou: float) -> int | None:
    """Return how many clicks it took to reach an IoU; None if it never did.

    Args:
        ious: after 1, 2, … clicks.
        iou: 0..1; once reached it counts, even where a later click spoils it.
    """
    return next((number for number, value in enumerate(ious, 1) if value >= iou), None)


def click_scores(ious_of_targets: Sequence[Sequence[float]]) -> ClickScores:
    """Return NoC, failures and IoU after k clicks of a group of targets.

    Args:
        ious_of_targets: of each target the IoU after 1, 2, … `MAX_CLICKS` clicks, as
            `iou_by_clicks` gives.

    Raises:
        ValueError: no target, or another number of IoUs.
    """
    lengths = {len(ious) for ious in ious_of_targets}
    if lengths != {MAX_CLICKS}:
        raise ValueError(f"Expected the IoU after each of {MAX_CLICKS} clicks, got {lengths}.")
    reached = {q: [clicks_to_reach(ious, q) for ious in ious_of_targets] for q in NOC_IOUS}
    return ClickScores(
        num=len(ious_of_targets),
        noc={q: float(np.mean([n or MAX_CLICKS for n in nums])) for q, nums in reached.items()},
        num_failures={q: nums.count(None) for q, nums in reached.items()},
        iou={k: float(np.mean([ious[k - 1] for ious in ious_of_targets])) for k in IOU_CLICKS},
    )
