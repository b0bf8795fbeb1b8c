"""Tiles of a snapshot as training crops and validation windows of one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from trainers.data.augment import random_contrast, random_orientation
from trainers.data.labels import IGNORE
from trainers.data.warp import Warps, random_warp
from trainers.io.images import contrast_limits, image_size, read_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.config import Augment
    from trainers.data.snapshot import SnapshotItem
    from trainers.models.base import Batch

_CACHE_MIB = 512
"""Decoded tiles kept in memory by one data set; those that do not fit are read each time."""


@dataclass(frozen=True)
class _Tile:
    """One decoded image with its class ids, both (H, W), and the grey values of 0 and 1."""

    image: npt.NDArray[Any]
    ids: npt.NDArray[np.uint8]
    limits: tuple[float, float]

    def crop(
        self, top: int, left: int, size_px: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Return image (0..1) and ids of a square that is cut off at the right and bottom."""
        window = np.s_[top : top + size_px, left : left + size_px]
        low, high = self.limits
        unit = self.image[window].astype(np.float32)  # a copy: the rest is done in place
        unit -= np.float32(low)
        unit /= np.float32(high - low)
        return np.clip(unit, 0.0, 1.0, out=unit), self.ids[window]


class _TileStore:
    """Reads tiles, keeping the first ones up to a bound of memory."""

    def __init__(self, items: Sequence[SnapshotItem], cache_mib: float) -> None:
        self.items = items
        self._cache: dict[int, _Tile] = {}
        self._free_bytes = cache_mib * 2**20

    def __getitem__(self, index: int) -> _Tile:
        if index in self._cache:
            return self._cache[index]
        tile = _read_tile(self.items[index])
        num_bytes = tile.image.nbytes + tile.ids.nbytes
        if num_bytes <= self._free_bytes:
            self._cache[index] = tile
            self._free_bytes -= num_bytes
        return tile


def _read_tile(item: SnapshotItem) -> _Tile:
    image = read_image(item.image)
    ids = item.target((image.shape[0], image.shape[1]))
    return _Tile(image, ids, contrast_limits(image))


class TrainingTiles:
    """Random square crops; an image of the area of n crops gives n of them an epoch.

    An item is {"image": float32 (1, S, S) in 0..1, "target": uint8 (S, S) class ids} and
    depends on (seed, epoch, index) only. Images smaller than S are mirrored at their edges.
    All images are repeated equally often until there are `min_crops` crops. `full`
    augmentation is orientation, warp (see `Warps`) and contrast, in this order.
    """

    def __init__(
        self,
        items: Sequence[SnapshotItem],
        *,
        size_px: int,
        seed: int,
        augment: Augment,
        min_crops: int = 0,
        cache_mib: float = _CACHE_MIB,
        warps: Warps | None = None,
    ) -> None:
        self._items, self._store = items, _TileStore(items, cache_mib)
        self._size_px, self._seed, self._augment = size_px, seed, augment
        self._warps = Warps() if warps is None else warps
        self._shares: npt.NDArray[np.float64] | None = None
        owners = [n for n, item in enumerate(items) for _ in range(_num_crops(item, size_px))]
        self._owners = owners * max(1, -(-min_crops // len(owners)))
        self._epoch = 0

    def __len__(self) -> int:
        """Return the number of crops of an epoch."""
        return len(self._owners)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch (0-based) whose random draws are used."""
        self._epoch = epoch

    def __getitem__(self, index: int) -> Batch:
        """Return one crop; `index` beyond the length repeats tiles with other random draws."""
        rng = np.random.default_rng((self._seed, self._epoch, index))
        tile = self._store[self._owners[index % len(self)]]
        size_px = self._size_px
        height, width = tile.ids.shape
        top = int(rng.integers(max(0, height - size_px) + 1))
        left = int(rng.integers(max(0, width - size_px) + 1))
        image, target = tile.crop(top, left, size_px)
        image, target = _mirrored(image, size_px), _mirrored(target, size_px)
        if self._augment != "none":
            image, target = random_orientation(image, target, rng)
        if self._augment == "full":
            image, target = random_warp(image, target, rng, self._warps)
            image = random_contrast(image, rng)
        return _item(image, target)

    def class_shares(self) -> npt.NDArray[np.float64]:
        """Return the share of each foreground class in each crop's whole tile, (N, C), 0..1."""
        if self._shares is None:
            num_classes = _num_classes(self._items)
            ids = (item.target(image_size(item.image)) for item in self._items)
            self._shares = np.array([_class_shares(tile, num_classes) for tile in ids])
        return self._shares[self._owners]


class ValidationTiles:
    """Windows that cover each image once, in a fixed order.

    Items are as in `TrainingTiles`, and "tile": int64, the number of the image. Pixels beyond
    the image, or covered by the window before, have the target `IGNORE`: each pixel counts once.
    """

    def __init__(
        self, items: Sequence[SnapshotItem], *, size_px: int, cache_mib: float = _CACHE_MIB
    ) -> None:
        self._store = _TileStore(items, cache_mib)
        self._size_px = size_px
        self._windows = [
            (number, top, left)
            for number, item in enumerate(items)
            for top, left in _window_origins(image_size(item.image), size_px)
        ]

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self._windows)

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: validation is the same in every epoch."""

    def __getitem__(self, index: int) -> Batch:
        """Return one window."""
        number, top, left = self._windows[index]
        tile, size_px = self._store[number], self._size_px
        height, width = tile.ids.shape
        # the last window is moved inwards, so that it sees its full surroundings
        start_row, start_col = (
            max(0, min(top, height - size_px)),
            max(0, min(left, width - size_px)),
        )
        image, ids = tile.crop(start_row, start_col, size_px)
        target = np.full((size_px, size_px), IGNORE, np.uint8)
        target[: ids.shape[0], : ids.shape[1]] = ids
        target[: top - start_row] = IGNORE
        target[:, : left - start_col] = IGNORE
        return {**_item(_mirrored(image, size_px), target), "tile": torch.tensor(number)}

    def class_shares(self) -> npt.NDArray[np.float64]:
        """Return the share of each foreground class in each window, (N, C), 0..1."""
        items, size_px = self._store.items, self._size_px
        num_classes, shares, last = _num_classes(items), [], -1
        for number, top, left in self._windows:
            if number != last:  # windows of an image follow one another
                ids = items[number].target(image_size(items[number].image))
                last = number
            window = ids[top : top + size_px, left : left + size_px]
            shares.append(_class_shares(window, num_classes))
        return np.array(shares)


def _num_crops(item: SnapshotItem, size_px: int) -> int:
    height, width = image_size(item.image)
    return max(1, round(height * width / size_px**2))


def _class_shares(ids: npt.NDArray[np.uint8], num_classes: int) -> npt.NDArray[np.float64]:
    return np.bincount(ids.ravel(), minlength=256)[1 : num_classes + 1] / ids.size


def _num_classes(items: Sequence[SnapshotItem]) -> int:
    return max(1, *(item.max_id for item in items))


def _window_origins(size_hw: tuple[int, int], size_px: int) -> list[tuple[int, int]]:
    height, width = size_hw
    return [(r, c) for r in range(0, height, size_px) for c in range(0, width, size_px)]


def _mirrored(pixels: npt.NDArray[Any], size_px: int) -> npt.NDArray[Any]:
    """Return (size_px, size_px), continued by its mirror image where it is smaller."""
    height, width = pixels.shape
    if (height, width) == (size_px, size_px):
        return pixels
    return np.pad(pixels, ((0, size_px - height), (0, size_px - width)), mode="symmetric")


def _item(image: npt.NDArray[np.float32], target: npt.NDArray[np.uint8]) -> Batch:
    # copies, because torch wants arrays that it may write to
    return {
        "image": torch.from_numpy(np.array(image[None], order="C")),
        "target": torch.from_numpy(np.array(target, order="C")),
    }
