"""CutMix: the tiles of a batch swap a rectangle with one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from trainers.models.base import Batch


def can_mix(batch: Batch) -> bool:
    """Say whether the batch is images and targets alone: nothing else would be wrong then."""
    return set(batch) == {"image", "target"}


def cutmix(batch: Batch, *, probability: float, rng: np.random.Generator) -> Batch:
    """Return the batch, in which with `probability` each tile has a rectangle of the next one.

    Source: Yun et al. 2019 (CutMix), section 3.1 with their α = 1: the rectangle, the same for
    all tiles, has the image's proportions, a uniformly drawn area and centre, and is cut at the
    border. Here the targets (B, H, W) are cut like the images (B, 1, H, W), as French et al.
    2020 do for segmentation; no label has to be weighted.
    """
    if rng.random() >= probability or len(batch["image"]) < 2:
        return batch
    rows, cols = _rectangle((batch["image"].shape[-2], batch["image"].shape[-1]), rng)
    mixed = {name: value.clone() for name, value in batch.items()}
    for name, value in batch.items():
        mixed[name][..., rows, cols] = torch.roll(value, 1, dims=0)[..., rows, cols]
    return mixed


def _rectangle(size_hw: tuple[int, int], rng: np.random.Generator) -> tuple[slice, slice]:
    side = np.sqrt(rng.random())
    cut: list[slice] = []
    for length in size_hw:
        center, half = rng.integers(length), side * length / 2
        start, stop = np.clip(np.round([center - half, center + half]), 0, length).astype(int)
        cut.append(slice(int(start), int(stop)))
    return cut[0], cut[1]
