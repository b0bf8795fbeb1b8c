"""Losses of promptable segmentation: per-mask BCE and dice, and the IoU head's error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

EDGE_REACH_PX, EDGE_WEIGHT = 2, 3.0


def mask_loss(logits: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return binary cross-entropy plus dice of each mask.

    BCE is averaged over pixels; the dice term is 1 - (2·Σpt + 1) / (Σp + Σt + 1)
    (Milletari et al. 2016, section 3, with a smoothing of one pixel), so that an empty
    target with an empty prediction costs 0.

    Args:
        logits: float32 (..., H, W).
        target: float32 (..., H, W), coverage in 0..1.
        weights: float32 (..., H, W), of each pixel in the BCE; 1 everywhere if left out.

    Returns:
        float32 (...): one loss a mask.
    """
    bce = functional.binary_cross_entropy_with_logits(logits, target, weights, reduction="none")
    probs = logits.sigmoid()
    overlap = (probs * target).sum(dim=(-2, -1))
    total = probs.sum(dim=(-2, -1)) + target.sum(dim=(-2, -1))
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return bce.mean(dim=(-2, -1)) + dice


def edge_weights(target: Tensor) -> Tensor:
    """Return weights (B, C, H, W) that make the pixels near edges count more.

    A gap of two pixels between two nets decides whether they are one object, yet hardly
    shows in a mean over pixels: Ronneberger et al. 2015, equation 2, here with a constant
    weight within two pixels of an edge.

    Args:
        target: float32 (B, C, H, W), coverage in 0..1.
    """
    return 1 + EDGE_WEIGHT * (_dilate(target) + _dilate(-target))


def _dilate(values: Tensor) -> Tensor:
    """Return the maximum over a square around each pixel, in two passes of one axis each."""
    size, reach = 2 * EDGE_REACH_PX + 1, EDGE_REACH_PX
    across = functional.max_pool2d(values, (1, size), stride=1, padding=(0, reach))
    return functional.max_pool2d(across, (size, 1), stride=1, padding=(reach, 0))


def hard_iou(logits: Tensor, target: Tensor) -> Tensor:
    """Return the IoU (...) of logits > 0 with target >= 0.5; 1 where both are empty."""
    preds, truth = logits > 0, target >= 0.5
    overlap = (preds & truth).sum(dim=(-2, -1)).float()
    union = (preds | truth).sum(dim=(-2, -1)).float()
    return (overlap + (union == 0)) / union.clamp(min=1)


def iou_head_loss(predicted: Tensor, logits: Tensor, target: Tensor) -> Tensor:
    """Return the squared error (...) of predicted IoU.

    SAM-2 learns the absolute error (Ravi et al. 2024, appendix D.2.1), whose best answer is
    the median; the squared one has the mean for its best answer, so that the head comes out
    calibrated.
    """
    return (predicted - hard_iou(logits.detach(), target)) ** 2
