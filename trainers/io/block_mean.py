"""Smaller versions of an image: each pixel the mean of a square block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def block_mean(pixels: NDArray[Any], step: int) -> NDArray[Any]:
    """Return uint8 or uint16 (H, W) with each `step` x `step` block as one pixel.

    The result has ceil(H / step) x ceil(W / step) pixels; blocks that the image's edge cuts
    are filled up with their last row and column.
    """
    if step == 1:
        return pixels
    height, width = (-(-side // step) for side in pixels.shape)
    missing = height * step - pixels.shape[0], width * step - pixels.shape[1]
    if any(missing):
        pixels = np.pad(pixels, ((0, missing[0]), (0, missing[1])), mode="edge")
    small = cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small)
