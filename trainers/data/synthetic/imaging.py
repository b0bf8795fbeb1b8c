"""From geometry to the electron signal, before the detector adds its noise.

Levels are in grey values of an 8-bit image. The edge profile follows the etched-silicon images
measured in docs/synthetic.md: a fast rise inside the edge, a fast decay and a slow one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainers.data.synthetic.contacts import add_vias, coverage, spread_ids
from trainers.data.synthetic.fields import (
    FloatImage,
    IntImage,
    Rng,
    blur,
    draw,
    draw_log,
    smooth_field,
    wide_blur,
)

if TYPE_CHECKING:
    from trainers.data.synthetic.look import Look
    from trainers.data.synthetic.raster import Geometry


def render(rng: Rng, geometry: Geometry, ghost: FloatImage | None, look: Look) -> FloatImage:
    """Return the noiseless signal (H, W) float32 in grey levels."""
    shape = geometry.metal_px.shape
    cover = coverage(np.maximum(geometry.metal_px, geometry.via_px))
    ground = ground_level(rng, shape, ghost, look)
    ground += halo_profile(geometry.metal_px, look)
    metal = metal_level(rng, geometry.nets, look)
    signal = ground + cover * (metal - ground)
    signal += edge_profile(geometry.metal_px, look)
    if look.specks:
        signal += specks(rng, cover, look)
    if geometry.vias.any():
        signal = add_vias(rng, signal, ground, geometry, look)
    if look.proximity > 0.02:
        scattered = wide_blur(signal, draw_log(rng, (4.0, 24.0))) - look.background
        signal += np.float32(look.proximity) * scattered
    return blur(signal, look.blur_px)


def ground_level(
    rng: Rng, shape: tuple[int, ...], ghost: FloatImage | None, look: Look
) -> FloatImage:
    """Return the background (H, W): a level, clouds, and the ghost of a deeper layer."""
    size = (shape[0], shape[1])
    ground = np.full(size, look.background, np.float32)
    strength = abs(look.contrast)
    if look.clouds > 0:
        ground += np.float32(strength * look.clouds) * clouds(rng, size)
    if ghost is not None:
        soft = wide_blur(ghost, draw(rng, (0.8, 4.0)))
        sign = 1.0 if rng.random() < 0.8 else -0.5
        uneven = np.clip(0.75 + 0.4 * smooth_field(rng, size, 120.0), 0.1, 1.3)
        ground += np.float32(sign * strength * look.ghost_contrast) * soft * uneven
    return ground


def clouds(rng: Rng, size: tuple[int, int]) -> FloatImage:
    """Return an uneven field (H, W) of deviation about 1, rough at two scales."""
    length = draw(rng, (25.0, 110.0))
    fine = smooth_field(rng, size, length)
    return np.float32(0.6) * fine + np.float32(0.8) * smooth_field(rng, size, 4.0 * length)


def metal_level(rng: Rng, nets: IntImage, look: Look) -> FloatImage:
    """Return the grey level (H, W) of flat metal: nets differ a little, and metal has grain."""
    gains = 1.0 + look.net_spread * rng.uniform(-1.0, 1.0, int(nets.max()) + 1)
    level = spread_ids(nets, gains.astype(np.float32)) * np.float32(look.contrast)
    if look.grain >= 0.01:
        grain = smooth_field(rng, (nets.shape[0], nets.shape[1]), draw(rng, (1.5, 5.0)))
        level += np.float32(look.grain * abs(look.contrast)) * grain
    return level + np.float32(look.background)


def edge_profile(distance_px: FloatImage, look: Look) -> FloatImage:
    """Return the brightening (H, W) along the inside of the edges.

    Rises with `edge_rise_px` from the edge and decays with `edge_decay_px`, a share of it five
    times slower; the detector's side is brighter by `edge_asymmetry`.
    """
    depth = np.maximum(distance_px, 0.0)
    fast = np.exp(depth * np.float32(-1.0 / look.edge_decay_px))
    slow = np.exp(depth * np.float32(-0.2 / look.edge_decay_px))
    profile = fast + np.float32(look.edge_slow_share) * (slow - fast)
    # counted from half a pixel outside, so that the rise is anti-aliased like the edge
    rise = np.clip(distance_px + np.float32(0.5), 0.0, None)
    profile *= 1.0 - np.exp(rise * np.float32(-1.0 / look.edge_rise_px))
    gain = np.float32(look.edge_gain * abs(look.contrast) / profile_peak(look))
    if look.edge_asymmetry > 0.05:
        profile *= 1.0 + np.float32(look.edge_asymmetry) * facing(distance_px, look.edge_angle)
    return profile * gain


def profile_peak(look: Look) -> float:
    """Return the greatest height of the edge profile of unit gain, to normalise it."""
    depth = np.linspace(0.0, 6.0 * look.edge_rise_px, 61)
    fast, slow = (np.exp(-depth * rate / look.edge_decay_px) for rate in (1.0, 0.2))
    mixed = fast + look.edge_slow_share * (slow - fast)
    return float((mixed * (1.0 - np.exp(-(depth + 0.5) / look.edge_rise_px))).max())


def facing(distance_px: FloatImage, angle: float) -> FloatImage:
    """Return -1..1 (H, W): how far the nearest edge faces the direction `angle` (radians)."""
    near = np.clip(distance_px, -30.0, 30.0)
    dx = cv2.Scharr(near, cv2.CV_32F, 1, 0, scale=1 / 32)
    dy = cv2.Scharr(near, cv2.CV_32F, 0, 1, scale=1 / 32)
    along = dx * np.float32(np.cos(angle)) + dy * np.float32(np.sin(angle))
    return np.asarray(np.clip(-along, -1.0, 1.0), np.float32)


def halo_profile(distance_px: FloatImage, look: Look) -> FloatImage:
    """Return the darkening (H, W) of the background next to the edges; zero or negative."""
    outside = np.maximum(-distance_px, 0.0)
    level = np.float32(look.halo * abs(look.contrast))
    return np.asarray(level * np.exp(outside * np.float32(-1.0 / look.halo_length_px)), np.float32)


def specks(rng: Rng, cover: FloatImage, look: Look) -> FloatImage:
    """Return small bright marks (H, W) on the metal, as scratches and grains leave them."""
    height, width = cover.shape
    canvas = np.zeros((height, width), np.uint8)
    count = max(1, look.specks * height * width // 65536)
    for x, y, dx, dy in rng.integers((0, 0, -4, -4), (width, height, 5, 5), (count, 4)).tolist():
        cv2.line(canvas, (x, y), (x + dx, y + dy), int(rng.integers(80, 255)), 1, cv2.LINE_AA)
    gain = np.float32(abs(look.contrast) / 255.0)
    return np.asarray(canvas.astype(np.float32) * cover * gain, np.float32)
