"""Drift, seams, curtains and stains: the truth follows the beam and ignores what lies on top."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.trainers.data.test_synthetic_tiles import PLAIN, layers_only
from trainers.data.synthetic import PRESETS, SyntheticTile, generate_tile
from trainers.data.synthetic.config import ScanConfig, StainConfig
from trainers.data.synthetic.look import draw_look
from trainers.data.synthetic.raster import Geometry
from trainers.data.synthetic.scan import Warp, draw_warp, warp_geometry, warp_signal
from trainers.data.synthetic.stains import STAINS, add_curtains

SHAKEN = ScanConfig(
    drift_tile_rate=1.0,
    drift_px=(3.0, 4.0),
    seam_tile_rate=1.0,
    seam_shift_px=(3.0, 4.0),
    seam_gain=(0.0, 0.0),
)
SIZE = 64


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def warp_by(shift_x_px: np.ndarray, margin_px: int = 8) -> Warp:
    """A warp (SIZE, SIZE) that fetches each row from `shift_x_px` further right."""
    places = np.arange(SIZE, dtype=np.float32) + np.float32(margin_px)
    x = np.broadcast_to(places[None, :], (SIZE, SIZE)) + shift_x_px.astype(np.float32)
    y = np.broadcast_to(places[:, None], (SIZE, SIZE)).copy()
    return Warp(margin_px, np.ascontiguousarray(x), y, np.ones((SIZE, SIZE), np.float32))


def edge_at(column_px: float, side: int = SIZE + 16) -> Geometry:
    """Metal right of a vertical edge."""
    x = np.arange(side, dtype=np.float32) + np.float32(0.5 - column_px)
    metal = np.broadcast_to(x, (side, side)).copy()
    none = np.zeros((side, side), np.int32)
    ids = (metal > 0).astype(np.int32)
    return Geometry(metal, np.full_like(metal, -1e4), ids, none, ids)


@pytest.mark.parametrize("name", ["avr_m1", "metal_vias", "mixed"])
def test_picture_and_truth_drift_together(name: str) -> None:
    still = replace(layers_only(name), imaging=PLAIN, stains=StainConfig(), scan=ScanConfig())
    config = replace(still, scan=SHAKEN)
    for index in range(8):
        tile = generate_tile(config, 21, index)
        assert np.mean((tile.image > 100) != (tile.semantic > 0)) < 1.5e-3, index
        before = generate_tile(still, 21, index)
        assert not np.array_equal(before.semantic, tile.semantic)


def test_every_row_moves_by_its_own_shift() -> None:
    shifts = rng().uniform(-4, 4, (SIZE, 1))
    moved = warp_geometry(edge_at(40.0), warp_by(shifts))
    edges = 40.0 - 8 - shifts[:, 0]
    np.testing.assert_allclose((moved.metal_px <= 0).sum(axis=1), edges, atol=0.55)
    np.testing.assert_array_equal(moved.nets > 0, moved.metal_px > 0)


def test_a_seam_moves_all_beyond_it_and_nothing_before() -> None:
    shifts = np.zeros((SIZE, SIZE))
    shifts[30:] = 3.0
    moved = warp_geometry(edge_at(40.0), warp_by(shifts))
    np.testing.assert_array_equal((moved.metal_px <= 0).sum(axis=1), [32] * 30 + [29] * 34)
    signal = (edge_at(40.0).metal_px > 0).astype(np.float32)
    np.testing.assert_array_equal(warp_signal(signal, warp_by(shifts)) > 0.5, moved.metal_px > 0)


def test_a_via_cut_by_a_seam_counts_twice() -> None:
    side = SIZE + 16
    y, x = np.mgrid[:side, :side].astype(np.float32)
    via_px = (3.0 - np.hypot(x - 40, y - 38)).astype(np.float32)
    ids = (via_px > 0).astype(np.int32)
    disk = Geometry(np.full_like(via_px, -1e4), via_px, ids, ids, ids)
    shifts = np.zeros((SIZE, SIZE))
    shifts[30:] = 12.0
    moved = warp_geometry(disk, warp_by(shifts, 8))
    assert moved.vias.max() == moved.nets.max() == moved.parts.max() == 2


@pytest.mark.parametrize("name", ["metal_vias", "mixed"])
def test_the_truth_maps_agree_after_drift_and_seam(name: str) -> None:
    config = replace(layers_only(name), scan=SHAKEN)
    for index in range(12):
        tile = generate_tile(config, 4, index)
        metal = tile.semantic > 0
        np.testing.assert_array_equal(tile.nets > 0, metal)
        np.testing.assert_array_equal(tile.parts > 0, metal)
        np.testing.assert_array_equal(tile.vias > 0, tile.semantic == 2)
        assert tile.nets.max() == cv2.connectedComponents(metal.astype(np.uint8), None, 8)[0] - 1
        for via in range(1, int(tile.vias.max()) + 1):
            assert cv2.connectedComponents((tile.vias == via).astype(np.uint8))[0] == 2


def test_shifts_stay_within_their_range_and_the_margin() -> None:
    config = ScanConfig(drift_tile_rate=1.0, drift_px=(2.0, 2.0), jitter_px=(0.0, 0.0))
    for seed in range(20):
        warp = draw_warp(rng(seed), config, 128)
        assert warp is not None
        places = np.arange(128) + warp.margin_px
        shift = max(
            np.abs(warp.x_px - places[None]).max(), np.abs(warp.y_px - places[:, None]).max()
        )
        assert shift == pytest.approx(2.0, abs=1e-3)
        assert min(warp.x_px.min(), warp.y_px.min()) >= 1
    assert draw_warp(rng(), ScanConfig(), 128) is None


@pytest.mark.parametrize("kind", ["particle", "scratch", "residue"])
def test_stains_are_in_the_picture_but_not_in_the_truth(kind: str) -> None:
    clean = replace(layers_only("metal_vias"), imaging=PLAIN, stains=StainConfig())
    dirty = replace(clean, stains=StainConfig(**{f"{kind}_tile_rate": 1.0}))  # type: ignore[arg-type]
    for index in range(6):
        before, after = generate_tile(clean, 2, index), generate_tile(dirty, 2, index)
        np.testing.assert_array_equal(before.nets, after.nets)
        np.testing.assert_array_equal(before.parts, after.parts)
        assert after.meta["stains"] == [kind]
        changed = np.abs(before.image.astype(int) - after.image.astype(int)) > 5
        assert changed.any()


@pytest.mark.parametrize("kind", sorted(STAINS))
def test_a_stain_changes_what_it_covers_and_nothing_else(kind: str) -> None:
    look = draw_look(rng(), PLAIN)
    seen = 0
    for seed in range(12):
        stain = STAINS[kind](rng(seed), (96, 96), look, StainConfig())
        signal = np.full((96, 96), 100.0, np.float32)
        stain.put_on(signal)
        assert np.isfinite(signal).all()
        assert np.abs(signal[stain.cover < 1e-4] - 100.0).max() < 0.05
        assert stain.cover.min() >= 0.0
        assert stain.cover.max() <= 1.0 + 1e-5
        seen += int(stain.body.any())
    assert seen >= 8


def test_curtains_stripe_along_one_axis_only() -> None:
    for seed in range(8):
        signal = np.full((128, 128), 100.0, np.float32)
        assert add_curtains(rng(seed), signal, ScanConfig(curtain_tile_rate=1.0))
        spreads = sorted([signal.mean(axis=0).std(), signal.mean(axis=1).std()])
        assert spreads[1] > 3 * spreads[0]
    assert not add_curtains(rng(), signal, ScanConfig())


def made(name: str, count: int) -> list[SyntheticTile]:
    return [generate_tile(PRESETS[name].resized(128), 6, index) for index in range(count)]


def test_train_draws_from_its_presets_by_their_weights() -> None:
    names = [tile.meta["preset"] for tile in made("train", 200)]
    for part, weight in PRESETS["train"].mixture:
        assert names.count(part.name) / 200 == pytest.approx(weight, abs=0.1)
    sixteen = generate_tile(replace(PRESETS["train"], bit_depth=16, size_px=96), 1, 1)
    assert (sixteen.image.dtype, sixteen.image.shape) == (np.uint16, (96, 96))


@pytest.mark.parametrize("name", ["mixed", "train"])
def test_about_half_of_the_training_tiles_carry_vias_of_all_sizes(name: str) -> None:
    tiles = [generate_tile(PRESETS[name], 3, index) for index in range(100)]
    with_vias = [tile.meta["via_radius_px"] for tile in tiles if tile.vias.any()]
    assert 0.4 < len(with_vias) / 100 < 0.7
    assert np.percentile(with_vias, 10) < 3.5
    assert np.percentile(with_vias, 90) > 10.0
