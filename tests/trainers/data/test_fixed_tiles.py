"""Tiles for frozen encoders: a few looks of each, the same again after a resume."""

import numpy as np
import pytest
import torch

from trainers.data.fixed_tiles import FixedTiles, oriented
from trainers.data.snapshot import ensure_snapshot


@pytest.fixture
def items(make_tiles, make_config, tmp_path):
    config = make_config(make_tiles(5), val_fraction=0.3)
    return ensure_snapshot(config, tmp_path / "dataset").of("train")


def test_an_item_depends_on_seed_epoch_and_index_only(items):
    first, second = (FixedTiles(items, size_px=64, seed=3) for _ in range(2))
    second[0], second[1]
    for epoch in (0, 4):
        for tiles in (first, second):
            tiles.set_epoch(epoch)
        for name, value in first[1].items():
            assert torch.equal(value, second[1][name])


def test_there_are_at_most_as_many_looks_as_asked_for(items):
    tiles = FixedTiles(items, size_px=64, seed=0, num_orientations=3)
    looks = set()
    for epoch in range(30):
        tiles.set_epoch(epoch)
        looks.add(tiles[0]["image"].numpy().tobytes())
    assert len(looks) == 3


def test_image_and_target_are_turned_alike(items):
    tiles, plain = (
        FixedTiles(items, size_px=64, seed=0, num_orientations=number) for number in (8, 1)
    )
    for index in range(len(items)):
        turned, straight = tiles[index], plain[index]
        same = [n for n in range(8) if torch.equal(oriented(straight["image"], n), turned["image"])]
        assert len(same) == 1
        assert torch.equal(oriented(straight["target"], same[0]), turned["target"])


def test_the_eight_orientations_differ_and_the_first_changes_nothing():
    pixels = torch.arange(9).reshape(1, 3, 3)
    looks = [oriented(pixels, number).numpy() for number in range(8)]
    np.testing.assert_array_equal(looks[0], pixels.numpy())
    assert len({look.tobytes() for look in looks}) == 8


def test_a_small_data_set_is_gone_through_several_times(items):
    assert len(FixedTiles(items, size_px=64, seed=0, min_items=10)) >= 10


def test_the_masks_are_not_read_again_for_the_classes_of_each_epoch(items):
    tiles = FixedTiles(items, size_px=64, seed=0, min_items=10)
    shares = tiles.class_shares()
    assert shares.shape[0] == len(tiles)
    for item in items:
        item.mask.unlink()
    assert tiles.class_shares() is shares
