from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from trainers.data.augment import random_contrast, random_orientation
from trainers.data.batches import epoch_batches, split_batches
from trainers.data.dataset import TrainingTiles, ValidationTiles
from trainers.data.labels import IGNORE, labels_from_probs
from trainers.data.snapshot import SnapshotItem
from trainers.data.warp import Warps
from trainers.io.images import to_unit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainers.conftest import MakeConfig


def write_item(folder: Path, shape_hw: tuple[int, int], *, dtype: type = np.uint8) -> SnapshotItem:
    """Write a tile whose class ids can be told from its grey values: ids = grey > half."""
    folder.mkdir(parents=True, exist_ok=True)
    top = np.iinfo(dtype).max
    image = np.random.default_rng(1).integers(0, top + 1, shape_hw).astype(dtype)
    image_path, mask_path = folder / "image.png", folder / "mask.png"
    Image.fromarray(image).save(image_path)
    Image.fromarray((image > top // 2).astype(np.uint8)).save(mask_path)
    return SnapshotItem(image_path, mask_path, "train", "", "", 1)


def tiles(item: SnapshotItem, size_px: int, **changes: object) -> TrainingTiles:
    return TrainingTiles([item], size_px=size_px, seed=0, **{"augment": "none", **changes})


def test_an_item_depends_on_seed_epoch_and_index_only(tmp_path: Path) -> None:
    item = write_item(tmp_path, (100, 100))
    first, second = (tiles(item, 32, augment="full") for _ in range(2))
    second.set_epoch(1)
    other_epoch = second[3]["image"]
    second.set_epoch(0)
    _ = second[0], second[5]  # what was read before must not matter
    assert torch.equal(first[3]["image"], second[3]["image"])
    assert torch.equal(first[3]["target"], second[3]["target"])
    assert not torch.equal(first[3]["image"], other_epoch)
    assert not torch.equal(first[3]["image"], first[4]["image"])


@pytest.mark.parametrize("shape_hw", [(64, 64), (100, 70), (20, 90), (9, 8)])
@pytest.mark.parametrize("augment", ["none", "orientation", "full"])
def test_image_and_target_stay_aligned_at_any_size(
    tmp_path: Path, shape_hw: tuple[int, int], augment: str
) -> None:
    unwarped = Warps(rotation_rate=0.0, elastic_rate=0.0)  # which needs smoother images
    data = tiles(write_item(tmp_path, shape_hw), 64, augment=augment, warps=unwarped)
    item = data[0]
    assert item["image"].shape == (1, 64, 64)
    assert item["image"].dtype == torch.float32
    assert item["target"].shape == (64, 64)
    assert item["target"].dtype == torch.uint8
    bright = item["image"][0] > 0.5
    agreement = (bright == (item["target"] == 1)).float().mean()
    assert agreement == 1.0 if augment != "full" else agreement > 0.8


def test_16_bit_tiles_are_scaled_like_any_image(tmp_path: Path) -> None:
    item = write_item(tmp_path, (64, 64), dtype=np.uint16)
    with Image.open(item.image) as file:
        expected = to_unit(np.asarray(file).astype(np.uint16))
    np.testing.assert_allclose(tiles(item, 64)[0]["image"][0].numpy(), expected, atol=1e-6)


def test_large_tiles_give_more_crops_and_few_tiles_are_repeated(tmp_path: Path) -> None:
    large = write_item(tmp_path, (128, 192))
    assert len(tiles(large, 64)) == 6
    assert len(tiles(large, 64, min_crops=7)) == 12
    assert len(tiles(large, 512)) == 1


def test_what_does_not_fit_the_cache_is_read_again(tmp_path: Path) -> None:
    item = write_item(tmp_path, (64, 64))
    cached, uncached = tiles(item, 64), tiles(item, 64, cache_mib=0.001)
    first = cached[0]["image"], uncached[0]["image"]
    item.image.unlink()
    assert torch.equal(cached[0]["image"], first[0])
    assert torch.equal(first[0], first[1])
    with pytest.raises(Exception, match=r"image\.png"):
        _ = uncached[0]


@pytest.mark.parametrize("shape_hw", [(64, 64), (65, 130), (33, 100), (128, 128)])
def test_validation_counts_each_pixel_once(tmp_path: Path, shape_hw: tuple[int, int]) -> None:
    item = write_item(tmp_path, shape_hw)
    windows = ValidationTiles([item], size_px=64)
    counted = [window["target"] for window in (windows[i] for i in range(len(windows)))]
    assert sum(int((target != IGNORE).sum()) for target in counted) == shape_hw[0] * shape_hw[1]
    with Image.open(item.mask) as file:
        total = int(np.asarray(file).sum())
    assert sum(int((target == 1).sum()) for target in counted) == total
    for i in range(len(windows)):
        image, target = windows[i]["image"][0], windows[i]["target"]
        valid = target != IGNORE
        assert torch.equal((image > 0.5)[valid], (target == 1)[valid])


def test_orientations_reach_all_eight_and_keep_pairs_together() -> None:
    image = np.arange(9, dtype=np.float32).reshape(3, 3)
    seen = set()
    for seed in range(100):
        turned, target = random_orientation(
            image, image.astype(np.uint8), np.random.default_rng(seed)
        )
        np.testing.assert_array_equal(turned, target)
        seen.add(target.tobytes())
    assert len(seen) == 8


def test_contrast_changes_grey_values_within_the_range() -> None:
    image = np.random.default_rng(0).random((32, 32), dtype=np.float32)
    changed = random_contrast(image, np.random.default_rng(1))
    assert changed.dtype == np.float32
    assert 0.0 <= changed.min() <= changed.max() <= 1.0
    assert np.corrcoef(image.ravel(), changed.ravel())[0, 1] > 0.95
    assert not np.array_equal(image, changed)


@given(num_items=st.integers(1, 200), batch_size=st.integers(1, 50))
def test_batches_are_even_and_lose_nothing(num_items: int, batch_size: int) -> None:
    sizes = split_batches(num_items, batch_size)
    assert sum(sizes) == num_items
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == -(-num_items // batch_size)


def test_each_epoch_has_its_own_order_of_all_items(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(tmp_path, batch_size=4)
    orders = [
        [index for batch in epoch_batches(30, config, epoch=epoch) for index in batch]
        for epoch in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[2]) == list(range(30))
    plain = epoch_batches(30, config, epoch=None)
    assert [index for batch in plain for index in batch] == list(range(30))


def test_labels_are_the_most_probable_class_background_included() -> None:
    probs = np.array([[[0.2, 0.6, 0.3, 0.5]], [[0.1, 0.3, 0.5, 0.0]]], np.float32)
    np.testing.assert_array_equal(labels_from_probs(probs), [[0, 1, 2, 0]])
    np.testing.assert_array_equal(labels_from_probs(probs[:1]), [[0, 1, 0, 0]])
