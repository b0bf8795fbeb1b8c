"""From geometry to the electron signal, before the detector adds its noise.

Levels are in grey values of an 8-bit image. The edge profile follows the etched-silicon images
measured in docs/synthetic.md: a fast rise inside the edge, a fast decay and a slow one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from trainers.data.synthetic.fields import (
    FloatImage,
    IntImage,
    Rng,
    blur,
    choose,
    draw,
    draw_log,
    smooth_field,
    wide_blur,
)

if TYPE_CHECKING:
    from trainers.data.synthetic.config import ImagingConfig
    from trainers.data.synthetic.raster import Geometry


@dataclass(frozen=True)
class Look:
    """The imaging conditions of one tile: grey levels, shares of the contrast, and pixels."""

    background: float
    contrast: float
    edge_gain: float
    edge_rise_px: float
    edge_decay_px: float
    edge_slow_share: float
    edge_asymmetry: float
    edge_angle: float
    halo: float
    halo_length_px: float
    blur_px: float
    proximity: float
    noise_sigma: float
    noise_signal_exponent: float
    gamma_shape: float
    via_look: str
    via_contrast: float
    via_spread: float
    ghost_contrast: float
    clouds: float
    shading: float
    grain: float
    flicker: float
    streak: float
    debris: int
    specks: int
    jpeg_quality: int

    def summary(self) -> dict[str, Any]:
        """Return the values that describe a tile in a report."""
        names = ("background", "contrast", "edge_gain", "halo", "blur_px", "noise_sigma")
        return {name: getattr(self, name) for name in names}


def draw_look(rng: Rng, config: ImagingConfig) -> Look:
    """Draw the imaging conditions of one tile."""
    background, contrast = draw(rng, config.background), draw_log(rng, config.contrast)
    if rng.random() < config.inverted_tile_rate:
        background, contrast = background + contrast, -0.8 * contrast
    return Look(
        background=background,
        contrast=contrast,
        edge_gain=draw(rng, config.edge_gain),
        edge_rise_px=draw(rng, config.edge_rise_px),
        edge_decay_px=draw_log(rng, config.edge_decay_px),
        edge_slow_share=draw(rng, config.edge_slow_share),
        edge_asymmetry=draw(rng, config.edge_asymmetry),
        edge_angle=draw(rng, (0.0, 2.0 * np.pi)),
        halo=draw(rng, config.halo),
        halo_length_px=draw(rng, config.halo_length_px),
        blur_px=draw(rng, config.blur_px),
        proximity=draw(rng, config.proximity),
        noise_sigma=draw_log(rng, config.noise_sigma),
        noise_signal_exponent=draw(rng, config.noise_signal_exponent),
        gamma_shape=draw_log(rng, config.gamma_shape),
        via_look=choose(rng, config.via_looks),
        via_contrast=draw(rng, config.via_contrast),
        via_spread=draw(rng, config.via_spread),
        ghost_contrast=draw(rng, config.ghost_contrast),
        clouds=draw(rng, config.clouds),
        shading=draw(rng, config.shading),
        grain=draw(rng, config.grain),
        flicker=draw(rng, config.flicker),
        streak=draw(rng, config.streak) if rng.random() < config.streak_tile_rate else 0.0,
        debris=int(rng.integers(1, 7)) if rng.random() < config.debris_tile_rate else 0,
        specks=int(rng.integers(2, 25)) if rng.random() < config.speck_tile_rate else 0,
        jpeg_quality=int(draw(rng, config.jpeg_quality))
        if rng.random() < config.jpeg_tile_rate
        else 0,
    )


def render(rng: Rng, geometry: Geometry, ghost: FloatImage | None, look: Look) -> FloatImage:
    """Return the noiseless signal (H, W) float32 in grey levels."""
    shape = geometry.metal_px.shape
    cover = coverage(geometry.metal_px)
    ground = ground_level(rng, shape, ghost, look)
    ground += halo_profile(geometry.metal_px, look)
    metal = metal_level(rng, shape, look)
    signal = ground + cover * (metal - ground)
    signal += edge_profile(geometry.metal_px, look)
    if look.specks:
        signal += specks(rng, cover, look)
    if geometry.vias.any():
        signal = add_vias(rng, signal, geometry, look)
    if look.proximity > 0.02:
        signal += look.proximity * (wide_blur(signal, 18.0) - look.background)
    return blur(signal, look.blur_px)


def coverage(distance_px: FloatImage) -> FloatImage:
    """Return the share 0..1 of each pixel that lies inside, from the signed distance."""
    return np.clip(distance_px + np.float32(0.5), 0.0, 1.0)


def ground_level(
    rng: Rng, shape: tuple[int, ...], ghost: FloatImage | None, look: Look
) -> FloatImage:
    """Return the background (H, W): a level, clouds, and the ghost of a deeper layer."""
    size = (shape[0], shape[1])
    ground = np.full(size, look.background, np.float32)
    strength = abs(look.contrast)
    if look.clouds > 0:
        ground += strength * look.clouds * smooth_field(rng, size, draw(rng, (25.0, 90.0)))
    if ghost is not None:
        soft = wide_blur(ghost, draw(rng, (0.8, 4.0)))
        sign = 1.0 if rng.random() < 0.8 else -0.5
        uneven = np.clip(0.75 + 0.4 * smooth_field(rng, size, 120.0), 0.1, 1.3)
        ground += np.float32(sign * strength * look.ghost_contrast) * soft * uneven
    return ground


def metal_level(rng: Rng, shape: tuple[int, ...], look: Look) -> FloatImage | np.float32:
    """Return the grey level of flat metal: one value, or a map (H, W) with grain."""
    level = np.float32(look.background + look.contrast)
    if look.grain < 0.01:
        return level
    grain = smooth_field(rng, (shape[0], shape[1]), draw(rng, (1.5, 5.0)))
    return level + np.float32(look.grain * abs(look.contrast)) * grain


def edge_profile(distance_px: FloatImage, look: Look) -> FloatImage:
    """Return the brightening (H, W) along the inside of the edges.

    Rises with `edge_rise_px` from the edge and decays with `edge_decay_px`, a share of it five
    times slower; the detector's side is brighter by `edge_asymmetry`.
    """
    depth = np.maximum(distance_px, 0.0)
    fast = np.exp(depth * np.float32(-1.0 / look.edge_decay_px))
    slow = np.exp(depth * np.float32(-0.2 / look.edge_decay_px))
    profile = fast + np.float32(look.edge_slow_share) * (slow - fast)
    profile *= 1.0 - np.exp(-coverage_depth(distance_px) * np.float32(1.0 / look.edge_rise_px))
    gain = np.float32(look.edge_gain * abs(look.contrast) * (1 + 0.6 * look.edge_rise_px))
    if look.edge_asymmetry > 0.05:
        profile *= 1.0 + np.float32(look.edge_asymmetry) * facing(distance_px, look.edge_angle)
    return profile * gain


def coverage_depth(distance_px: FloatImage) -> FloatImage:
    """Return the depth inside, counted from half a pixel outside so that edges anti-alias."""
    return np.clip(distance_px + np.float32(0.5), 0.0, None)


def facing(distance_px: FloatImage, angle: float) -> FloatImage:
    """Return -1..1 (H, W): how far the nearest edge faces the direction `angle` (radians)."""
    near = np.clip(distance_px, -30.0, 30.0)
    dx = cv2.Scharr(near, cv2.CV_32F, 1, 0, scale=1 / 32)
    dy = cv2.Scharr(near, cv2.CV_32F, 0, 1, scale=1 / 32)
    return np.clip(-(dx * np.float32(np.cos(angle)) + dy * np.float32(np.sin(angle))), -1.0, 1.0)


def halo_profile(distance_px: FloatImage, look: Look) -> FloatImage:
    """Return the darkening (H, W) of the background next to the edges; zero or negative."""
    outside = np.maximum(-distance_px, 0.0)
    level = np.float32(look.halo * abs(look.contrast))
    return level * np.exp(outside * np.float32(-1.0 / look.halo_length_px))


def add_vias(rng: Rng, signal: FloatImage, geometry: Geometry, look: Look) -> FloatImage:
    """Draw the vias over the signal: bright disks, rings with a dark core, or with a glow."""
    cover = coverage(geometry.via_px)
    gains = 1.0 + look.via_spread * rng.standard_normal(int(geometry.vias.max()) + 1)
    gain = spread_ids(geometry.vias, np.clip(gains, 0.5, 1.6).astype(np.float32))
    top = look.background + max(look.contrast, 0.0)
    level = top + np.float32(abs(look.contrast) * look.via_contrast) * gain
    if look.via_look == "ring":
        depth = np.maximum(geometry.via_px, 0.0)
        rim = np.float32(max(1.2, 0.35 * float(depth.max())))
        core = np.clip((depth - rim) / rim, 0.0, 1.0)
        level -= core * np.float32(abs(look.contrast) * draw(rng, (0.4, 1.0)) * look.via_contrast)
    out = signal + cover * (level - signal)
    if look.via_look == "glow":
        width = draw(rng, (2.0, 6.0))
        strength = np.float32(abs(look.contrast) * draw(rng, (0.3, 0.9)))
        out += strength * wide_blur(cover * gain, width)
    return out


def spread_ids(ids: IntImage, values: FloatImage) -> FloatImage:
    """Return values[ids] (H, W), spread by one pixel so that anti-aliased rims have them too."""
    grown = cv2.dilate(ids.astype(np.float32), np.ones((3, 3), np.uint8))
    return np.asarray(values[grown.astype(np.int32)], np.float32)


def specks(rng: Rng, cover: FloatImage, look: Look) -> FloatImage:
    """Return small bright marks (H, W) on the metal, as scratches and grains leave them."""
    height, width = cover.shape
    canvas = np.zeros((height, width), np.uint8)
    count = max(1, look.specks * height * width // 65536)
    for x, y, dx, dy in rng.integers((0, 0, -4, -4), (width, height, 5, 5), (count, 4)).tolist():
        cv2.line(canvas, (x, y), (x + dx, y + dy), int(rng.integers(80, 255)), 1, cv2.LINE_AA)
    gain = np.float32(abs(look.contrast) / 255.0)
    return canvas.astype(np.float32) * cover * gain
