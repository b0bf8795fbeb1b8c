"""The imaging conditions of one tile, drawn from the ranges of its config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.data.synthetic.fields import Rng, choose, draw, draw_log

if TYPE_CHECKING:
    from trainers.data.synthetic.config import ImagingConfig

# noisier than this, a person could not see the features either
NOISE_TO_CONTRAST_MAX = 0.4


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
    net_spread: float
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
        noise_sigma=min(draw_log(rng, config.noise_sigma), NOISE_TO_CONTRAST_MAX * abs(contrast)),
        noise_signal_exponent=draw(rng, config.noise_signal_exponent),
        gamma_shape=draw_log(rng, config.gamma_shape),
        via_look=choose(rng, config.via_looks),
        via_contrast=draw(rng, config.via_contrast),
        via_spread=draw(rng, config.via_spread),
        net_spread=draw(rng, config.net_spread),
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
