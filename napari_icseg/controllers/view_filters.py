"""Filters and limits for looking at an image; pure functions, the image is never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainers.io.lazy_image import LazyImage

MAX_NLM_PIXELS = 1 << 20
"""Non-local means takes about 1 s a megapixel on two cores; larger images get another filter."""
AUTO_LOW_PERCENT, AUTO_HIGH_PERCENT = 0.5, 99.5
MAX_MEASURED_PX = 1024
_NLM_STRENGTH = 1.2
"""Times the noise's standard deviation."""


def denoise(pixels: NDArray[Any], strength: int) -> NDArray[Any]:
    """Smooths an image for the eye.

    Args:
        pixels: uint8 or uint16 (H, W).
        strength: 0: the image itself. 1: median of 3 x 3. 2: median of 5 x 5, then a Gaussian
            of 0.8 px. 3: non-local means, fitted to the noise; above MAX_NLM_PIXELS a median of
            5 x 5, then a Gaussian of 1.5 px.

    Returns:
        An array of the same shape and type; a new one unless strength is 0.

    """
    if strength == 0:
        return pixels
    plain = np.ascontiguousarray(pixels)
    if strength == 1:
        return np.asarray(cv2.medianBlur(plain, 3))
    if strength == 2:
        return np.asarray(cv2.GaussianBlur(cv2.medianBlur(plain, 5), (0, 0), 0.8))
    if plain.size <= MAX_NLM_PIXELS:
        return _non_local_means(plain)
    return np.asarray(cv2.GaussianBlur(cv2.medianBlur(plain, 5), (0, 0), 1.5))


def noise_sigma(pixels: NDArray[Any]) -> float:
    """The standard deviation of the noise of an image (H, W), in grey values.

    Immerkaer, "Fast noise variance estimation", CVIU 64(2), 1996, equation 3: the mean
    absolute answer of a Laplacian difference that edges hardly touch.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    answer = cv2.filter2D(pixels.astype(np.float32), cv2.CV_32F, kernel)[1:-1, 1:-1]
    return float(np.sqrt(np.pi / 2) / 6 * np.abs(answer).mean())


def auto_limits(pixels: NDArray[Any] | LazyImage) -> tuple[float, float]:
    """The percentiles 0.5 and 99.5 of an image, uint8 or uint16 (H, W), low < high.

    Of a side longer than MAX_MEASURED_PX every n-th pixel is measured.
    """
    step = -(-max(pixels.shape) // MAX_MEASURED_PX)
    measured = pixels[::step, ::step]
    cumulated = np.cumsum(np.bincount(measured.ravel(), minlength=2))
    ranks = np.array([AUTO_LOW_PERCENT, AUTO_HIGH_PERCENT]) / 100 * measured.size
    low, high = (float(value) for value in np.searchsorted(cumulated, ranks))
    largest = float(np.iinfo(pixels.dtype).max)
    low = min(low, largest - 1)
    return low, max(high, low + 1)


def _non_local_means(pixels: NDArray[Any]) -> NDArray[Any]:
    strength = max(1.0, _NLM_STRENGTH * noise_sigma(pixels))
    if pixels.dtype == np.uint8:
        return np.asarray(cv2.fastNlMeansDenoising(pixels, None, strength, 5, 15))
    # OpenCV compares windows of 16 bit by absolute differences only
    return np.asarray(cv2.fastNlMeansDenoising(pixels, [strength], None, 5, 15, cv2.NORM_L1))
