from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from trainers.errors import DataError
from trainers.io.folders import DatasetItem, discover

if TYPE_CHECKING:
    from pathlib import Path


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / name), np.zeros((8, 8), np.uint8))


def test_images_and_masks_are_matched_by_stem_and_sorted_by_name(tmp_path):
    touch(tmp_path, "images/b.tif", "images/a.PNG", "images/c.jpg", "masks/b.png", "masks/a.png")
    assert discover(tmp_path).items == (
        DatasetItem(tmp_path / "images/a.PNG", tmp_path / "masks/a.png"),
        DatasetItem(tmp_path / "images/b.tif", tmp_path / "masks/b.png"),
        DatasetItem(tmp_path / "images/c.jpg", None),
    )


def test_splits_are_found(tmp_path):
    touch(tmp_path, "test/images/b.png", "train/images/a.png", "train/masks/a.png")
    touch(tmp_path, "val/images/c.png")
    assert discover(tmp_path).items == (
        DatasetItem(tmp_path / "train/images/a.png", tmp_path / "train/masks/a.png", "train"),
        DatasetItem(tmp_path / "val/images/c.png", None, "val"),
        DatasetItem(tmp_path / "test/images/b.png", None, "test"),
    )


def test_the_same_name_may_occur_in_several_splits(tmp_path):
    touch(tmp_path, "train/images/a.png", "train/masks/a.png")
    touch(tmp_path, "test/images/a.png", "test/masks/a.png")
    items = discover(tmp_path).items
    assert [item.mask for item in items] == [
        tmp_path / "train/masks/a.png",
        tmp_path / "test/masks/a.png",
    ]


def test_a_flat_folder_is_taken_as_images(tmp_path):
    touch(tmp_path, "b.png", "a.bmp")
    (tmp_path / "notes.txt").write_text("no image")
    assert [item.image.name for item in discover(tmp_path).items] == ["a.bmp", "b.png"]


def test_in_a_flat_folder_an_ending_tells_masks_from_images(tmp_path):
    touch(tmp_path, "a.tif", "a_mask.png", "gas_mask.png")
    assert discover(tmp_path).items == (
        DatasetItem(tmp_path / "a.tif", tmp_path / "a_mask.png"),
        DatasetItem(tmp_path / "gas_mask.png", None),
    )


def test_masks_in_their_folder_may_have_the_ending_too(tmp_path):
    touch(tmp_path, "images/a.png", "masks/a_mask.png")
    assert discover(tmp_path).items[0].mask == tmp_path / "masks/a_mask.png"


def test_hidden_files_are_ignored(tmp_path):
    touch(tmp_path, "a.png", ".a.12ab.part.png")
    (tmp_path / "._a.png").write_bytes(b"resource fork")
    assert [item.image.name for item in discover(tmp_path).items] == ["a.png"]


def test_masks_without_an_image_are_named(tmp_path):
    touch(tmp_path, "images/a.png", "masks/a.png", "masks/z.png")
    (note,) = discover(tmp_path).notes
    assert "z.png" in note


def test_class_names_are_read(tmp_path):
    touch(tmp_path, "a.png")
    (tmp_path / "classes.txt").write_text("metal\nvia\n\n", encoding="utf-8")
    assert discover(tmp_path).class_names == ("metal", "via")


def test_names_of_other_scripts_work(tmp_path):
    touch(tmp_path, "größe/images/金属.png", "größe/masks/金属.png")
    (item,) = discover(tmp_path / "größe").items
    assert item.mask == tmp_path / "größe/masks/金属.png"


@pytest.mark.parametrize("folders", [[], ["images"], ["images", "masks"], ["train/images"]])
def test_a_folder_without_images_is_refused_naming_the_layouts(tmp_path, folders):
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "readme.txt").write_text("text")
    with pytest.raises(DataError, match=r"no images.*manifest\.json.*train/.*images/ and masks/"):
        discover(tmp_path)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        discover(tmp_path / "none")


def test_masks_that_fit_no_image_at_all_are_refused(tmp_path):
    touch(tmp_path, "images/a.png", "masks/tile_a.png")
    with pytest.raises(DataError, match=r"tile_a\.png.*like its image"):
        discover(tmp_path)


def test_two_masks_of_one_image_are_refused(tmp_path):
    touch(tmp_path, "images/a.png", "masks/a.png", "masks/a.tif")
    with pytest.raises(DataError, match="Keep one"):
        discover(tmp_path)


def test_two_images_of_one_mask_are_refused(tmp_path):
    touch(tmp_path, "images/a.png", "images/a.jpg", "masks/a.png")
    with pytest.raises(DataError, match="share one mask"):
        discover(tmp_path)


def test_two_images_of_one_name_without_masks_are_fine(tmp_path):
    touch(tmp_path, "images/a.png", "images/a.jpg")
    assert len(discover(tmp_path).items) == 2
