from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from trainers.data.snapshot import ensure_snapshot, read_snapshot
from trainers.errors import DataError, TrainingError
from trainers.io.folders import discover, write_manifest
from trainers.io.masks import read_mask, write_instances

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainers.conftest import MakeConfig, MakeTiles
    from trainers.data.snapshot import Snapshot


def snap(make_config: MakeConfig, data: Path, folder: Path, **changes: object) -> Snapshot:
    snapshot = ensure_snapshot(make_config(data, **changes), folder)
    assert snapshot is not None
    return snapshot


def test_the_snapshot_holds_masks_hashes_and_splits(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    data = make_tiles(10)
    snapshot = snap(make_config, data, tmp_path / "dataset", val_fraction=0.2)
    assert snapshot.class_names == ("foreground",)
    assert [len(snapshot.of(split)) for split in ("train", "val")] == [8, 2]
    for item in snapshot.items:
        assert len(item.image_sha256) == 64
        assert item.mask.is_relative_to(tmp_path / "dataset")
        original = read_mask(data / "masks" / item.image.name)
        np.testing.assert_array_equal(read_mask(item.mask), original)
    assert read_snapshot(tmp_path / "dataset") == snapshot


def test_the_snapshot_is_taken_once(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    data = make_tiles(4)
    first = snap(make_config, data, tmp_path / "dataset")
    (data / "masks" / "t01.png").unlink()
    assert snap(make_config, data, tmp_path / "dataset", val_fraction=0.5) == first


def test_the_hash_tells_labels_images_splits_and_classes_apart(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    data = make_tiles(6)
    hashes = [
        snap(make_config, data, tmp_path / "a").sha256,
        snap(make_config, data, tmp_path / "b", val_fraction=0.5).sha256,
        snap(make_config, data, tmp_path / "c", class_names=("metal",)).sha256,
    ]
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(data / "masks" / "t01.png")
    hashes.append(snap(make_config, data, tmp_path / "d").sha256)
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(data / "images" / "t02.png")
    hashes.append(snap(make_config, data, tmp_path / "e").sha256)
    assert len(set(hashes)) == len(hashes)
    assert snap(make_config, data, tmp_path / "f").sha256 == hashes[-1]


def test_test_tiles_and_unlabelled_images_are_left_out(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    make_tiles(4, folder="data/train")
    make_tiles(3, folder="data/test")
    (tmp_path / "data" / "train" / "masks" / "t03.png").unlink()
    snapshot = snap(make_config, tmp_path / "data", tmp_path / "dataset")
    assert sorted(item.image.name for item in snapshot.items) == ["t00.png", "t01.png", "t02.png"]
    assert all("test" not in item.image.parts for item in snapshot.items)


def test_moving_the_data_keeps_the_split(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    data = make_tiles(12)
    before = snap(make_config, data, tmp_path / "a")
    moved = data.rename(tmp_path / "elsewhere")
    after = snap(make_config, moved, tmp_path / "b")
    assert [item.split for item in before.items] == [item.split for item in after.items]
    assert before.sha256 == after.sha256


def test_class_names_come_from_the_data_or_are_made_up(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    data = make_tiles(4, num_classes=2)
    assert snap(make_config, data, tmp_path / "a").class_names == ("class 1", "class 2")
    (data / "classes.txt").write_text("metal\nvia\n")
    assert snap(make_config, data, tmp_path / "b").class_names == ("metal", "via")


def test_a_class_without_a_name_is_reported(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    data = make_tiles(4, num_classes=3)
    (data / "classes.txt").write_text("metal\nvia\n")
    with pytest.raises(DataError, match="class id 3"):
        snap(make_config, data, tmp_path / "a")


def test_instance_masks_train_as_one_class(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    data = make_tiles(2)
    ids = np.zeros((64, 64), np.uint16)
    ids[:8], ids[20:24] = 1, 700
    for mask in (data / "masks").iterdir():
        write_instances(mask, ids)
    snapshot = snap(make_config, data, tmp_path / "dataset")
    assert snapshot.class_names == ("foreground",)
    np.testing.assert_array_equal(read_mask(snapshot.items[0].mask), ids > 0)


def test_blank_tiles_are_labelled_tiles_and_all_blank_is_said(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    mixed = snap(make_config, make_tiles(6, blank=(0, 1)), tmp_path / "a")
    assert sum(item.max_id == 0 for item in mixed.items) == 2
    assert mixed.warnings() == []
    blank = snap(make_config, make_tiles(3, blank=(0, 1, 2), folder="b"), tmp_path / "c")
    assert "All labelled tiles are blank" in blank.warnings()[0]
    lone = snap(make_config, make_tiles(3, blank=(0, 1), folder="d"), tmp_path / "e")
    assert "All validation tiles are blank" in lone.warnings()[0]


def test_no_mask_at_all_says_what_to_do(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    data = make_tiles(3)
    for mask in (data / "masks").iterdir():
        mask.unlink()
    with pytest.raises(TrainingError, match="Label more tiles"):
        snap(make_config, data, tmp_path / "dataset")


def test_a_mask_of_another_size_is_reported(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    data = make_tiles(3)
    Image.fromarray(np.zeros((32, 64), np.uint8)).save(data / "masks" / "t01.png")
    with pytest.raises(DataError, match=r"t01\.png"):
        snap(make_config, data, tmp_path / "dataset")
    assert not (tmp_path / "dataset" / "manifest.json").exists()


def test_a_cancel_while_reading_leaves_no_half_snapshot(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    answers = iter([False, True])
    config = make_config(make_tiles(6))
    folder = tmp_path / "dataset"
    assert ensure_snapshot(config, folder, is_cancelled=lambda: next(answers, True)) is None
    assert not (folder / "manifest.json").exists()
    assert ensure_snapshot(config, folder) is not None


def test_a_snapshot_can_itself_be_trained_on(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    first = snap(make_config, make_tiles(5), tmp_path / "dataset")
    again = snap(make_config, tmp_path / "dataset", tmp_path / "copy")
    assert again.sha256 == first.sha256


def test_a_run_keeps_who_made_the_labels(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    index = discover(make_tiles(3))
    origins = ["manual", "accepted", None]
    items = tuple(replace(i, provenance=o) for i, o in zip(index.items, origins, strict=True))
    write_manifest(tmp_path / "list" / "manifest.json", replace(index, items=items))
    snap(make_config, tmp_path / "list", tmp_path / "dataset")
    kept = read_snapshot(tmp_path / "dataset").items
    assert {item.image: item.provenance for item in kept} == {i.image: i.provenance for i in items}
