"""The sample data in the repository is what its recorded seed gives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from trainers.data.synthetic.sample import write_sample_data
from trainers.errors import DataError
from trainers.io.folders import discover
from trainers.io.images import read_image
from trainers.io.masks import read_mask

SHIPPED = Path(__file__).parents[3] / "sample_data"


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample_data(tmp_path_factory.mktemp("again") / "sample_data")


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_the_same_files_are_made_again(again: Path) -> None:
    assert names(again) == names(SHIPPED)
    for name in ("dataset.json", "README.md", "classes.txt"):
        assert (again / name).read_bytes() == (SHIPPED / name).read_bytes()


def test_the_same_pictures_are_made_again(again: Path) -> None:
    # floating point may round differently on another processor: by a grey level, seldom
    for name in sorted(name for name in names(SHIPPED) if "images/" in name):
        old, new = read_image(SHIPPED / name).astype(int), read_image(again / name).astype(int)
        assert np.abs(old - new).max() <= 2, name
        assert np.mean(old != new) < 0.01, name


def test_the_same_masks_are_made_again(again: Path) -> None:
    for name in sorted(name for name in names(SHIPPED) if "masks/" in name):
        assert np.mean(read_mask(SHIPPED / name) != read_mask(again / name)) < 1e-4, name


def test_the_same_objects_are_made_again(again: Path) -> None:
    for name in ("coco.json", "large/coco.json"):
        old, new = (json.loads((root / name).read_text()) for root in (SHIPPED, again))
        assert old["images"] == new["images"]
        assert old["categories"] == new["categories"]
        boxes = [[a["bbox"] for a in content["annotations"]] for content in (old, new)]
        np.testing.assert_allclose(boxes[0], boxes[1], atol=1)


def test_there_are_24_small_tiles_and_a_large_one() -> None:
    small, large = discover(SHIPPED), discover(SHIPPED / "large")
    assert [read_image(item.image).shape for item in small.items] == [(256, 256)] * 24
    assert [read_image(item.image).shape for item in large.items] == [(2048, 2048)]
    masks = [read_mask(item.mask) for item in small.items if item.mask is not None]
    assert sum(not mask.any() for mask in masks) == 3
    assert sum(2 in mask for mask in masks) == 5
    assert len(masks) == 24


def test_it_stays_below_5_mb() -> None:
    assert sum((SHIPPED / name).stat().st_size for name in names(SHIPPED)) <= 5_000_000


def test_older_sample_data_is_replaced_but_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(DataError, match="nothing was written"):
        write_sample_data(tmp_path)
    assert names(tmp_path) == {"thesis.doc"}
