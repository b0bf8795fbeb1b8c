"""Losses of promptable segmentation: per-mask BCE and dice, and the IoU head's error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


def mask_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return binary cross-entropy plus dice of each mask.

    BCE is averaged over pixels; the dice term is 1 - (2·Σpt + 1) / (Σp + Σt + 1)
    (Milletari et al. 2016, section 3, with a smoothing of one pixel), so that an empty
    target with an empty prediction costs 0.

    Args:
        logits: float32 (..., H, W).
        target: float32 (..., H, W), coverage in 0..1.

    Returns:
        float32 (...): one loss a mask.
    """
    bce = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    probs = logits.sigmoid()
    overlap = (probs * target).sum(dim=(-2, -1))
    total = probs.sum(dim=(-2, -1)) + target.sum(dim=(-2, -1))
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return bce.mean(dim=(-2, -1)) + dice


def hard_iou(logits: Tensor, target: Tensor) -> Tensor:
    """Return the IoU (...) of logits > 0 with target >= 0.5; 1 where both are empty."""
    preds, truth = logits > 0, target >= 0.5
    overlap = (preds & truth).sum(dim=(-2, -1)).float()
    union = (preds | truth).sum(dim=(-2, -1)).float()
    return (overlap + (union == 0)) / union.clamp(min=1)


def iou_head_loss(predicted: Tensor, logits: Tensor, target: Tensor) -> Tensor:
    """Return the absolute error (...) of predicted IoU (Ravi et al. 2024, appendix D.2.1)."""
    return (predicted - hard_iou(logits.detach(), target)).abs()
