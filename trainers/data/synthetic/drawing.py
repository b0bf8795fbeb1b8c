"""Drawing shapes on a canvas of twice the resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainers.data.synthetic.fields import (
    FloatImage,
    IntImage,
    Rng,
    blur,
    smooth_field,
    wide_blur,
)

if TYPE_CHECKING:
    from trainers.data.synthetic.shapes import LayerRule, Layout, Polygon

OVERSAMPLING = 2
FRACTION_BITS = 4


def fixed(points: Polygon, scale: int) -> IntImage:
    """Return pixel-edge coordinates as OpenCV's fixed-point pixel-centre coordinates."""
    return np.asarray(np.rint((points * scale - 0.5) * (1 << FRACTION_BITS)), np.int32)


def draw_filled(layout: Layout, size_px: int) -> FloatImage:
    """Return the oversampled drawing (2H, 2W) float32 of 0 and 1."""
    side = size_px * OVERSAMPLING
    canvas = np.zeros((side, side), np.uint8)
    for outline in layout.outlines:
        cv2.fillPoly(canvas, [fixed(outline, OVERSAMPLING)], 1, shift=FRACTION_BITS)
    for shapes, value in (([*layout.parts, *layout.bulges], 1), (layout.holes, 0)):
        for shape in shapes:
            cv2.fillConvexPoly(canvas, fixed(shape, OVERSAMPLING), value, shift=FRACTION_BITS)
    return canvas.astype(np.float32)


def draw_blobs(rng: Rng, layout: Layout, size_px: int) -> FloatImage:
    """Return low-pass noise above a level as the oversampled drawing of an analogue shape."""
    side = size_px * OVERSAMPLING
    field = smooth_field(rng, (side, side), layout.blob_cell_px * OVERSAMPLING)
    field = wide_blur(field, 0.35 * layout.blob_cell_px * OVERSAMPLING)
    return (field > np.quantile(field[::4, ::4], 1.0 - layout.blob_fill)).astype(np.float32)


def draw_vias(layout: Layout, rule: LayerRule, size_px: int) -> np.ndarray:
    """Return the oversampled vias (2H, 2W) bool: disks, or squares with round corners."""
    side = size_px * OVERSAMPLING
    canvas = np.zeros((side, side), np.uint8)
    for x, y, radius in layout.vias:
        stamp_via(canvas, (x, y), radius, OVERSAMPLING, 1, square=rule.via_square)
    if not rule.via_square:
        return np.asarray(canvas > 0)
    soft = blur(canvas.astype(np.float32), 0.3 * rule.via_radius_px * OVERSAMPLING)
    return np.asarray(soft > 0.5)


def stamp_via(
    canvas: np.ndarray,
    point_xy: tuple[float, float],
    radius_px: float,
    scale: int,
    value: int,
    *,
    square: bool,
) -> None:
    """Draw one via into `canvas`, whose pixels are `1 / scale` tile pixels wide."""
    unit = 1 << FRACTION_BITS
    center = fixed(np.array([point_xy], np.float32), scale)[0]
    radius = round(radius_px * scale * unit)
    x, y = int(center[0]), int(center[1])
    if square:
        cv2.rectangle(
            canvas,
            (x - radius, y - radius),
            (x + radius, y + radius),
            value,
            -1,
            shift=FRACTION_BITS,
        )
    else:
        cv2.circle(canvas, (x, y), radius, value, -1, shift=FRACTION_BITS)
