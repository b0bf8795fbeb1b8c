"""The edge of an object moved to the nearest strong edge of the image's grey levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_icseg.project.mask_shapes import window_of
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from napari_icseg.project.mask_shapes import Pixels, Shape, Window

    Floats = npt.NDArray[np.float64]

REACH_PX = 3
"""How far the edge moves at most."""
_SIGMA_PX = 1.5
"""Gaussian that the gradient is taken at: noise of half the contrast is then no hindrance."""
_MARGIN_PX = 8
_NUM_NOISE = 3.0
"""The old edge stays where the grey levels have none stronger than so many times the noise."""


def snap_window(mask: RleMask, shape_hw: Shape) -> Window:
    """Return the part of the image that `snap` looks at."""
    return window_of(mask, _MARGIN_PX, shape_hw)


def snap(
    mask: RleMask, grey: npt.NDArray[Any], shape_hw: Shape, blocked: Iterable[RleMask] = ()
) -> RleMask:
    """Return the object with its edge on the strongest gradient within REACH_PX pixels.

    A watershed of the gradient's magnitude between the object's inside and its surroundings.
    Where no edge stands out from the noise, for example where two tracks were cut apart by
    hand, the object's edge stays.

    Args:
        mask: the object.
        grey: the image's pixels in `snap_window(mask, shape_hw)`, (h, w), any numbers.
        shape_hw: height and width of the image.
        blocked: objects of the same class: it does not move into them.

    """
    from skimage.segmentation import watershed

    rows, cols = snap_window(mask, shape_hw)
    own = mask.pixels_in(rows, cols)
    depth, distance = _distance_to(~own), _distance_to(own)
    inner, outer = (depth > REACH_PX) | _ridge(depth), distance > REACH_PX
    if not outer.any():
        return mask
    levels = _levels(grey.astype(np.float64), np.maximum(depth, distance))
    snapped: Pixels = watershed(levels, outer * 1 + inner * 2, connectivity=1) == 2
    for other in blocked:
        if other.reaches(rows, cols):
            snapped &= ~other.pixels_in(rows, cols) | own
    return RleMask.from_mask(snapped, (rows.start, cols.start))


def _levels(grey: Floats, distance: Floats) -> Floats:
    """Return the gradient, with a low wall at the old edge.

    Args:
        grey: the image, (h, w).
        distance: to the old edge in pixels, at least 1, (h, w).

    """
    gradient: Floats = ndimage.gaussian_gradient_magnitude(grey, _SIGMA_PX, mode="nearest")
    wall = np.clip(1 - (distance - 1) / REACH_PX, 0, 1)
    return gradient + _NUM_NOISE * _noise_of_gradient(grey) * wall


def _noise_of_gradient(grey: Floats) -> float:
    """Return the mean magnitude of the gradient that the noise alone has.

    The noise's standard deviation is estimated by Immerkaer's filter (1996), which straight
    edges do not touch; the gradient of white noise has a Rayleigh distribution.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    response = np.abs(ndimage.convolve(grey, kernel, mode="nearest"))
    noise = float(np.median(response)) / (6 * 0.6745)
    return noise / float(np.sqrt(8 * np.pi) * _SIGMA_PX**2) * float(np.sqrt(np.pi / 2))


def _distance_to(pixels: Pixels) -> Floats:
    """Return each pixel's distance to the nearest of these; nothing lies beyond the window."""
    if not pixels.any():
        return np.full(pixels.shape, np.inf)
    distance: Floats = ndimage.distance_transform_edt(~pixels)
    return distance


def _ridge(depth: Floats) -> Pixels:
    """Return the middle of what is too thin to have a pixel deeper than REACH_PX."""
    highest = ndimage.maximum_filter(depth, 2 * REACH_PX + 1)
    ridge: Pixels = (depth > 0) & (depth == highest)
    return ridge
