"""Where the beam really was: drift, line jitter and stitching seams move picture and truth alike.

The tile is made a little larger than asked for, and each of its pixels is then fetched from
where the beam stood. The picture, the distances and the ids go through the same map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainers.data.synthetic.fields import FloatImage, IntImage, Rng, draw, smooth_field
from trainers.data.synthetic.labels import add_vias_to_parts, components, nearest_ids, split_ids
from trainers.data.synthetic.raster import Geometry

if TYPE_CHECKING:
    from trainers.data.synthetic.config import ScanConfig


@dataclass(frozen=True)
class Warp:
    """Where each pixel of a tile comes from.

    x_px, y_px: (H, W) float32 places in the larger source, which has `margin_px` more on each
    side. gain: (H, W) float32, the brightness of the frames that were stitched.
    """

    margin_px: int
    x_px: FloatImage
    y_px: FloatImage
    gain: FloatImage


def draw_warp(rng: Rng, config: ScanConfig, size_px: int) -> Warp | None:
    """Draw the drift and the seam of one tile; None if it has neither."""
    drifts = rng.random() < config.drift_tile_rate
    has_seam = rng.random() < config.seam_tile_rate
    if not (drifts or has_seam):
        return None
    shift_xy = np.zeros((2, size_px, size_px), np.float32)
    gain = np.ones((size_px, size_px), np.float32)
    if drifts:
        shift_xy += drift(rng, config, size_px)
    if has_seam:
        beyond = seam(rng, size_px)
        offset = np.array([rng.uniform(-1, 1), rng.uniform(-1, 1)], np.float32)
        offset *= np.float32(draw(rng, config.seam_shift_px) / max(np.abs(offset).max(), 1e-3))
        shift_xy += beyond * offset[:, None, None]
        gain += beyond * np.float32(draw(rng, config.seam_gain))
    margin = int(np.ceil(np.abs(shift_xy).max())) + 2
    places = np.arange(size_px, dtype=np.float32) + np.float32(margin)
    return Warp(margin, places[None, :] + shift_xy[0], places[:, None] + shift_xy[1], gain)


def drift(rng: Rng, config: ScanConfig, size_px: int) -> FloatImage:
    """Return the x and y shifts (2, H, 1) float32 of the lines: a walk, and jitter along x."""
    walk = np.stack([smooth_field(rng, (size_px, 1), 0.5 * size_px) for _ in range(2)])
    walk += rng.uniform(-1.5, 1.5, (2, 1, 1)) * np.linspace(-1.0, 1.0, size_px)[None, :, None]
    walk -= walk.mean(axis=1, keepdims=True)
    walk *= draw(rng, config.drift_px) / max(float(np.abs(walk).max()), 1e-6)
    walk[0] += draw(rng, config.jitter_px) * rng.standard_normal((size_px, 1))
    return np.asarray(walk, np.float32)


def seam(rng: Rng, size_px: int) -> FloatImage:
    """Return 1 beyond a random line between two frames and 0 before it, (H, W) float32."""
    place = int(rng.uniform(0.1, 0.9) * size_px)
    beyond = np.zeros((size_px, size_px), np.float32)
    if rng.random() < 0.5:
        beyond[place:] = 1.0
    else:
        beyond[:, place:] = 1.0
    return beyond


def warp_signal(signal: FloatImage, warp: Warp) -> FloatImage:
    """Return the signal (H, W) as the moving beam sees it, from the larger source."""
    moved = cv2.remap(signal, warp.x_px, warp.y_px, cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE)
    return np.asarray(moved * warp.gain, np.float32)


def warp_geometry(geometry: Geometry, warp: Warp) -> Geometry:
    """Return the geometry (H, W) where the moving beam sees it; nets are counted again."""
    metal_px, via_px = (
        np.asarray(cv2.remap(source, warp.x_px, warp.y_px, cv2.INTER_LINEAR), np.float32)
        for source in (geometry.metal_px, geometry.via_px)
    )
    inside = (metal_px > 0) | (via_px > 0)
    vias = split_ids(nearest_ids(fetch_ids(geometry.vias, warp), via_px > 0))
    bare = np.where(geometry.vias > 0, 0, geometry.parts)
    seeds = fetch_ids(bare if bare.any() else geometry.parts, warp)
    parts = add_vias_to_parts(nearest_ids(seeds, inside), vias)
    return Geometry(metal_px, via_px, components(inside), vias, parts)


def fetch_ids(ids: IntImage, warp: Warp) -> IntImage:
    """Return the id (H, W) int32 nearest to where each pixel comes from."""
    moved = cv2.remap(ids.astype(np.float32), warp.x_px, warp.y_px, cv2.INTER_NEAREST)
    return np.asarray(moved, np.int32)
