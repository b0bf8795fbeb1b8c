"""How vias look: disks, rings with a dark core, holes, disks with a glow, and blooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainers.data.synthetic.fields import FloatImage, IntImage, Rng, draw, wide_blur

if TYPE_CHECKING:
    from trainers.data.synthetic.look import Look
    from trainers.data.synthetic.raster import Geometry

WHITE = 252.0


def coverage(distance_px: FloatImage) -> FloatImage:
    """Return the share 0..1 of each pixel that lies inside, from the signed distance."""
    return np.asarray(np.clip(distance_px + np.float32(0.5), 0.0, 1.0), np.float32)


def add_vias(
    rng: Rng, signal: FloatImage, ground: FloatImage, geometry: Geometry, look: Look
) -> FloatImage:
    """Draw the vias over the signal (H, W) and return it; `ground` shows where no metal is.

    A pixel on the rim of a bare via is part via, part ground; on metal, part via, part metal.
    """
    cover = coverage(geometry.via_px)
    solid = coverage(np.maximum(geometry.metal_px, geometry.via_px))
    gains = 1.0 + look.via_spread * rng.standard_normal(int(geometry.vias.max()) + 1)
    gain = spread_ids(geometry.vias, np.clip(gains, 0.5, 1.6).astype(np.float32))
    level = via_level(rng, geometry.via_px, gain, look)
    if look.via_look == "bloom":
        return bloom(rng, signal, geometry.via_px, level, look)
    share = cover / np.maximum(solid, np.float32(1e-3))
    out = signal + share * (ground + solid * (level - ground) - signal)
    if look.via_look == "glow":
        width = draw(rng, (2.0, 7.0))
        strength = np.float32(abs(look.contrast) * draw(rng, (0.3, 1.0)))
        out += strength * wide_blur(cover * gain, width)
    return out


def bloom(
    rng: Rng, signal: FloatImage, via_px: FloatImage, level: FloatImage, look: Look
) -> FloatImage:
    """Return the signal with vias that shine over their rim, half-way down at the edge."""
    soft = wide_blur(coverage(via_px), draw(rng, (0.2, 0.5)) * min(float(via_px.max()), 6.0))
    rise = np.float32(max(float(level.max()) - look.background, 0.0))
    out = signal + soft * (level - signal)
    skirt = wide_blur(soft, draw(rng, (2.0, 6.0))) * (1.0 - soft)
    return np.asarray(out + np.float32(draw(rng, (0.1, 0.45))) * rise * skirt, np.float32)


def via_level(rng: Rng, via_px: FloatImage, gain: FloatImage, look: Look) -> FloatImage:
    """Return the grey level (H, W) of the vias; below white by twice the noise if it can."""
    base = look.background + max(look.contrast, 0.0)
    # fainter than the noise, no one could click on it
    rise = np.float32(max(abs(look.contrast) * look.via_contrast, 1.6 * look.noise_sigma))
    white = WHITE - 2.0 * look.noise_sigma * 2.5**look.noise_signal_exponent
    top = np.float32(max(white, base + 0.3 * float(rise)))
    level: FloatImage = np.minimum(np.float32(base) + rise * gain, top)
    if look.via_look == "ring":
        depth = np.maximum(via_px, 0.0)
        rim = np.float32(max(1.2, 0.35 * float(depth.max())))
        core = np.clip((depth - rim) / rim, 0.0, 1.0)
        level = level - core * np.float32(draw(rng, (0.4, 1.0))) * rise
    if look.via_look == "hole":
        core = np.clip((via_px - np.float32(1.0)) / np.float32(1.2), 0.0, 1.0)
        depth_grey = np.float32(draw(rng, (0.2, 0.8)) * abs(look.contrast))
        level = level + core * (np.float32(base) - depth_grey - level)
    return level


def spread_ids(ids: IntImage, values: FloatImage) -> FloatImage:
    """Return values[ids] (H, W), spread by one pixel so that anti-aliased rims have them too."""
    grown = cv2.dilate(ids.astype(np.float32), np.ones((3, 3), np.uint8))
    return np.asarray(values[grown.astype(np.int32)], np.float32)
