"""The objects of training tiles, as RSPrompter learns them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainers.data.instances import object_masks
from trainers.data.labels import IGNORE

MIN_AREA_PX = 4
"""Smaller objects are no targets; `predict_instances` finds none of that size either."""


@dataclass(frozen=True)
class TileObjects:
    """The N objects of one tile.

    Attributes:
        masks: float32 (N, H, W), 1 inside.
        class_ids: int64 (N,), 1, 2, ….
        valid: float32 (H, W), 0 where the target is `IGNORE`, else 1.
    """

    masks: Tensor
    class_ids: Tensor
    valid: Tensor


def tile_objects(target: Tensor, *, most: int) -> list[TileObjects]:
    """Return the objects of each tile of uint8 (B, H, W), on the target's device.

    Args:
        target: class ids.
        most: of a tile with more objects the largest are taken, because no more queries
            there are that could find them.
    """
    return [_objects(ids, most).to(target) for ids in target.cpu().numpy()]


@dataclass(frozen=True)
class _Found:
    masks: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    class_ids: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    valid: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

    def to(self, like: Tensor) -> TileObjects:
        return TileObjects(
            torch.from_numpy(self.masks).to(like.device).float(),
            torch.from_numpy(self.class_ids).to(like.device),
            torch.from_numpy(self.valid).to(like.device).float(),
        )


def _objects(ids: np.ndarray[tuple[int, int], np.dtype[np.uint8]], most: int) -> _Found:
    masks, class_ids = object_masks(ids, min_area_px=MIN_AREA_PX)
    largest = np.argsort(-masks.sum((1, 2)), kind="stable")[:most]
    return _Found(masks[largest], class_ids[largest], ids != IGNORE)
