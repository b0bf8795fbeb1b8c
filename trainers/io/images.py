"""SEM images read as grey arrays and scaled for the models and the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from trainers.errors import DataError
from trainers.io import raster
from trainers.io.raster import IMAGE_SUFFIXES

if TYPE_CHECKING:
    import os

__all__ = [
    "IMAGE_SUFFIXES",
    "MIN_SIDE_PX",
    "contrast_limits",
    "image_size",
    "read_image",
    "to_unit",
]

MIN_SIDE_PX = 8
LOW_PERCENTILE, HIGH_PERCENTILE = 0.1, 99.9

_LUMINANCE = np.array([0.299, 0.587, 0.114])
"""Weights of R, G, B, Rec. ITU-R BT.601-7, section 2.5.1."""


def read_image(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Return the image of a PNG, TIFF, JPEG or BMP file as grey, uint8 or uint16 (H, W).

    Colour becomes luminance unless all channels are equal; alpha is ignored. Pixels stay as
    stored: no orientation tag is applied, so that masks fit.

    Raises:
        DataError: missing, empty, cut-off or damaged file, a stack, other channels than 1, 3
            or 4, other types than 8 or 16 bit, or a side shorter than `MIN_SIDE_PX`.

    """
    grey = to_grey(raster.read_raster(Path(path)).pixels)
    _check_size(path, (grey.shape[0], grey.shape[1]))
    return np.ascontiguousarray(grey)


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return (height, width) in pixels, reading only the header; raises as `read_image`."""
    size_hw = raster.read_size(Path(path))
    _check_size(path, size_hw)
    return size_hw


def to_grey(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return (H, W) of the same type for (H, W) or (H, W, 3) R, G, B pixels."""
    if pixels.ndim == 2:
        return pixels
    first = pixels[..., 0]
    if np.array_equal(first, pixels[..., 1]) and np.array_equal(first, pixels[..., 2]):
        return np.asarray(first)
    return np.asarray(np.rint(pixels @ _LUMINANCE), dtype=pixels.dtype)


def to_unit(image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return `image`, uint8 or uint16 (H, W), as float32 (H, W) in 0..1 for the models.

    8 bit is divided by 255. 16 bit is stretched between its percentiles 0.1 and 99.9 and
    clipped, because detectors seldom use the whole range; a constant image becomes 0.
    """
    if image.dtype == np.uint8:
        return image.astype(np.float32) / np.float32(255)
    low, high = _percentiles(image)
    scaled = (image.astype(np.float32) - np.float32(low)) / np.float32(max(high - low, 1))
    return np.asarray(np.clip(scaled, 0.0, 1.0))


def contrast_limits(image: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the grey values, low < high, to show as black and white.

    8 bit: the whole range, 0 and 255; 16 bit: the percentiles 0.1 and 99.9.
    """
    if image.dtype == np.uint8:
        return 0.0, 255.0
    low, high = _percentiles(image)
    return float(low), float(max(high, low + 1))


def _percentiles(image: npt.NDArray[Any]) -> tuple[int, int]:
    """Return both percentiles by nearest rank, from the histogram: no sorting of the pixels."""
    if image.dtype != np.uint16:
        raise TypeError(f"expected a uint8 or uint16 image, got {image.dtype}")
    cumulated = np.cumsum(np.bincount(image.ravel(), minlength=1))
    ranks = np.array([LOW_PERCENTILE, HIGH_PERCENTILE]) / 100 * image.size
    low, high = np.searchsorted(cumulated, ranks)
    return int(low), int(high)


def _check_size(path: str | os.PathLike[str], size_hw: tuple[int, int]) -> None:
    if min(size_hw) < MIN_SIDE_PX:
        raise DataError(
            f"Cannot use {path}: expected at least {MIN_SIDE_PX} x {MIN_SIDE_PX} pixels, got "
            f"{size_hw[1]} x {size_hw[0]} (width x height). Leave the file out."
        )
