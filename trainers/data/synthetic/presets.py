"""The named presets: what each sort of data set shows, and how often."""

from __future__ import annotations

from dataclasses import replace

from trainers.data.synthetic.config import (
    ImagingConfig,
    LayoutConfig,
    ProcessConfig,
    ScanConfig,
    StainConfig,
    SynthConfig,
)

AVR_M1 = SynthConfig(name="avr_m1")

METAL_VIAS = SynthConfig(
    name="metal_vias",
    blank_rate=0.03,
    ghost_only_rate=0.03,
    layout=LayoutConfig(
        styles=(("routed", 0.8), ("cells", 0.2)),
        line_width_px=(9.0, 24.0),
        gap_ratio=(0.8, 2.4),
        fill=(0.12, 0.5),
        via_tile_rate=1.0,
    ),
    process=ProcessConfig(corner_sigma_ratio=(0.15, 0.42)),
    imaging=ImagingConfig(
        background=(35.0, 70.0),
        contrast=(35.0, 80.0),
        via_looks=(("disk", 0.3), ("ring", 0.15), ("glow", 0.55)),
        via_contrast=(0.6, 3.6),
        speck_tile_rate=0.4,
    ),
)

# real tiles are seldom free of all of these; magnitudes are assumptions, see docs/synthetic.md
SCANNED = ScanConfig(drift_tile_rate=0.2, seam_tile_rate=0.06, curtain_tile_rate=0.06)
STAINED = StainConfig(particle_tile_rate=0.12, scratch_tile_rate=0.07, residue_tile_rate=0.08)

MIXED = SynthConfig(
    name="mixed",
    blank_rate=0.01,
    ghost_only_rate=0.01,
    layout=LayoutConfig(
        styles=(
            ("routed", 0.34),
            ("cells", 0.11),
            ("bus", 0.07),
            ("plates", 0.07),
            ("comb", 0.04),
            ("array", 0.05),
            ("contacts", 0.06),
            ("via_array", 0.07),
            ("blobs", 0.06),
            ("wide_blobs", 0.13),
        ),
        line_width_px=(4.0, 40.0),
        gap_ratio=(0.5, 3.0),
        fill=(0.08, 0.75),
        length_pitches=(1.5, 18.0),
        jog_rate=(0.0, 0.8),
        diagonal_tile_rate=0.15,
        dummy_fill_tile_rate=0.15,
        via_tile_rate=0.68,
        via_end_rate=(0.15, 1.0),
        via_radius_ratio=(0.28, 0.7),
        via_radius_min_px=2.2,
        via_square_tile_rate=0.25,
        bulge_ratio=(1.0, 1.5),
    ),
    process=ProcessConfig(
        corner_sigma_ratio=(0.04, 0.42),
        edge_roughness_px=(0.0, 1.0),
        roughness_length_px=(2.0, 24.0),
        etch_ratio=(-0.12, 0.12),
    ),
    imaging=ImagingConfig(
        background=(20.0, 110.0),
        contrast=(18.0, 130.0),
        inverted_tile_rate=0.15,
        edge_decay_px=(1.0, 12.0),
        edge_rise_px=(0.5, 3.0),
        edge_slow_share=(0.0, 0.6),
        edge_asymmetry=(0.0, 0.6),
        halo_length_px=(1.0, 9.0),
        blur_px=(0.3, 2.2),
        proximity=(0.0, 0.25),
        noise_sigma=(1.0, 24.0),
        noise_signal_exponent=(0.3, 1.0),
        gamma_shape=(2.0, 80.0),
        via_looks=(
            ("disk", 0.3),
            ("ring", 0.25),
            ("glow", 0.15),
            ("bloom", 0.2),
            ("hole", 0.1),
        ),
        via_contrast=(0.6, 3.6),
        via_spread=(0.0, 0.3),
        net_spread=(0.0, 0.3),
        ghost_tile_rate=0.5,
        ghost_contrast=(0.05, 0.5),
        clouds=(0.0, 0.2),
        shading=(0.0, 0.3),
        grain=(0.0, 0.14),
        flicker=(0.0, 0.03),
        streak_tile_rate=0.25,
        streak=(0.04, 0.35),
        debris_tile_rate=0.25,
        speck_tile_rate=0.3,
        jpeg_tile_rate=0.2,
    ),
    scan=SCANNED,
    stains=STAINED,
)

TRAIN_METAL = replace(
    AVR_M1, name="train_metal", blank_rate=0.04, ghost_only_rate=0.06, scan=SCANNED, stains=STAINED
)

TRAIN_VIAS = replace(
    METAL_VIAS,
    name="train_vias",
    layout=replace(
        METAL_VIAS.layout,
        line_width_px=(6.0, 26.0),
        fill=(0.12, 0.65),
        length_pitches=(1.5, 14.0),
        via_end_rate=(0.4, 1.0),
        via_pair_rate=(0.0, 0.9),
        via_radius_ratio=(0.3, 0.65),
        via_radius_min_px=2.5,
        styles=(("routed", 0.66), ("cells", 0.14), ("contacts", 0.1), ("via_array", 0.1)),
    ),
    imaging=replace(
        METAL_VIAS.imaging,
        via_looks=(("disk", 0.2), ("ring", 0.2), ("glow", 0.2), ("bloom", 0.35), ("hole", 0.05)),
        clouds=(0.0, 0.2),
    ),
    scan=SCANNED,
    stains=STAINED,
)

TRAIN = SynthConfig(
    name="train",
    mixture=((MIXED, 0.38), (TRAIN_VIAS, 0.26), (METAL_VIAS, 0.18), (TRAIN_METAL, 0.18)),
)

PRESETS: dict[str, SynthConfig] = {
    config.name: config for config in (AVR_M1, METAL_VIAS, MIXED, TRAIN)
}
