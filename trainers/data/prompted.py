"""Synthetic tiles with their full ground truth, for training promptable models."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from trainers.data.synthetic import PRESETS, generate_tile

if TYPE_CHECKING:
    from trainers.models.base import Batch


class SyntheticPromptDataset:
    """Tiles made on the fly; item i of epoch e is tile e·len + i of the generator.

    Args:
        preset: a name in `trainers.data.synthetic.PRESETS`.
        seed: of the generator; training, validation and test use different ones.
        num_tiles: of one epoch.
        size_px: side of a tile.

    """

    def __init__(self, *, preset: str, seed: int, num_tiles: int, size_px: int) -> None:
        self._config = replace(PRESETS[preset], size_px=size_px)
        self._seed = seed
        self._num_tiles = num_tiles
        self._epoch = 0

    def __len__(self) -> int:
        return self._num_tiles

    def set_epoch(self, epoch: int) -> None:
        """Choose which tiles of the endless sequence this epoch shows."""
        self._epoch = epoch

    def __getitem__(self, index: int) -> Batch:
        """Return `image` float32 (1, H, W) in 0..1, the label maps int (H, W) and `seed`."""
        if not 0 <= index < self._num_tiles:
            raise IndexError(index)
        number = self._epoch * self._num_tiles + index
        tile = generate_tile(self._config, seed=self._seed, index=number)
        image = tile.image.astype(np.float32) / np.float32(np.iinfo(tile.image.dtype).max)
        return {
            "image": torch.from_numpy(image)[None],
            "semantic": torch.from_numpy(tile.semantic),
            "nets": torch.from_numpy(tile.nets),
            "vias": torch.from_numpy(tile.vias),
            "parts": torch.from_numpy(tile.parts),
            "seed": torch.tensor(self._seed * 1_000_003 + number),
        }
