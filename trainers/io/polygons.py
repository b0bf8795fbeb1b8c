"""Polygons of COCO: turned into masks on reading, traced from masks on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trainers.errors import DataError

if TYPE_CHECKING:
    from trainers.io.runs import BoolArray, IntArray

_MIN_NUMBERS = 6
_MAX_OVERHANG = 4
"""A polygon further outside than this many image sides is a mistake."""
_MAX_LENGTH_PX = 1 << 23
"""Longer outlines would fill the memory: five points of each pixel are looked at."""


class TracedPolygons(NamedTuple):
    """Outlines of a mask: `[[x0, y0, x1, y1, ...], ...]` in pixels, and what they lose."""

    polygons: list[list[float]]
    num_holes: int


class TracedPart(NamedTuple):
    """A part of a mask: its outline and those of its holes, each ints (N, 2), x, y in pixels."""

    outer: IntArray
    holes: tuple[IntArray, ...]


def rasterize(polygons: list[Any], shape_hw: tuple[int, int]) -> dict[str, Any]:
    """Return the union of `polygons` as a compressed COCO RLE of the size `shape_hw`.

    Each polygon is a flat list x0, y0, x1, y1, ... in pixels; the pixel (0, 0) covers 0..1.

    Raises:
        DataError: no polygon, fewer than three corners, an odd number of values, values that
            are not finite numbers near the image, or outlines far longer than any in an image
            of this size.

    """
    from pycocotools import mask as coco_mask

    if not polygons:
        raise DataError("Broken segmentation: the list of polygons is empty.")
    for polygon in polygons:
        _check_polygon(polygon, shape_hw)
    _check_length(polygons, shape_hw)
    height, width = shape_hw
    rle = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"]}


def trace(mask: BoolArray, origin_xy: tuple[int, int] = (0, 0)) -> TracedPolygons:
    """Return the outer outlines of `mask`, bool (H, W), along the edges of its pixels.

    Following pixel edges and not pixel centres, even a single pixel has an area, and
    `rasterize` gives back exactly the mask with its holes filled. Pixels that touch only
    at a corner belong to one polygon. `origin_xy` is added to every corner.
    """
    parts = trace_parts(mask, origin_xy)
    outlines = [[float(value) for value in part.outer.ravel()] for part in parts]
    return TracedPolygons(outlines, sum(len(part.holes) for part in parts))


def trace_parts(mask: BoolArray, origin_xy: tuple[int, int] = (0, 0)) -> list[TracedPart]:
    """Return the outline of each part of `mask`, bool (H, W), and those of the holes in it."""
    import cv2

    doubled = mask.astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    contours, hierarchy = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return []
    rings = [_corners(contour[:, 0, :], origin_xy) for contour in contours]
    parents = [int(parent) for parent in hierarchy[0][:, 3]]
    holes: dict[int, list[IntArray]] = {}
    for ring, parent in zip(rings, parents, strict=True):
        holes.setdefault(parent, []).append(ring)
    return [
        TracedPart(ring, tuple(holes.get(number, ())))
        for number, ring in enumerate(rings)
        if parents[number] < 0
    ]


def has_holes(mask: BoolArray) -> bool:
    """Return whether a part of `mask`, bool (H, W), has a hole; cheaper than `trace_parts`."""
    import cv2

    _, hierarchy = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return hierarchy is not None and bool((hierarchy[0][:, 3] >= 0).any())


def _corners(contour: np.ndarray[Any, Any], origin_xy: tuple[int, int]) -> IntArray:
    """Map a contour of the doubled mask, (N, 2) x, y, to pixel corners.

    Pixel i covers 2i and 2i+1 there: an even coordinate is its low edge i, an odd one its
    high edge i+1. At a concave corner two neighbours map to the same corner; one is kept.
    """
    corners = (contour + 1) // 2
    corners = corners[np.any(corners != np.roll(corners, 1, axis=0), axis=1)]
    return np.asarray(corners + np.array(origin_xy), dtype=np.int64)


def _check_polygon(polygon: Any, shape_hw: tuple[int, int]) -> None:
    limit = _MAX_OVERHANG * max(shape_hw)
    if not isinstance(polygon, list) or len(polygon) < _MIN_NUMBERS or len(polygon) % 2:
        raise DataError(
            "Broken polygon: expected a list x0, y0, x1, y1, x2, y2, ... of at least three corners."
        )
    for value in polygon:
        # "not <=" also refuses nan; a huge int is compared, never converted
        if type(value) not in (int, float) or not abs(value) <= limit:
            raise DataError(
                f"Broken polygon: expected numbers within {limit} pixels of the image, "
                f"got {value!r}."
            )


def _check_length(polygons: list[list[float]], shape_hw: tuple[int, int]) -> None:
    height, width = shape_hw
    limit = min(8 * height * width + 64 * (height + width) + 4096, _MAX_LENGTH_PX)
    length = 0.0
    for polygon in polygons:
        corners = np.array(polygon, dtype=np.float64).reshape(-1, 2)
        length += float(np.abs(corners - np.roll(corners, 1, axis=0)).max(axis=1).sum())
    if length > limit:
        raise DataError(
            f"Broken polygon: its outline is {length:.0f} pixels long, the most for an image of "
            f"{width} x {height} pixels is {limit}. Save such an object as a mask (RLE)."
        )
