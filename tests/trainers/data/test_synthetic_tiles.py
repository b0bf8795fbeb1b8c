"""What every synthetic tile promises: repeatable, consistent, within the stated ranges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from trainers.data.synthetic import PRESETS, SynthConfig, SyntheticTile, generate_tile
from trainers.data.synthetic.config import ImagingConfig, ScanConfig, StainConfig

ARRAYS = ("image", "semantic", "nets", "vias", "parts")
PLAIN = ImagingConfig(
    background=(50.0, 50.0),
    contrast=(100.0, 100.0),
    edge_gain=(0.0, 0.0),
    edge_asymmetry=(0.0, 0.0),
    halo=(0.0, 0.0),
    blur_px=(0.0, 0.0),
    proximity=(0.0, 0.0),
    noise_sigma=(1e-4, 1e-4),
    via_looks=(("disk", 1.0),),
    via_contrast=(0.0, 0.0),
    via_spread=(0.0, 0.0),
    net_spread=(0.0, 0.0),
    ghost_tile_rate=0.0,
    clouds=(0.0, 0.0),
    shading=(0.0, 0.0),
    grain=(0.0, 0.0),
    flicker=(0.0, 0.0),
    streak_tile_rate=0.0,
    debris_tile_rate=0.0,
    speck_tile_rate=0.0,
)


def changed(config: SynthConfig, **fields: Any) -> SynthConfig:
    mixture = tuple((changed(part, **fields), weight) for part, weight in config.mixture)
    return replace(config, mixture=mixture, **fields)


def layers_only(name: str) -> SynthConfig:
    return changed(PRESETS[name], blank_rate=0.0, ghost_only_rate=0.0)


def tiles(name: str, count: int, seed: int = 11) -> list[SyntheticTile]:
    return [generate_tile(layers_only(name), seed, index) for index in range(count)]


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_same_seed_and_index_give_the_same_tile_whatever_was_made_before(name: str) -> None:
    config = PRESETS[name]
    first = [generate_tile(config, 5, index) for index in range(4)]
    for index in (3, 1, 0, 2):
        again = generate_tile(config, 5, index)
        assert again.meta == first[index].meta
        for array in ARRAYS:
            np.testing.assert_array_equal(getattr(again, array), getattr(first[index], array))


def test_other_seeds_and_other_indices_give_other_tiles() -> None:
    config = layers_only("avr_m1")
    base = generate_tile(config, 1, 2).image
    assert not np.array_equal(base, generate_tile(config, 2, 2).image)
    assert not np.array_equal(base, generate_tile(config, 1, 3).image)
    assert not np.array_equal(generate_tile(config, 2, 1).image, generate_tile(config, 1, 2).image)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_the_truth_maps_agree_with_each_other(name: str) -> None:
    for tile in tiles(name, 12):
        metal = tile.semantic > 0
        np.testing.assert_array_equal(tile.nets > 0, metal)
        np.testing.assert_array_equal(tile.parts > 0, metal)
        np.testing.assert_array_equal(tile.vias > 0, tile.semantic == 2)
        assert tile.semantic.max() <= 2
        for ids in (tile.nets, tile.vias, tile.parts):
            present = np.unique(ids[ids > 0])
            np.testing.assert_array_equal(present, np.arange(1, present.size + 1))


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_nets_are_the_8_connected_components(name: str) -> None:
    for tile in tiles(name, 6):
        count, labels = cv2.connectedComponents((tile.semantic > 0).astype(np.uint8), None, 8)
        pairs = np.unique(np.stack([labels.ravel(), tile.nets.ravel()]), axis=1)
        assert pairs.shape[1] == np.unique(labels).size
        assert tile.nets.max() == count - 1


def test_each_via_is_one_connected_part_of_its_own() -> None:
    for tile in tiles("metal_vias", 10):
        for via in range(1, int(tile.vias.max()) + 1):
            mask = tile.vias == via
            assert cv2.connectedComponents(mask.astype(np.uint8))[0] == 2
            part = np.unique(tile.parts[mask])
            assert part.size == 1
            np.testing.assert_array_equal(tile.parts == part[0], mask)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_the_mask_is_where_the_noiseless_image_passes_half_the_contrast(name: str) -> None:
    config = changed(layers_only(name), imaging=PLAIN, stains=StainConfig(), scan=ScanConfig())
    for index in range(8):
        tile = generate_tile(config, 21, index)
        assert np.mean((tile.image > 100) != (tile.semantic > 0)) < 2e-4, index


def test_the_via_mask_is_where_the_noiseless_image_passes_half_the_step() -> None:
    imaging = replace(PLAIN, via_contrast=(0.5, 0.5))
    config = replace(layers_only("metal_vias"), imaging=imaging)
    for index in range(8):
        tile = generate_tile(config, 21, index)
        off_edge = cv2.erode((tile.nets > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        seen, true = tile.image > 175, tile.semantic == 2
        assert np.mean(seen[off_edge] != true[off_edge]) < 1e-3, index


def test_the_image_of_every_preset_shows_the_mask() -> None:
    shown = []
    for name in ("avr_m1", "metal_vias"):
        for tile in tiles(name, 20):
            image = tile.image.astype(float)
            metal, ground = image[tile.semantic > 0], image[tile.semantic == 0]
            shown.append((metal.mean() - ground.mean()) / image.std())
    assert min(shown) > 0.4


def test_blank_and_ghost_only_tiles_come_at_the_chosen_rate() -> None:
    config = replace(PRESETS["avr_m1"].resized(64), blank_rate=0.3, ghost_only_rate=0.2)
    made = [generate_tile(config, 3, index) for index in range(300)]
    kinds = [tile.meta["kind"] for tile in made]
    assert kinds.count("blank") == pytest.approx(90, abs=28)
    assert kinds.count("ghost_only") == pytest.approx(60, abs=25)
    for tile in made:
        assert bool(tile.semantic.any()) == (tile.meta["kind"] == "layer")


def test_a_ghost_is_in_the_image_but_not_in_the_mask() -> None:
    quiet = replace(PLAIN, ghost_contrast=(0.3, 0.3))
    ghost = replace(PRESETS["avr_m1"], blank_rate=0.0, ghost_only_rate=1.0, imaging=quiet)
    tile = generate_tile(ghost, 4, 0)
    assert not tile.semantic.any()
    assert not tile.nets.any()
    assert int(tile.image.max()) - int(tile.image.min()) > 10
    blank = replace(ghost, blank_rate=1.0, ghost_only_rate=0.0)
    assert int(np.ptp(generate_tile(blank, 4, 0).image)) <= 1


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_saturation_stays_below_three_per_mille(name: str) -> None:
    for tile in tiles(name, 40):
        assert np.mean(tile.image == 255) <= 0.003


def test_levels_lie_where_real_images_have_them() -> None:
    backgrounds, contrasts = [], []
    for tile in tiles("avr_m1", 60):
        ground, metal = tile.image[tile.semantic == 0], tile.image[tile.semantic == 1]
        backgrounds.append(float(np.median(ground)))
        contrasts.append(float(np.median(metal)) - backgrounds[-1])
    # real backgrounds: 46, 59, 70; real metal: 90, 146, 144
    assert 40 < np.median(backgrounds) < 80
    assert 40 < np.median(contrasts) < 100
    assert min(contrasts) > 15


def test_metal_via_tiles_cover_about_as_much_as_real_ones() -> None:
    made = tiles("metal_vias", 80)
    cover = np.mean([(tile.semantic > 0).mean() for tile in made])
    assert 0.08 < cover < 0.27
    ratios = [t.meta["via_radius_px"] / t.meta["line_width_px"] for t in made if t.vias.any()]
    assert np.median(ratios) == pytest.approx(11 / 23, abs=0.06)


def test_noise_grows_with_the_signal() -> None:
    noisy = replace(PLAIN, noise_sigma=(8.0, 8.0), noise_signal_exponent=(0.5, 0.5))
    tile = generate_tile(replace(layers_only("avr_m1"), imaging=noisy), 2, 1)
    inside = cv2.erode((tile.semantic == 1).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    outside = cv2.dilate(tile.semantic, np.ones((5, 5), np.uint8)) == 0
    measured = tile.image[inside].std() / tile.image[outside].std()
    assert measured == pytest.approx((150 / 50) ** 0.5, rel=0.1)


@pytest.mark.parametrize("size_px", [64, 333, 512])
def test_tiles_of_other_sizes_keep_the_magnification(size_px: int) -> None:
    config = layers_only("avr_m1").resized(size_px)
    tile = generate_tile(config, 8, 0)
    assert tile.image.shape == tile.semantic.shape == tile.parts.shape == (size_px, size_px)
    low, high = config.layout.line_width_px
    assert low <= tile.meta["line_width_px"] <= high


def test_sixteen_bit_tiles_use_the_wider_range() -> None:
    config = replace(layers_only("avr_m1"), bit_depth=16)
    tile, same = generate_tile(config, 8, 1), generate_tile(layers_only("avr_m1"), 8, 1)
    assert tile.image.dtype == np.uint16
    np.testing.assert_array_equal(tile.semantic, same.semantic)
    assert np.abs(tile.image / 257.0 - same.image).max() <= 0.51


@pytest.mark.parametrize(
    "change",
    [{"size_px": 16}, {"bit_depth": 12}, {"blank_rate": 0.8, "ghost_only_rate": 0.4}],
)
def test_impossible_configs_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        replace(PRESETS["avr_m1"], **change)


def test_negative_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        generate_tile(PRESETS["avr_m1"], -1, 0)
