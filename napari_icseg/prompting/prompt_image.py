"""An image as the predictor sees it: pixels, a name for its content, a grey scale."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.prompting.errors import PromptError
from trainers.io.images import contrast_limits
from trainers.io.lazy_image import LazyImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_icseg.prompting.windows import Window

    Pixels = NDArray[Any] | LazyImage

_MAX_SCALE_SAMPLES = 4_000_000
"""Pixels from which the grey scale of a 16-bit image is taken."""


@dataclass(frozen=True, eq=False)
class PromptImage:
    """A grey image, uint8 or uint16 (H, W); raises `PromptError` for anything else.

    Of a `LazyImage` only the windows that are asked for are read.
    """

    pixels: Pixels

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.uint16) or not pixels.size:
            raise PromptError(
                "Expected a grey image, uint8 or uint16 (height, width); "
                f"got {pixels.dtype} {pixels.shape}."
            )

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])

    @cached_property
    def content_hash(self) -> str:
        """Equal for equal pixels, whatever the file is called.

        Of an image that is not read as a whole: equal for the same unchanged file.
        """
        if isinstance(self.pixels, LazyImage):
            return self.pixels.identity
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.pixels.dtype.name} {self.size_hw}".encode())
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.hexdigest()

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The grey values that become 0 and 1.

        Taken from the whole image, or from every n-th pixel of a large one, so that all
        windows of an image have the same scale.
        """
        if self.pixels.dtype == np.uint8:
            return contrast_limits(np.zeros((1, 1), np.uint8))  # the same for all of them
        step = max(1, round((self.pixels.size / _MAX_SCALE_SAMPLES) ** 0.5))
        return contrast_limits(np.ascontiguousarray(self.pixels[::step, ::step]))

    def unit(self, window: Window) -> NDArray[np.float32]:
        """Return a window's pixels, float32 (h, w) in 0..1, as `trainers.io.images.to_unit`."""
        low, high = (np.float32(limit) for limit in self.limits)
        pixels = self.pixels[window.slices].astype(np.float32)
        return np.asarray(np.clip((pixels - low) / (high - low), 0, 1), dtype=np.float32)
