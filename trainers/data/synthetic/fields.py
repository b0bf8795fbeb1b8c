"""Random draws and smooth random fields shared by the layout and the imaging."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from trainers.data.synthetic.config import Range, Weights

FloatImage = NDArray[np.float32]
IntImage = NDArray[np.int32]
Rng = np.random.Generator


def draw(rng: Rng, limits: Range) -> float:
    """Return a value uniform in the closed range `limits`."""
    return float(rng.uniform(limits[0], limits[1]))


def draw_log(rng: Rng, limits: Range) -> float:
    """Return a value log-uniform in `limits` (both positive): small sizes are as likely as big."""
    return float(np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1]))))


def choose(rng: Rng, weights: Weights) -> str:
    """Return one of the names, with probability proportional to its weight."""
    total = sum(weight for _, weight in weights)
    left = rng.random() * total
    for name, weight in weights:
        left -= weight
        if left < 0.0:
            return name
    return weights[-1][0]


def smooth_field(rng: Rng, shape: tuple[int, ...], length_px: float) -> FloatImage:
    """Return a random field (H, W) float32 of mean about 0 and deviation about 1, within ±4.

    White noise on a grid of `length_px` is interpolated by cubic splines, at any size for the
    price of a resize; the fields are isotropic enough for clouds and edge roughness.
    """
    step = max(length_px, 1.0)
    counts = [int(np.ceil(side / step)) + 2 for side in shape]
    coarse = np.clip(rng.standard_normal(counts, dtype=np.float32) * np.float32(1.35), -3.5, 3.5)
    rows, cols = (round(count * step) for count in counts)
    top, left = (int(rng.integers(0, n - m + 1)) for n, m in zip((rows, cols), shape, strict=True))
    fine = cv2.resize(coarse, (cols, rows), interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine[top : top + shape[0], left : left + shape[1]], np.float32)


def blur(image: FloatImage, sigma_px: float) -> FloatImage:
    """Return `image` (H, W) float32 smoothed by a Gaussian; unchanged below 0.2 px."""
    if sigma_px < 0.2:
        return image
    return np.asarray(
        cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT), np.float32
    )


def wide_blur(image: FloatImage, sigma_px: float) -> FloatImage:
    """Return a Gaussian blur computed at a reduced size where the kernel is wide."""
    factor = max(1, int(sigma_px / 2.5))
    if factor == 1:
        return blur(image, sigma_px)
    height, width = image.shape
    size = (max(1, width // factor), max(1, height // factor))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)
    small = blur(small, sigma_px / factor)
    return np.asarray(
        cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
    )
