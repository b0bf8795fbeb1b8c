"""From drawn polygons to fabricated geometry: distance maps, exact masks, nets and parts.

The layer is drawn at twice the resolution, smoothed and thresholded with a rough threshold
(corner rounding, edge roughness, over- and under-etch), and measured as a signed distance map.
The mask is where that map is positive; the image is rendered from the same map, so both agree
to a fraction of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainers.data.synthetic.drawing import OVERSAMPLING, draw_blobs, draw_filled, draw_vias
from trainers.data.synthetic.fields import (
    FloatImage,
    IntImage,
    Rng,
    draw,
    smooth_field,
    wide_blur,
)
from trainers.data.synthetic.labels import (
    add_vias_to_parts,
    compact,
    components,
    nearest_ids,
    part_seeds,
    via_seeds,
)

if TYPE_CHECKING:
    from trainers.data.synthetic.config import ProcessConfig
    from trainers.data.synthetic.shapes import LayerRule, Layout

FAR_PX = 1.0e4


@dataclass(frozen=True)
class Geometry:
    """Fabricated shapes of one layer; all arrays are (H, W).

    metal_px, via_px: float32 signed distance to the edge in pixels, positive inside; the metal
    includes what lies under the vias. nets, vias, parts: int32 ids, 0 is background. A net is
    an 8-connected component of metal or via; a via's pixels carry the via's own part id.
    """

    metal_px: FloatImage
    via_px: FloatImage
    nets: IntImage
    vias: IntImage
    parts: IntImage

    @property
    def semantic(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """Class ids (H, W) uint8: 0 background, 1 metal, 2 via (over metal)."""
        return np.where(self.via_px > 0, 2, self.metal_px > 0).astype(np.uint8)


@dataclass(frozen=True)
class Canvas:
    """Fabricated shapes before they are measured.

    metal, vias: (2H, 2W) bool, at twice the resolution. via_seeds: (H, W) int32, the number of
    the via nearby. part_seeds: (H, W) int32, the drawn part; None where each net is one part.
    """

    metal: np.ndarray
    vias: np.ndarray
    via_seeds: IntImage
    part_seeds: IntImage | None
    via_square: bool = False


def fabricate(
    rng: Rng, layout: Layout, rule: LayerRule, config: ProcessConfig, size_px: int
) -> Canvas:
    """Turn a drawn layout into the shapes that are left after lithography and etching."""
    return Canvas(
        fabricate_metal(rng, layout, rule, config, size_px),
        draw_vias(layout, rule, size_px),
        via_seeds(layout, rule, size_px),
        part_seeds(layout, size_px),
        rule.via_square,
    )


def fabricate_metal(
    rng: Rng, layout: Layout, rule: LayerRule, config: ProcessConfig, size_px: int
) -> np.ndarray:
    """Return the metal alone, (2H, 2W) bool."""
    drawn = draw_filled(layout, size_px)
    if layout.blob_cell_px > 0:
        drawn = np.maximum(drawn, draw_blobs(rng, layout, size_px))
    return etch(rng, drawn, rule, config)


def measure(canvas: Canvas) -> Geometry:
    """Return the geometry that a microscope would see: distances, nets, vias and parts."""
    metal_px, via_px = signed_distance(canvas.metal), signed_distance(canvas.vias)
    nets = components((metal_px > 0) | (via_px > 0))
    vias = nearest_ids(canvas.via_seeds, via_px > 0)
    metal = metal_px > 0
    parts = (
        compact(np.where(metal, nets, 0))
        if canvas.part_seeds is None
        else nearest_ids(canvas.part_seeds, metal)
    )
    return Geometry(metal_px, via_px, nets, vias, add_vias_to_parts(parts, vias))


def empty_canvas(size_px: int) -> Canvas:
    """Return the canvas of a blank tile."""
    none = np.zeros((size_px * OVERSAMPLING, size_px * OVERSAMPLING), bool)
    ids = np.zeros((size_px, size_px), np.int32)
    return Canvas(none, none, ids, ids)


def etch(rng: Rng, drawn: FloatImage, rule: LayerRule, config: ProcessConfig) -> np.ndarray:
    """Round corners, roughen edges, and grow or shrink the drawing; returns (2H, 2W) bool.

    A Gaussian of deviation s turns a straight edge into a ramp of slope 1 / (s * sqrt(2 pi)),
    so moving the threshold by that slope times d moves the edge by about d.
    """
    if not drawn.any():
        return drawn > 0
    feature = min(rule.width_px, 1.2 * rule.gap_px)
    sigma = max(1.0, draw(rng, config.corner_sigma_ratio) * feature * OVERSAMPLING)
    slope = 1.0 / (sigma * np.sqrt(2.0 * np.pi))
    shift = draw(rng, config.etch_ratio) * min(rule.width_px, rule.gap_px)
    shift = float(np.clip(shift, -0.3 * rule.width_px, 0.35 * rule.gap_px)) * OVERSAMPLING
    length = draw(rng, config.roughness_length_px) * OVERSAMPLING
    rough = min(draw(rng, config.edge_roughness_px), 0.06 * rule.width_px) * OVERSAMPLING
    # the ramp is straight near its middle only, and never cut near its ends
    span = 0.38 - min(abs(slope * shift), 0.3)
    limit = smooth_field(rng, drawn.shape, length) * np.float32(min(slope * rough, span / 3.5))
    limit += np.float32(0.5 - np.clip(slope * shift, -0.3, 0.3))
    return np.asarray(wide_blur(drawn, sigma) > limit)


def signed_distance(inside: np.ndarray) -> FloatImage:
    """Return the distance to the edge (H, W) float32 in tile pixels of a mask (2H, 2W)."""
    height, width = (side // OVERSAMPLING for side in inside.shape)
    if not inside.any():
        return np.full((height, width), -FAR_PX, np.float32)
    mask = inside.astype(np.uint8)
    # between the two nearest samples of an edge the distance changes sign half-way
    distance = _to_zero(mask) - _to_zero(1 - mask)
    distance -= np.sign(distance) * np.float32(0.5)
    small = cv2.resize(distance, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(OVERSAMPLING)


def _to_zero(mask: np.ndarray) -> FloatImage:
    """Return the distance of each pixel to the nearest zero; a large number if there is none."""
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    return np.asarray(np.minimum(distance, np.float32(FAR_PX)), np.float32)
