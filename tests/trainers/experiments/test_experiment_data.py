from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.trainers.experiments.conftest import unet_rows
from trainers.errors import DataError
from trainers.experiments.data import read_data
from trainers.experiments.matrix import Row
from trainers.experiments.tiles import TileLook, choose
from trainers.io.folders import discover

if TYPE_CHECKING:
    from pathlib import Path


def test_a_row_learns_from_the_first_images_by_name(root: Path, tmp_path: Path) -> None:
    data = read_data(root)
    listed = discover(data.labelled_for(unet_rows()[0], tmp_path / "data"))
    assert [item.image.name for item in listed.items] == [f"t{number}.png" for number in range(6)]
    assert all("test" not in item.image.parts for item in listed.items)


def test_the_unlabelled_images_come_after_and_have_no_mask(root: Path, tmp_path: Path) -> None:
    row = Row("unet", "paper", 1e-3, 1, 5, 2, 0, "automatic", 1.0)
    listed = discover(read_data(root).unlabelled_for(row, tmp_path / "data"))
    assert [(item.image.name, item.mask) for item in listed.items] == [
        ("t5.png", None),
        ("t6.png", None),
    ]


def test_the_hash_changes_with_any_mask_and_not_with_the_place(root: Path, tmp_path: Path) -> None:
    before = read_data(root).sha256
    moved = root.rename(tmp_path / "elsewhere")
    assert read_data(moved).sha256 == before
    Image.fromarray(np.ones((32, 32), np.uint8)).save(moved / "test" / "masks" / "t3.png")
    assert read_data(moved).sha256 != before
    assert read_data(moved, test_limit=3).sha256 == read_data(moved, test_limit=3).sha256


def test_a_folder_without_a_test_split_is_refused(root: Path) -> None:
    shutil.rmtree(root / "test")
    with pytest.raises(DataError, match="no labelled test split"):
        read_data(root)


def test_a_mask_of_another_size_than_its_image_is_refused_by_name(root: Path) -> None:
    Image.fromarray(np.zeros((32, 30), np.uint8)).save(root / "train" / "masks" / "t4.png")
    with pytest.raises(DataError, match=r"t4\.png does not fit its image: expected 32 x 32"):
        read_data(root)


def test_a_class_without_a_name_is_refused(root: Path) -> None:
    (root / "classes.txt").write_text("metal\n")
    Image.fromarray(np.full((32, 32), 2, np.uint8)).save(root / "test" / "masks" / "t3.png")
    with pytest.raises(DataError, match="class id 2"):
        read_data(root)


def test_too_few_images_for_a_row_says_which_scale_would_do(root: Path) -> None:
    row = unet_rows(scale=0.01)[0]
    with pytest.raises(DataError, match=r"needs 10 .* there are 8 .*--scale 0\.008"):
        read_data(root).require_enough(row)


def test_shown_are_an_easy_tile_a_blank_one_and_one_that_only_looks_like_an_object() -> None:
    looks = [
        TileLook(0.9, 9.0, 0.1),  # nearly all metal: not typical
        TileLook(0.2, 1.0, 0.1),
        TileLook(0.3, 3.0, 0.1),
        TileLook(0.0, 0.0, 0.05),
        TileLook(0.0, 0.0, 0.20),
        TileLook(0.1, 5.0, 0.3),
    ]
    assert choose(looks) == {"easy": 2, "hard": 4, "blank": 3}
    assert choose(looks[:3]) == {"easy": 2}
    assert choose(looks[3:4]) == {"blank": 0}
