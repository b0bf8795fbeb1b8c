"""The shape of one object changed: holes, parts, size, smoothness.

All functions take and return the object's own code (`RleMask`) and look only at the pixels
around it: what they cost goes with the object, not with the image. Parts are connected by
edges; pixels that touch at a corner only belong to different parts, as metal nets do. Where an
object reaches the border of its image, it is taken to go on beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Iterable

Pixels = npt.NDArray[np.bool_]
Shape = tuple[int, int]
Window = tuple[slice, slice]
"""Rows and columns of an image, whole pixels inside it."""

SQUARE: Pixels = np.ones((3, 3), np.bool_)
"""One pixel to all eight sides: the corners of a rectangle stay corners."""
MAX_SMOOTH_PX = 2


@dataclass(frozen=True, slots=True)
class ShapeFacts:
    """What can be done to a shape: how many parts and holes it has, and whether it can shrink."""

    num_parts: int
    num_holes: int
    can_shrink: bool


def facts_of(mask: RleMask, shape_hw: Shape) -> ShapeFacts:
    """Return the facts of an object in an image of this size."""
    crop = mask.crop()
    _, num_parts = ndimage.label(crop)
    filled = ndimage.binary_fill_holes(crop)
    _, num_holes = ndimage.label(filled & ~crop)
    return ShapeFacts(int(num_parts), int(num_holes), shrink(mask, shape_hw) is not None)


def fill_holes(mask: RleMask) -> RleMask:
    """Return the object without holes: background that it surrounds on all sides."""
    return _at(ndimage.binary_fill_holes(mask.crop()), mask.row, mask.col)


def parts_of(mask: RleMask) -> tuple[RleMask, ...]:
    """Return the connected parts, the largest first; of equal ones the upper left one."""
    labels, num_parts = ndimage.label(mask.crop())
    return masks_of(labels, num_parts, mask.row, mask.col)


def largest_part(mask: RleMask) -> RleMask:
    """Return the largest connected part."""
    return parts_of(mask)[0]


def grow(mask: RleMask, shape_hw: Shape, blocked: Iterable[RleMask] = ()) -> RleMask:
    """Return the object with one more pixel on all sides, inside an image of this size.

    It does not grow into `blocked`: objects of one class may touch, but not overlap. Where
    they overlap already, nothing is taken away.
    """
    rows, cols = window_of(mask, 1, shape_hw)
    own = mask.pixels_in(rows, cols)
    grown = ndimage.binary_dilation(own, SQUARE)
    for other in blocked:
        if other.reaches(rows, cols):
            grown &= ~other.pixels_in(rows, cols)
    return _at(grown | own, rows.start, cols.start)


def shrink(mask: RleMask, shape_hw: Shape) -> RleMask | None:
    """Return the object with one pixel less on all sides; None if nothing would be left.

    Nothing is taken away at the border of the image: the object goes on there.
    """
    rows, cols = window_of(mask, 1, shape_hw)
    shrunk = ndimage.binary_erosion(mask.pixels_in(rows, cols), SQUARE, border_value=1)
    return _at(shrunk, rows.start, cols.start) if shrunk.any() else None


def smooth(mask: RleMask, shape_hw: Shape, radius_px: int = 1) -> RleMask:
    """Return the object without bumps and notches narrower than 2 * radius + 1 pixels.

    An opening and a closing with a square, so that rectangles stay as they are. Tracks, and
    gaps between tracks, that are as narrow but longer than twice that width are kept: only
    what is short is taken for an accident. An object of which nothing would be left stays as
    it is.

    Args:
        mask: the object.
        shape_hw: height and width of its image.
        radius_px: 1..MAX_SMOOTH_PX.

    """
    side = 2 * radius_px + 1
    margin = 3 * side
    rows, cols = window_of(mask, margin, shape_hw)
    pixels = np.pad(mask.pixels_in(rows, cols), margin, mode="edge")
    square = np.ones((side, side), np.bool_)
    opened = ndimage.binary_opening(pixels, square)
    opened |= _long(pixels & ~opened, 2 * side)
    closed = ndimage.binary_closing(opened, square)
    closed &= ~_long(closed & ~opened, 2 * side)
    inner = closed[margin:-margin, margin:-margin]
    return _at(inner, rows.start, cols.start) if inner.any() else mask


def smooth_visibly(mask: RleMask, shape_hw: Shape) -> RleMask:
    """Return the object smoothed by the smallest radius that changes it; see `smooth`."""
    for radius_px in range(1, MAX_SMOOTH_PX + 1):
        smoothed = smooth(mask, shape_hw, radius_px)
        if smoothed != mask:
            return smoothed
    return mask


def clip(mask: RleMask, shape_hw: Shape) -> RleMask | None:
    """Return the part of an object inside an image of this size; None if there is none."""
    rows, cols = window_of(mask, 0, shape_hw)
    if rows.start >= rows.stop or cols.start >= cols.stop:
        return None
    pixels = mask.pixels_in(rows, cols)
    return _at(pixels, rows.start, cols.start) if pixels.any() else None


def touches(mask: RleMask, window: Window) -> bool:
    """Return whether the object has a pixel in a window of its image."""
    rows, cols = window
    if not mask.reaches(rows, cols):
        return False
    is_inside = (
        rows.start <= mask.row
        and mask.row + mask.height <= rows.stop
        and cols.start <= mask.col
        and mask.col + mask.width <= cols.stop
    )
    return is_inside or bool(mask.pixels_in(rows, cols).any())


def window_of(mask: RleMask, margin: int, shape_hw: Shape) -> Window:
    """Return the window around an object with so many pixels of margin, cut at the image."""
    return (
        slice(max(mask.row - margin, 0), min(mask.row + mask.height + margin, shape_hw[0])),
        slice(max(mask.col - margin, 0), min(mask.col + mask.width + margin, shape_hw[1])),
    )


def masks_of(
    labels: npt.NDArray[np.integer], num_labels: int, row: int, col: int
) -> tuple[RleMask, ...]:
    """Return the masks of the values 1..num_labels, the largest first.

    Args:
        labels: ints (h, w), whose pixel (0, 0) is the image pixel (row, col).
        num_labels: the highest value; values that no pixel has are left out.
        row: see `labels`.
        col: see `labels`.

    """
    masks = []
    for value, box in enumerate(ndimage.find_objects(labels, num_labels), start=1):
        if box is not None:
            origin = (row + box[0].start, col + box[1].start)
            masks.append(RleMask.from_mask(labels[box] == value, origin))
    return tuple(sorted(masks, key=lambda mask: (-mask.area, mask.row, mask.col)))


def _long(pixels: Pixels, length_px: int) -> Pixels:
    """Return the parts whose box is longer than this in one direction."""
    labels, num_parts = ndimage.label(pixels, SQUARE)
    if num_parts == 0:
        return pixels
    keep = np.zeros(num_parts + 1, np.bool_)
    for value, (rows, cols) in enumerate(ndimage.find_objects(labels), start=1):
        keep[value] = max(rows.stop - rows.start, cols.stop - cols.start) > length_px
    kept: Pixels = keep[labels]
    return kept


def _at(pixels: Pixels, row: int, col: int) -> RleMask:
    return RleMask.from_mask(pixels, (row, col))
