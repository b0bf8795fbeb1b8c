"""Images of which only the parts that are needed are read: `open_image`.

    RegionReader    one file format: reads a rectangle of one level of a pyramid; `region_reader`
    LazyImage       what the program works with: any rectangle, at full size or coarser

A `LazyImage` takes the place of an array where only `shape`, `dtype`, `size` and slicing are
used. It may be read from several threads at once.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.errors import DataError
from trainers.io.block_mean import block_mean

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from trainers.io.region_reader import RegionReader

OVERVIEW_PIXELS = 32_000_000
"""An overview is kept in memory with at most this many pixels."""
STRIP_BYTES = 16 * 2**20
"""What is read at a time to make an overview."""
SAMPLES = 256
"""Rows of the picture that is shown before the overview is there."""


class LazyImage:
    """A grey image in a file, uint8 or uint16 (H, W); raises `DataError` when reading fails.

    Args:
        reader: of the file.
        path: for messages.

    """

    ndim = 2

    def __init__(self, reader: RegionReader, path: Path) -> None:
        self._reader = reader
        self.path = path
        self.dtype = reader.dtype
        self.shape: tuple[int, int] = reader.levels[0].shape_hw
        self._overview: NDArray[Any] | None = None
        self._overview_step = 0
        self._is_overview_whole = False

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes: that of the overview."""
        return 0 if self._overview is None else self._overview.nbytes

    @cached_property
    def identity(self) -> str:
        """Equal for the same file, wherever it lies; another when it was changed."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.dtype.name} {self.shape}".encode())
        digest.update(self._reader.identity)
        return digest.hexdigest()

    def __getitem__(self, key: tuple[slice, slice]) -> NDArray[Any]:
        """Return pixels of a rectangle as an array; steps take every n-th pixel."""
        rows, cols = key
        (top, bottom, down), (left, right, along) = (
            part.indices(side) for part, side in zip((rows, cols), self.shape, strict=True)
        )
        if down == along > 1 and (top, left, bottom, right) == (0, 0, *self.shape):
            return self.sample(down)
        return self.read(slice(top, bottom), slice(left, right))[::down, ::along]

    def read(self, rows: slice, cols: slice, step: int = 1) -> NDArray[Any]:
        """Return a rectangle, each pixel the mean of `step` x `step` ones.

        Args:
            rows: of the full image, start and stop; the start a multiple of `step`.
            cols: likewise.
            step: a power of two.

        Returns:
            (ceil(height / step), ceil(width / step)), the reader's dtype.

        """
        top, bottom = max(0, rows.start), min(self.shape[0], rows.stop)
        left, right = max(0, cols.start), min(self.shape[1], cols.stop)
        if top >= bottom or left >= right:
            return np.zeros((0, 0), self.dtype)
        overview = self._overview
        if overview is not None and step % self._overview_step == 0:
            own = self._overview_step
            part = overview[top // own : -(-bottom // own), left // own : -(-right // own)]
            return block_mean(part, step // own)
        return self._read_scaled(slice(top, bottom), slice(left, right), step)

    def _read_scaled(self, rows: slice, cols: slice, step: int) -> NDArray[Any]:
        """Return a rectangle inside the image from the best level of the file; see `read`."""
        top, bottom, left, right = rows.start, rows.stop, cols.start, cols.stop
        number = self._level_for(step)
        own = self._reader.levels[number].step
        height, width = self._reader.levels[number].shape_hw
        part = self._read(
            number,
            slice(top // own, min(height, -(-bottom // own))),
            slice(left // own, min(width, -(-right // own))),
        )
        found = block_mean(part, step // own)
        # a level whose size was rounded down lacks a last row or column
        wanted = -(-(bottom - top) // step), -(-(right - left) // step)
        missing = [max(0, want - have) for want, have in zip(wanted, found.shape, strict=True)]
        if any(missing):
            found = np.pad(found, ((0, missing[0]), (0, missing[1])), mode="edge")
        return found[: wanted[0], : wanted[1]]

    def sample(self, step: int) -> NDArray[Any]:
        """Return about every `step`-th pixel of the image, as cheaply as the file allows."""
        if step == 1:
            return self.read(slice(0, self.shape[0]), slice(0, self.shape[1]))
        try:
            found = self._reader.sample(step)
        except Exception as error:
            raise self._error(error) from error
        if found is not None:
            return found
        power = 1 << (step.bit_length() - 1)
        if self.is_quick(power):
            return self.read(slice(0, self.shape[0]), slice(0, self.shape[1]), power)
        return self._middle_rows(step)

    def is_quick(self, step: int) -> bool:
        """Return whether the whole image at this step is there without decoding everything."""
        if self._overview is not None and step % self._overview_step == 0:
            return True
        return self._reader.levels[self._level_for(step)].step * 4 > step

    def make_overview(
        self,
        on_progress: Callable[[float], None] | None = None,
        is_cancelled: Callable[[], bool] | None = None,
    ) -> bool:
        """Read everything once, strip by strip, and keep a coarse version in memory.

        Nothing is read where the file's own levels suffice. `on_progress` gets 0..1.

        Returns:
            Whether it was finished, and not cancelled.

        """
        step = overview_step(self.shape)
        if self._is_overview_whole or (self._overview is None and self.is_quick(step)):
            return True
        overview = self.start_overview()
        per_strip = max(1, STRIP_BYTES // (self.shape[1] * self.dtype.itemsize * step))
        for first in range(0, len(overview), per_strip):
            if is_cancelled is not None and is_cancelled():
                self._overview = None
                return False
            last = min(len(overview), first + per_strip)
            rows = slice(first * step, min(self.shape[0], last * step))
            overview[first:last] = self._read_scaled(rows, slice(0, self.shape[1]), step)
            if on_progress is not None:
                on_progress(last / len(overview))
        self._is_overview_whole = True
        return True

    def start_overview(self) -> NDArray[Any]:
        """Return the overview as far as it is there, at first what can be had quickly."""
        overview = self._overview
        if overview is None:
            step = overview_step(self.shape)
            overview = np.zeros([-(-side // step) for side in self.shape], self.dtype)
            few = self._reader.sample(max(step, min(self.shape) // SAMPLES))
            if few is not None:
                rows, cols = [
                    np.arange(side) * num // side
                    for side, num in zip(overview.shape, few.shape, strict=True)
                ]
                overview[...] = few[np.ix_(rows, cols)]
            self._overview_step, self._overview = step, overview
        return overview

    def _middle_rows(self, step: int) -> NDArray[Any]:
        """Return samples of eight bands: enough for grey limits, without decoding everything."""
        band = max(1, self.shape[0] // 64)
        tops = np.linspace(0, self.shape[0] - band, 8).astype(int)
        cols = slice(0, self.shape[1])
        parts = [self.read(slice(int(top), int(top) + band), cols) for top in tops]
        return np.concatenate(parts)[:, :: max(1, step // 8)]

    def _level_for(self, step: int) -> int:
        """Return the number of the coarsest level from which a step can be made."""
        levels = self._reader.levels
        fits = [n for n, level in enumerate(levels) if step % level.step == 0]
        return max(fits, key=lambda n: levels[n].step)

    def _read(self, level: int, rows: slice, cols: slice) -> NDArray[Any]:
        try:
            return self._reader.read(level, rows, cols)
        except DataError:
            raise
        except Exception as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> DataError:
        if isinstance(error, DataError):
            return error
        if isinstance(error, FileNotFoundError) or not self.path.exists():
            return DataError(
                f"{self.path} is no longer there. Bring the file back, or connect its drive, and "
                "open the image again."
            )
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return DataError(
            f"Cannot read {self.path}: part of it is damaged or cut off ({reason}). Copy or "
            "export it again."
        )


def overview_step(shape_hw: tuple[int, int]) -> int:
    """Return the smallest power of two at which an image has few pixels enough to be kept."""
    step = 1
    while -(-shape_hw[0] // step) * -(-shape_hw[1] // step) > OVERVIEW_PIXELS:
        step *= 2
    return step
