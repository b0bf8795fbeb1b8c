"""Training tiles cut from fixed places, turned and flipped: few enough to be encoded ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from trainers.data.dataset import ValidationTiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from trainers.data.snapshot import SnapshotItem
    from trainers.models.base import Batch

NUM_ORIENTATIONS = 8


class FixedTiles:
    """The windows of `ValidationTiles`, each time in one of the 8 rotations and flips, by lot.

    An item is {"image": float32 (1, S, S) in 0..1, "target": uint8 (S, S), "tile": int64} and
    depends on (seed, epoch, index) only. Each window has at most `num_orientations` looks.

    Args:
        items: labelled images.
        size_px: side S of a window.
        seed: of the orientations.
        num_orientations: 1 shows each window as it is, 8 in all ways.
        min_items: a smaller data set is gone through several times an epoch.
    """

    def __init__(
        self,
        items: Sequence[SnapshotItem],
        *,
        size_px: int,
        seed: int,
        num_orientations: int = NUM_ORIENTATIONS,
        min_items: int = 0,
    ) -> None:
        self._windows = ValidationTiles(items, size_px=size_px)
        self._seed, self._num_orientations = seed, num_orientations
        self._num_rounds = max(1, -(-min_items // len(self._windows)))
        self._shares: npt.NDArray[np.float64] | None = None
        self._epoch = 0

    def __len__(self) -> int:
        """Return the number of items of an epoch."""
        return self._num_rounds * len(self._windows)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch (0-based) whose orientations are used."""
        self._epoch = epoch

    def __getitem__(self, index: int) -> Batch:
        """Return one window; `index` beyond the length repeats windows with other looks."""
        item = self._windows[index % len(self._windows)]
        rng = np.random.default_rng((self._seed, self._epoch, index))
        number = int(rng.integers(self._num_orientations))
        turned = {name: oriented(item[name], number) for name in ("image", "target")}
        return {**item, **turned}

    def class_shares(self) -> npt.NDArray[np.float64]:
        """Return the share of each foreground class in each item's window, (N, C), 0..1."""
        if self._shares is None:  # each epoch asks, and all masks are read for it
            self._shares = np.tile(self._windows.class_shares(), (self._num_rounds, 1))
        return self._shares


def oriented(pixels: Tensor, number: int) -> Tensor:
    """Return square maps (..., S, S) in rotation and flip `number`, 0..7; 0 changes nothing."""
    turned = torch.rot90(pixels, number % 4, dims=(-2, -1))
    return (turned.flip(-1) if number >= 4 else turned).contiguous()
