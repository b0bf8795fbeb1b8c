"""What lies on the chip and hides it: particles, scratches, residue; and curtains of milling.

They are in the picture and not in the truth of the layer; each brings a cover of its own, which
is its truth where defects are asked for. Magnitudes are assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainers.data.synthetic.fields import (
    FloatImage,
    Rng,
    blur,
    draw,
    draw_log,
    smooth_field,
    wide_blur,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainers.data.synthetic.config import ScanConfig, StainConfig
    from trainers.data.synthetic.look import Look

FRACTION_BITS = 4
# fewer pixels, or a fainter change than this share of the contrast, nobody would mark
SEEN_MIN_PX = 12
SEEN_MIN_SHARE = 0.15


@dataclass(frozen=True)
class Stain:
    """Something on the chip. cover: (H, W) float32 0..1 opacity; level: (H, W) grey levels.

    body: (H, W) bool, where it is, without its shadow.
    """

    kind: str
    cover: FloatImage
    level: FloatImage
    body: np.ndarray

    def put_on(self, signal: FloatImage) -> None:
        """Paint it over the signal (H, W), in place."""
        signal += self.cover * (self.level - signal)

    def is_seen(self, signal: FloatImage, look: Look) -> bool:
        """Return whether it changes the signal (H, W) enough for a person to notice."""
        if int(self.body.sum()) < SEEN_MIN_PX:
            return False
        change = np.abs(self.cover * (self.level - signal))[self.body]
        return float(change.mean()) > max(SEEN_MIN_SHARE * abs(look.contrast), look.noise_sigma)


def add_stains(rng: Rng, signal: FloatImage, look: Look, config: StainConfig) -> list[str]:
    """Paint what a tile of this config happens to have on it, in place; returns the kinds."""
    rates = (
        ("residue", config.residue_tile_rate, 1),
        ("scratch", config.scratch_tile_rate, 2),
        ("particle", config.particle_tile_rate, 4),
    )
    kinds = []
    for kind, rate, most in rates:
        if rng.random() >= rate:
            continue
        kinds.append(kind)
        for _ in range(int(rng.integers(1, most + 1))):
            STAINS[kind](rng, signal.shape, look, config).put_on(signal)
    return kinds


def particle(rng: Rng, shape: tuple[int, ...], look: Look, config: StainConfig) -> Stain:
    """Return a grain with a bright rim and a soft shadow."""
    height, width = shape
    radius = draw_log(rng, config.particle_radius_px)
    turns = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    lumps = 1.0 + 0.3 * smooth_field(rng, (24, 1), 5.0)[:, 0] * rng.uniform(0.2, 1.0)
    reach = radius * np.clip(lumps, 0.4, 1.8)
    center = (rng.uniform(0, width), rng.uniform(0, height))
    points = np.stack([center[0] + reach * np.cos(turns), center[1] + reach * np.sin(turns)], 1)
    canvas = np.zeros((height, width), np.uint8)
    fixed = np.rint(points * (1 << FRACTION_BITS)).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, FRACTION_BITS)
    solid = canvas.astype(np.float32) / np.float32(255.0)
    depth = cv2.distanceTransform((canvas > 127).astype(np.uint8), cv2.DIST_L2, 5)
    body, rim = rng.uniform(-0.3, 1.5), rng.uniform(0.2, 1.4)
    shown = body + rim * np.exp(depth * np.float32(-1.5 / max(1.0, 0.35 * radius)))
    shadow = np.float32(rng.uniform(0.0, 0.6)) * wide_blur(solid, 0.7 * radius + 1.0)
    cover = np.maximum(blur(solid, 0.6), shadow)
    level = np.where(canvas > 20, base(look) + strength(look) * shown, 0.6 * look.background)
    return Stain("particle", cover, blur(level.astype(np.float32), 0.6), canvas > 127)


def scratch(rng: Rng, shape: tuple[int, ...], look: Look, config: StainConfig) -> Stain:
    """Return a long groove across the layers, with bright rims and worn in places."""
    height, width = shape
    side = float(max(height, width))
    middle = np.array([rng.uniform(0, width), rng.uniform(0, height)])
    angle = rng.uniform(0.0, np.pi)
    ahead = np.array([np.cos(angle), np.sin(angle)])
    along = np.linspace(-1.0, 1.0, 17) * rng.uniform(0.15, 1.5) * side
    bend = rng.uniform(-0.08, 0.08) * along * np.abs(along) / side
    points = middle + along[:, None] * ahead + bend[:, None] * ahead[::-1] * (1.0, -1.0)
    size = draw_log(rng, config.scratch_width_px)
    groove, outer = (polyline(shape, points, size + extra) for extra in (0.0, 2.0))
    worn = np.clip(0.9 + 0.5 * smooth_field(rng, (height, width), 40.0), 0.0, 1.0)
    floor, rim = rng.uniform(-0.6, 0.3), rng.uniform(0.2, 1.6)
    level = np.float32(base(look)) + strength(look) * (rim + (floor - rim) * groove)
    opacity = np.float32(rng.uniform(0.35, 0.95))
    cover = outer * worn * opacity
    return Stain("scratch", cover, np.asarray(level, np.float32), cover > 0.5 * opacity)


def polyline(shape: tuple[int, ...], points: np.ndarray, width_px: float) -> FloatImage:
    """Return a soft line (H, W) float32 0..1 of about `width_px`."""
    canvas = np.zeros(shape, np.uint8)
    fixed = np.rint(points * (1 << FRACTION_BITS)).astype(np.int32)
    thick = max(1, round(width_px))
    cv2.polylines(canvas, [fixed], False, 255, thick, cv2.LINE_AA, FRACTION_BITS)
    share = np.float32(min(1.0, width_px) / 255.0)
    return blur(canvas.astype(np.float32) * share, 0.5)


def residue(rng: Rng, shape: tuple[int, ...], look: Look, config: StainConfig) -> Stain:
    """Return a film that veils part of the tile: left-over dielectric or a drying stain."""
    size = (shape[0], shape[1])
    field = smooth_field(rng, size, draw_log(rng, config.residue_length_px))
    field = wide_blur(field, 2.0)
    limit = np.quantile(field[::4, ::4], 1.0 - rng.uniform(0.05, 0.35))
    edge = draw_log(rng, (0.03, 0.4))
    film = np.clip((field - limit) / edge + 0.5, 0.0, 1.0)
    rim = rng.uniform(0.0, 0.4) * np.exp(-np.abs(field - limit) * 6.0)
    level = base(look) + strength(look) * (rng.uniform(-0.5, 0.9) + rim)
    cover = np.asarray(film * np.float32(rng.uniform(0.12, 0.55)), np.float32)
    return Stain("residue", cover, np.asarray(level, np.float32), film > 0.5)


def base(look: Look) -> float:
    """Return the darker of the two levels of a tile."""
    return look.background + min(look.contrast, 0.0)


def strength(look: Look) -> np.float32:
    """Return the size of the contrast of a tile."""
    return np.float32(abs(look.contrast))


STAINS: dict[str, Callable[[Rng, tuple[int, ...], Look, StainConfig], Stain]] = {
    "particle": particle,
    "scratch": scratch,
    "residue": residue,
}


def add_curtains(rng: Rng, signal: FloatImage, config: ScanConfig) -> bool:
    """Stripe the signal along one axis as ion milling does, in place; returns whether it did."""
    if rng.random() >= config.curtain_tile_rate:
        return False
    height, width = signal.shape
    across = rng.random() < 0.5
    length, side = (width, height) if across else (height, width)
    pitch = draw_log(rng, (2.0, 14.0))
    fine = smooth_field(rng, (length, 1), pitch) + smooth_field(rng, (length, 1), 4.0 * pitch)
    fade = np.clip(0.7 + 0.4 * smooth_field(rng, (side, 1), 0.5 * side), 0.0, 1.5)
    stripes = (fine * fade.T).astype(np.float32)
    gain = np.float32(0.7 * draw(rng, config.curtain)) * (stripes.T if across else stripes)
    signal *= np.float32(1.0) + gain
    return True
