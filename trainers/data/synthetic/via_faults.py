"""Missing and extra vias."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from trainers.data.synthetic.drawing import OVERSAMPLING, stamp_via
from trainers.data.synthetic.net_faults import Trial, doubled, only_near, pick

if TYPE_CHECKING:
    from trainers.data.synthetic.fields import Rng
    from trainers.data.synthetic.raster import Canvas, Geometry

RADIUS_MIN_PX = 2.5


def drop_via(rng: Rng, canvas: Canvas, geometry: Geometry, closed: np.ndarray) -> Trial | None:
    """Take one via away; None if there is none. closed: (H, W) bool, not to touch."""
    shut = set(np.unique(geometry.vias[closed]).tolist())
    ids = [via for via in range(1, int(geometry.vias.max()) + 1) if via not in shut]
    if not ids:
        return None
    via = ids[int(rng.integers(len(ids)))]
    spot = only_near(geometry.vias, via)
    seeds = np.where(spot, 0, canvas.via_seeds).astype(np.int32)
    return Trial(replace(canvas, vias=canvas.vias & ~doubled(spot), via_seeds=seeds), (via,))


def add_via(rng: Rng, canvas: Canvas, geometry: Geometry, closed: np.ndarray) -> Trial | None:
    """Put one via more on the metal, as large as the others; None if there are no vias."""
    count = int(geometry.vias.max())
    if count == 0:
        return None
    sizes = np.bincount(geometry.vias.ravel())[1:]
    radius = max(RADIUS_MIN_PX, float(np.sqrt(np.median(sizes) / np.pi)))
    room = (geometry.metal_px > 0.45 * radius) & (geometry.via_px < -(radius + 3.0)) & ~closed
    spot = pick(rng, room)
    if spot is None:
        return None
    center = (spot[1] + 0.5, spot[0] + 0.5)
    drawn = np.zeros(canvas.vias.shape, np.uint8)
    stamp_via(drawn, center, radius, OVERSAMPLING, 1, square=canvas.via_square)
    seeds = canvas.via_seeds.copy()
    stamp_via(seeds, center, radius + 1.0, 1, int(seeds.max()) + 1, square=canvas.via_square)
    grown = replace(canvas, vias=canvas.vias | (drawn > 0), via_seeds=seeds)
    return Trial(grown, (int(geometry.nets[spot]),))
