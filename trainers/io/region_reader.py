"""What a `LazyImage` reads from: rectangles of the levels of a pyramid.

`lazy_tiff`, `ome_zarr` and `converted` have the readers of files; the one of arrays is here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Level:
    """One size of an image: a pixel is the mean of `step` x `step` pixels of the full one."""

    step: int
    shape_hw: tuple[int, int]


def level_of(full_hw: tuple[int, int], shape_hw: tuple[int, int]) -> Level | None:
    """Return what level of an image an array of this shape is; None if of no power of two."""
    step = max(1, round(full_hw[0] / max(1, shape_hw[0])))
    is_power = step & (step - 1) == 0
    fits = all(abs(s * step - f) < step for s, f in zip(shape_hw, full_hw, strict=True))
    return Level(step, shape_hw) if is_power and fits else None


class RegionReader(Protocol):
    """Reads rectangles of one image file; safe to use from several threads."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16, native byte order."""

    @property
    def levels(self) -> tuple[Level, ...]:
        """The full size first, then what coarser ones the file holds."""

    @property
    def identity(self) -> bytes:
        """Differs when the file was changed; does not depend on where it lies."""

    def read(self, level: int, rows: slice, cols: slice) -> NDArray[Any]:
        """Return a rectangle of a level, given by whole pixels inside it, as (h, w).

        Raises:
            Exception: whatever a file that is damaged, cut off or gone leads to.

        """

    def sample(self, step: int) -> NDArray[Any] | None:
        """Return every `step`-th pixel quickly, or None where all would have to be decoded."""


class ArrayReader:
    """An image that is in memory anyway."""

    def __init__(self, pixels: NDArray[Any]) -> None:
        self._pixels = pixels
        self.dtype = pixels.dtype
        self.levels = (Level(1, (pixels.shape[0], pixels.shape[1])),)

    @cached_property
    def identity(self) -> bytes:
        """The content itself."""
        return hashlib.blake2b(np.ascontiguousarray(self._pixels).data, digest_size=16).digest()

    def read(self, level: int, rows: slice, cols: slice) -> NDArray[Any]:
        """Return a view."""
        assert level == 0
        return self._pixels[rows, cols]

    def sample(self, step: int) -> NDArray[Any]:
        """Return a view."""
        return self._pixels[::step, ::step]
