"""Small rotations and smooth deformations of a tile together with its class ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import torch

from trainers.data.labels import IGNORE

if TYPE_CHECKING:
    from trainers.config import TrainConfig

Unit = npt.NDArray[np.float32]
Ids = npt.NDArray[np.uint8]
_GRID = 3
"""Points a side of the coarse grid of shifts."""


@dataclass(frozen=True)
class Warps:
    """How often and how much tiles are warped; rates are shares of the crops, 0..1."""

    rotation_rate: float = 0.2
    rotation_deg: float = 5.0
    """Largest angle, degrees."""
    elastic_rate: float = 0.2
    elastic_px: float = 3.0
    """Standard deviation of the shifts on the coarse grid, px."""

    @classmethod
    def of(cls, config: TrainConfig) -> Warps:
        """Return what the run's settings say."""
        return cls(
            rotation_rate=config.rotation_rate,
            rotation_deg=config.rotation_deg,
            elastic_rate=config.elastic_rate,
            elastic_px=config.elastic_px,
        )


def random_warp(
    image: Unit, target: Ids, rng: np.random.Generator, warps: Warps
) -> tuple[Unit, Ids]:
    """Return image (bilinear) and class ids (nearest), both (S, S), rotated and deformed alike.

    Pixels from beyond the tile are `IGNORE` in the target and the mean grey in the image. The
    deformation is that of Ronneberger et al. 2015 (U-Net), section 3.1: Gaussian shifts on a
    coarse 3 × 3 grid, interpolated bicubically.
    """
    rotates = rng.random() < warps.rotation_rate and warps.rotation_deg > 0
    deforms = rng.random() < warps.elastic_rate and warps.elastic_px > 0
    if not rotates and not deforms:
        return image, target
    size_px = target.shape[0]
    shift = np.zeros((size_px, size_px, 2), np.float32)
    if rotates:
        shift += _rotation(size_px, np.deg2rad(rng.uniform(-1, 1) * warps.rotation_deg))
    if deforms:
        coarse = rng.normal(0.0, warps.elastic_px, (_GRID, _GRID, 2)).astype(np.float32)
        shift += cv2.resize(coarse, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    return _displaced(image, target, shift)


def _rotation(size_px: int, angle_rad: float) -> Unit:
    """Return the shifts (S, S, xy), px, of a rotation about the middle."""
    x = np.arange(size_px, dtype=np.float32) - np.float32((size_px - 1) / 2)
    cos, sin = np.float32(np.cos(angle_rad) - 1), np.float32(np.sin(angle_rad))
    row, col = x[:, None], x[None, :]
    return np.stack([cos * col - sin * row, sin * col + cos * row], axis=-1)


def _displaced(image: Unit, target: Ids, shift_xy_px: Unit) -> tuple[Unit, Ids]:
    """Return what lies at each pixel's place plus its shift."""
    # imported here: it is slow, and only training needs it
    from torchvision.transforms.v2 import functional

    # torchvision counts in halves of the side
    displacement = torch.from_numpy(shift_xy_px)[None] * (2.0 / target.shape[0])
    # copies, because torch wants arrays that it may write to
    grey = torch.from_numpy(np.array(image, order="C"))[None]
    ids = torch.from_numpy(np.array(target, order="C"))[None]
    moved = functional.elastic_image(grey, displacement, fill=[float(image.mean())])
    kept = functional.elastic_mask(ids, displacement, fill=[IGNORE])
    return moved[0].numpy(), kept[0].numpy()
