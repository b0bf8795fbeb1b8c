"""Losses of binary masks that weigh missed pixels against added ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_SMOOTH = 1.0


def weighted_bce(
    logits: Tensor, target: Tensor, valid: Tensor, *, positive_weight: float
) -> Tensor:
    """Return binary cross-entropy whose foreground pixels count `positive_weight` times.

    A missed pixel (false negative) then costs that much more than an added one. Averaged over
    the valid pixels of each mask; 0 where none is valid.

    Args:
        logits: float (B, H, W).
        target: float (B, H, W), 0 or 1.
        valid: bool (B, H, W), pixels that count.
        positive_weight: above 0; 1 is plain cross-entropy.

    Returns:
        float (B,).
    """
    weight = torch.as_tensor(positive_weight, dtype=logits.dtype, device=logits.device)
    loss = functional.binary_cross_entropy_with_logits(
        logits, target, reduction="none", pos_weight=weight
    )
    return (loss * valid).sum((-2, -1)) / valid.sum((-2, -1)).clamp(min=1)


def tversky_loss(logits: Tensor, target: Tensor, valid: Tensor, *, beta: float) -> Tensor:
    """Return 1 - Tversky index of each mask, float (B,).

    Source: Salehi et al. 2017, equation 4, with alpha = 1 - beta and 1 added to both sides of
    the fraction: TP / (TP + (1 - beta) FP + beta FN). Half is Dice; more makes missed pixels
    (FN) cost more than added ones. Empty rule: an empty prediction of an empty target costs
    nearly nothing.

    Args:
        logits: float (B, H, W).
        target: float (B, H, W), 0 or 1.
        valid: bool (B, H, W), pixels that count.
        beta: weight of the false negatives, 0..1.
    """
    probs = logits.sigmoid() * valid
    wanted = target * valid
    hits = (probs * wanted).sum((-2, -1))
    added = (probs * (valid & (target < 0.5))).sum((-2, -1))
    missed = wanted.sum((-2, -1)) - hits
    return 1.0 - (hits + _SMOOTH) / (hits + (1.0 - beta) * added + beta * missed + _SMOOTH)
