"""One object cut into several: along a line, or around seeds.

The pieces have exactly the pixels of the object, and none has a pixel of another.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_icseg.project.mask_shapes import masks_of, window_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_icseg.project.mask_shapes import Pixels, Shape
    from trainers.io.rle import RleMask

Point = tuple[float, float]


def cut_along(mask: RleMask, points_rc: Sequence[Point]) -> tuple[RleMask, ...]:
    """Return the pieces into which a line cuts an object, the largest first.

    Empty if the line does not cut through: there are no more pieces than there were parts.
    The pixels under the line go to the pieces beside it.

    Args:
        mask: the object.
        points_rc: the corners of the line, image points (row, col), also outside the image.

    """
    crop = mask.crop()
    line = _line_in(crop.shape, points_rc, mask.row, mask.col)
    _, num_before = ndimage.label(crop)
    markers, num_after = ndimage.label(crop & ~line)
    if num_after <= num_before:
        return ()
    return masks_of(_flooded(markers, crop), num_after, mask.row, mask.col)


def split_around(
    mask: RleMask, seeds_rc: Sequence[tuple[int, int]], shape_hw: Shape
) -> tuple[RleMask, ...]:
    """Return the pieces of an object around these seeds, the largest first.

    A watershed of the distance to the object's edge: the pieces meet at its necks. Empty if
    fewer than two different seeds lie on the object.

    Args:
        mask: the object.
        seeds_rc: image pixels (row, col).
        shape_hw: height and width of the image; no edge is seen at its border.

    """
    rows, cols = window_of(mask, 1, shape_hw)
    pixels = mask.pixels_in(rows, cols)
    markers = np.zeros(pixels.shape, np.int32)
    inside = [(r, c) for r, c in dict.fromkeys(seeds_rc) if mask.contains(r, c)]
    for value, (row, col) in enumerate(inside, start=1):
        markers[row - rows.start, col - cols.start] = value
    if len(inside) < 2:
        return ()
    depth = ndimage.distance_transform_edt(np.pad(pixels, 1, mode="edge"))[1:-1, 1:-1]
    labels = _flooded(markers, pixels, -depth)
    return masks_of(labels, len(inside), rows.start, cols.start)


def _line_in(shape_hw: tuple[int, ...], points_rc: Sequence[Point], row: int, col: int) -> Pixels:
    """Return the pixels of a line, bool (h, w); pixel (0, 0) is the image pixel (row, col).

    Its pixels touch at least at their corners, so that no edge-connected way leads through.
    """
    from skimage.draw import line

    drawn = np.zeros(shape_hw, np.bool_)
    corners = [(round(r) - row, round(c) - col) for r, c in points_rc]
    for start, end in itertools.pairwise(corners):
        rows, cols = line(*start, *end)
        keep = (rows >= 0) & (rows < shape_hw[0]) & (cols >= 0) & (cols < shape_hw[1])
        drawn[rows[keep], cols[keep]] = True
    return drawn


def _flooded(
    markers: npt.NDArray[np.int32],
    pixels: Pixels,
    levels: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.int32]:
    """Return the markers grown over all of `pixels`; a part without one joins the nearest."""
    from skimage.segmentation import watershed

    if levels is None:
        levels = np.zeros(pixels.shape)
    labels: npt.NDArray[np.int32] = watershed(levels, markers, connectivity=1, mask=pixels)
    left = pixels & (labels == 0)
    if left.any():
        nearest = ndimage.distance_transform_edt(
            labels == 0, return_distances=False, return_indices=True
        )
        labels[left] = labels[tuple(nearest)][left]
    return labels
