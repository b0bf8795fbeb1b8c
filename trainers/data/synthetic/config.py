"""What a synthetic tile may look like: ranges and rates; the named ones are in `presets`.

Every pair is a closed range from which one value is drawn per tile. Lengths are in pixels of
the tile, so a larger tile shows more of the chip at the same magnification. The source of each
range, or that it is an assumption, is written in docs/synthetic.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# raised whenever the same seed gives other tiles than before
GENERATOR_VERSION = 3

Range = tuple[float, float]
Weights = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class LayoutConfig:
    """Ranges of the drawn geometry."""

    styles: Weights = (("routed", 0.55), ("cells", 0.45))
    line_width_px: Range = (9.0, 18.0)
    gap_ratio: Range = (0.8, 2.2)
    fill: Range = (0.2, 0.8)
    length_pitches: Range = (3.0, 14.0)
    jog_rate: Range = (0.1, 0.6)
    diagonal_tile_rate: float = 0.05
    dummy_fill_tile_rate: float = 0.05
    block_px: Range = (200.0, 500.0)
    via_tile_rate: float = 0.0
    via_end_rate: Range = (0.3, 0.95)
    via_pair_rate: Range = (0.0, 0.7)
    via_radius_ratio: Range = (0.36, 0.56)
    via_radius_min_px: float = 1.8
    via_square_tile_rate: float = 0.15
    bulge_ratio: Range = (1.05, 1.35)


@dataclass(frozen=True)
class ProcessConfig:
    """Ranges of what fabrication and delayering do to the drawn geometry."""

    corner_sigma_ratio: Range = (0.08, 0.32)
    edge_roughness_px: Range = (0.05, 0.4)
    roughness_length_px: Range = (3.0, 14.0)
    etch_ratio: Range = (-0.08, 0.08)


@dataclass(frozen=True)
class ImagingConfig:
    """Ranges of the electron signal and of the detector."""

    background: Range = (38.0, 85.0)
    contrast: Range = (40.0, 100.0)
    inverted_tile_rate: float = 0.0
    edge_gain: Range = (0.1, 0.6)
    edge_rise_px: Range = (0.6, 1.6)
    edge_decay_px: Range = (1.5, 7.0)
    edge_slow_share: Range = (0.0, 0.4)
    edge_asymmetry: Range = (0.0, 0.25)
    halo: Range = (-0.2, 0.0)
    halo_length_px: Range = (1.5, 6.0)
    blur_px: Range = (0.5, 1.2)
    proximity: Range = (0.0, 0.12)
    noise_sigma: Range = (2.0, 12.0)
    noise_signal_exponent: Range = (0.4, 0.9)
    gamma_shape: Range = (4.0, 60.0)
    via_looks: Weights = (("disk", 0.6), ("ring", 0.2), ("glow", 0.2))
    via_contrast: Range = (0.5, 1.6)
    via_spread: Range = (0.02, 0.2)
    net_spread: Range = (0.0, 0.1)
    ghost_tile_rate: float = 0.35
    ghost_contrast: Range = (0.06, 0.32)
    clouds: Range = (0.0, 0.1)
    shading: Range = (0.0, 0.16)
    grain: Range = (0.0, 0.07)
    flicker: Range = (0.0, 0.012)
    streak_tile_rate: float = 0.15
    streak: Range = (0.04, 0.25)
    debris_tile_rate: float = 0.12
    speck_tile_rate: float = 0.2
    jpeg_tile_rate: float = 0.0
    jpeg_quality: Range = (55.0, 95.0)


@dataclass(frozen=True)
class ScanConfig:
    """Ranges of what the scan and the preparation do to the place and gain of whole lines.

    Drift and seams move the picture and its truth alike; shifts are the greatest of a tile.
    """

    drift_tile_rate: float = 0.0
    drift_px: Range = (0.4, 4.0)
    jitter_px: Range = (0.0, 0.4)
    seam_tile_rate: float = 0.0
    seam_shift_px: Range = (0.0, 4.0)
    seam_gain: Range = (-0.1, 0.1)
    curtain_tile_rate: float = 0.0
    curtain: Range = (0.02, 0.12)


@dataclass(frozen=True)
class StainConfig:
    """Ranges of what lies on the chip and is in the picture but not in its truth."""

    particle_tile_rate: float = 0.0
    particle_radius_px: Range = (2.0, 14.0)
    scratch_tile_rate: float = 0.0
    scratch_width_px: Range = (0.8, 5.0)
    residue_tile_rate: float = 0.0
    residue_length_px: Range = (16.0, 90.0)


@dataclass(frozen=True)
class SynthConfig:
    """Everything that decides a tile, apart from its seed and index.

    `blank_rate` tiles show background only, `ghost_only_rate` tiles show background and the
    faint features of a lower layer; both have empty masks. A config with a `mixture` draws one
    of these (config, weight) pairs for each tile and takes all but the size and bits from it.
    """

    name: str
    size_px: int = 256
    bit_depth: int = 8
    blank_rate: float = 0.08
    ghost_only_rate: float = 0.08
    layout: LayoutConfig = LayoutConfig()
    process: ProcessConfig = ProcessConfig()
    imaging: ImagingConfig = ImagingConfig()
    scan: ScanConfig = ScanConfig()
    stains: StainConfig = StainConfig()
    mixture: tuple[tuple[SynthConfig, float], ...] = ()

    def __post_init__(self) -> None:
        if self.size_px < 32:
            raise ValueError(f"size_px must be at least 32, got {self.size_px}")
        if self.bit_depth not in (8, 16):
            raise ValueError(f"bit_depth must be 8 or 16, got {self.bit_depth}")
        if not 0.0 <= self.blank_rate + self.ghost_only_rate <= 1.0:
            raise ValueError("blank_rate + ghost_only_rate must lie in 0..1")

    def resized(self, size_px: int) -> SynthConfig:
        """Return this config for square tiles of `size_px` at the same magnification."""
        return replace(self, size_px=size_px)
