"""Data sets of any form give the same targets."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from napari_icseg.bench.tiles import otsu_mask, read_data
from trainers.errors import DataError

SAMPLES = Path(__file__).parents[3] / "sample_data"


def names(data, number=0):
    return sorted({target.name for target in data.tiles[number].read()[1]})


def test_a_coco_file_and_its_folder_have_the_same_layers():
    coco, folder = read_data(SAMPLES / "coco.json"), read_data(SAMPLES)
    assert [t.path for t in coco.tiles] == [t.path for t in folder.tiles]
    for one, other in zip(coco.tiles[:6], folder.tiles[:6], strict=True):
        layers = [
            {t.name: t.mask for t in tile.read()[1] if t.kind == "layer"} for tile in (one, other)
        ]
        assert layers[0].keys() == layers[1].keys()
        assert all((layers[0][name] == layers[1][name]).all() for name in layers[0])


def test_the_images_of_a_coco_file_may_lie_elsewhere(tmp_path):
    moved = tmp_path / "coco.json"
    moved.write_bytes((SAMPLES / "coco.json").read_bytes())
    with pytest.raises(DataError, match="Give --images"):
        read_data(moved)
    assert read_data(moved, images=SAMPLES / "images").tiles[0].path.is_file()


def test_a_coco_file_of_images_of_another_size_is_refused(tmp_path):
    moved = tmp_path / "coco.json"
    moved.write_bytes((SAMPLES / "coco.json").read_bytes())
    name = read_data(moved, images=SAMPLES / "images", limit=1).tiles[0].path.name
    for image in (SAMPLES / "images").iterdir():
        (tmp_path / image.name).write_bytes(image.read_bytes())
    cv2.imwrite(str(tmp_path / name), np.zeros((64, 64), np.uint8))
    with pytest.raises(DataError, match="64 x 64"):
        read_data(moved, limit=1).tiles[0].read()


def test_the_test_split_is_taken_where_there_is_one(tmp_path):
    for split in ("train", "test"):
        for name in ("images", "masks"):
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            cv2.imwrite(str(folder / f"{split}.png"), np.eye(16, dtype=np.uint8))
    assert [tile.path.name for tile in read_data(tmp_path).tiles] == ["test.png"]


def test_images_without_masks_are_refused_with_a_way_out(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.eye(16, dtype=np.uint8))
    with pytest.raises(DataError, match="--reference otsu"):
        read_data(tmp_path)


def test_the_hash_depends_on_images_masks_and_the_tiles_taken(tmp_path):
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        for tile in "ab":
            cv2.imwrite(str(tmp_path / name / f"{tile}.png"), np.eye(16, dtype=np.uint8))
    hashes = [read_data(tmp_path).sha256(), read_data(tmp_path, limit=1).sha256()]
    for name in ("images", "masks"):
        cv2.imwrite(str(tmp_path / name / "a.png"), np.eye(16, dtype=np.uint8) * 3)
        hashes.append(read_data(tmp_path).sha256())
    assert len(set(hashes)) == 4


def test_otsu_finds_what_is_bright_despite_noise():
    truth = np.zeros((200, 200), bool)
    truth[40:160, 60:120] = True
    noise = np.random.default_rng(0).normal(0, 15, truth.shape)
    mask = otsu_mask(np.clip(80 + 60 * truth + noise, 0, 255).astype(np.uint8))
    assert (mask & truth).sum() / (mask | truth).sum() > 0.97


def test_otsu_sees_nothing_in_a_flat_image():
    assert not otsu_mask(np.full((32, 32), 9, np.uint8)).any()


def test_the_otsu_reference_says_that_nobody_drew_it(tmp_path):
    image = np.zeros((64, 64), np.uint8)
    image[20:40, 20:40] = 200
    cv2.imwrite(str(tmp_path / "a.png"), image)
    data = read_data(tmp_path / "a.png", reference="otsu")
    assert data.reference == "otsu"
    assert "not drawn by a person" in data.note
    assert names(data) == ["bright layer"]
