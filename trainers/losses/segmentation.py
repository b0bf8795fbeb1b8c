"""Losses for semantic segmentation with pixels to ignore.

`logits` is float (B, C, H, W): C = 1 for one class against the background (sigmoid), else
background and C - 1 classes (softmax). `target` is uint8 (B, H, W) of class ids; pixels of
`IGNORE` count nowhere.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from trainers.data.labels import IGNORE

_SMOOTH = 1.0


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross-entropy over pixels; binary if there is one channel.

    Source: Ronneberger et al. 2015 (U-Net), section 3, equation 1, without the weight map;
    with one channel it is what the paper of this project calls BCEWithLogitsLoss.
    0 where every pixel is ignored.
    """
    valid = target != IGNORE
    if logits.shape[1] == 1:
        wanted = (target == 1).to(logits.dtype)
        loss = functional.binary_cross_entropy_with_logits(logits[:, 0], wanted, reduction="none")
    else:
        loss = functional.cross_entropy(
            logits, target.long(), ignore_index=IGNORE, reduction="none"
        )
    return (loss * valid).sum() / valid.sum().clamp(min=1)


def soft_dice(logits: Tensor, target: Tensor) -> Tensor:
    """Return 1 - Dice, averaged over the foreground classes, each pooled over the batch.

    Source: Milletari et al. 2016 (V-Net), section 3, equation for D, here with plain sums in
    the denominator as in Drozdzal et al. 2016, and 1 added to both sides of the fraction.
    Empty-class rule: a class absent from target and prediction has loss near 0 by that 1.
    """
    probs, wanted = foreground_probs(logits), _one_hot(target, num_channels=logits.shape[1])
    valid = (target != IGNORE).to(logits.dtype)[:, None]
    overlap = (probs * wanted * valid).sum((0, 2, 3))
    total = (probs * valid).sum((0, 2, 3)) + (wanted * valid).sum((0, 2, 3))
    return 1.0 - ((2.0 * overlap + _SMOOTH) / (total + _SMOOTH)).mean()


def foreground_probs(logits: Tensor) -> Tensor:
    """Return the probability of each foreground class, (B, C, H, W), 0..1."""
    if logits.shape[1] == 1:
        return logits.sigmoid()
    return logits.softmax(dim=1)[:, 1:]


def _one_hot(target: Tensor, *, num_channels: int) -> Tensor:
    ids = torch.arange(1, max(2, num_channels), device=target.device)
    return (target[:, None] == ids[None, :, None, None]).float()
