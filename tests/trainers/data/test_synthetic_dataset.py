"""Synthetic data sets on the disk: layout, repeatability, COCO and refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pycocotools.coco import COCO

from trainers.data.synthetic import PRESETS, generate_tile
from trainers.data.synthetic.write import FIRST_INDEX, write_dataset
from trainers.errors import DataError
from trainers.io.coco import read_coco
from trainers.io.folders import discover
from trainers.io.images import read_image
from trainers.io.masks import read_mask

if TYPE_CHECKING:
    from pathlib import Path


def tree(root: Path) -> dict[str, bytes]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synth") / "set"
    return write_dataset(out, preset="metal_vias", count=5, test_count=3, seed=9)


def test_any_number_of_workers_writes_the_same_bytes(small: Path, tmp_path: Path) -> None:
    other = write_dataset(
        tmp_path / "two", preset="metal_vias", count=5, test_count=3, seed=9, num_workers=2
    )
    assert tree(other) == tree(small)


def test_the_layout_is_the_papers(small: Path) -> None:
    names = set(tree(small))
    assert {"dataset.json", "classes.txt", "train/coco.json", "test/coco.json"} <= names
    assert len([name for name in names if name.startswith("train/images/")]) == 5
    assert len([name for name in names if name.startswith("test/masks/")]) == 3
    index = discover(small)
    assert [item.split for item in index.items].count("train") == 5
    assert all(item.mask is not None for item in index.items)
    assert index.class_names == ("metal", "via")


def test_files_hold_what_the_generator_makes(small: Path) -> None:
    for split, place in (("train", 3), ("test", 2)):
        tile = generate_tile(PRESETS["metal_vias"], 9, FIRST_INDEX[split] + place)
        name = f"metal_vias_{place:05d}.png"
        np.testing.assert_array_equal(read_image(small / split / "images" / name), tile.image)
        np.testing.assert_array_equal(read_mask(small / split / "masks" / name), tile.semantic)


def test_as_many_test_tiles_as_training_tiles_unless_told(tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []
    out = write_dataset(
        tmp_path / "set",
        preset="avr_m1",
        count=2,
        seed=1,
        size_px=64,
        progress=lambda now, total: done.append((now, total)),
    )
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert len(list((out / "test" / "images").iterdir())) == 2
    assert read_image(out / "test" / "images" / "avr_m1_00000.png").shape == (64, 64)
    assert (out / "classes.txt").read_text() == "metal\n"
    alone = write_dataset(
        tmp_path / "alone", preset="avr_m1", count=2, test_count=0, seed=1, size_px=64
    )
    assert not (alone / "test").exists()


@pytest.mark.parametrize("preset", ["avr_m1", "train"])
def test_blank_and_ghost_only_tiles_come_at_the_rate_asked_for(preset: str, tmp_path: Path) -> None:
    request = {"preset": preset, "count": 6, "test_count": 0, "seed": 1, "size_px": 64}
    for rates, kind in (
        ({"blank_rate": 1.0}, "blank"),
        ({"ghost_only_rate": 1.0}, "ghost_only"),
        ({"blank_rate": 0.0, "ghost_only_rate": 0.0}, "layer"),
    ):
        out = write_dataset(tmp_path / kind, **request, **rates)  # type: ignore[arg-type]
        dataset = read_coco(out / "train" / "coco.json")
        assert [image.attributes["kind"] for image in dataset.images] == [kind] * 6


def test_sixteen_bit_tiles_are_written_with_all_their_bits(tmp_path: Path) -> None:
    out = write_dataset(
        tmp_path / "deep", preset="avr_m1", count=1, test_count=0, seed=1, size_px=64, bit_depth=16
    )
    image = read_image(out / "train" / "images" / "avr_m1_00000.png")
    assert image.dtype == np.uint16
    assert image.max() > 255


def test_training_and_test_tiles_differ(small: Path) -> None:
    images = [data for name, data in tree(small).items() if "/images/" in name]
    assert len(set(images)) == len(images) == 8


def test_coco_objects_are_the_nets_and_the_vias(small: Path) -> None:
    dataset = read_coco(small / "train" / "coco.json")
    assert [category.name for category in dataset.categories] == ["metal", "via"]
    for image in dataset.images:
        semantic = read_mask(small / "train" / "masks" / image.file_name)
        masks: dict[int, np.ndarray] = {1: np.zeros(semantic.shape, int)}
        masks[2] = masks[1].copy()
        for annotation in dataset.annotations:
            if annotation.image_id == image.id:
                masks[annotation.category_id] += annotation.mask.to_mask(semantic.shape)
        assert max(masks[1].max(), masks[2].max()) <= 1, "objects of a class overlap"
        np.testing.assert_array_equal(masks[2] > 0, semantic == 2)
        np.testing.assert_array_equal((masks[1] > 0) | (masks[2] > 0), semantic > 0)


# pycocotools 2.0 is not written for NumPy 2.4 yet
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_reads_the_coco_file(small: Path) -> None:
    coco = COCO(str(small / "train" / "coco.json"))
    assert len(coco.imgs) == 5
    for annotation in coco.loadAnns(coco.getAnnIds()):
        assert coco.annToMask(annotation).sum() == annotation["area"]


def test_the_recipe_stands_beside_the_tiles(small: Path) -> None:
    recipe = json.loads((small / "dataset.json").read_text())
    assert recipe["preset"] == "metal_vias"
    assert recipe["seed"] == 9
    assert recipe["counts"] == {"train": 5, "test": 3}
    assert recipe["config"]["imaging"]["edge_gain"] == [0.1, 0.6]


def test_a_folder_that_holds_anything_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DataError, match="not an empty folder"):
        write_dataset(tmp_path, preset="avr_m1", count=1, seed=1)
    assert tree(tmp_path) == {"mine.txt": b"keep"}
    with pytest.raises(DataError, match="not an empty folder"):
        write_dataset(tmp_path / "mine.txt", preset="avr_m1", count=1, seed=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preset": "avr_m9"}, "avr_m1, metal_vias, mixed, train"),
        ({"count": 0}, "got 0"),
        ({"test_count": -1}, "got 1 and -1"),
        ({"seed": -1}, "got -1"),
        ({"size_px": 8}, "got 8"),
        ({"bit_depth": 12}, "got 12"),
        ({"blank_rate": 0.7, "ghost_only_rate": 0.7}, "add up to 1"),
        ({"blank_rate": -0.1}, "shares from 0 to 1"),
    ],
)
def test_wrong_requests_are_refused_before_anything_is_written(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    request: dict[str, object] = {"preset": "avr_m1", "count": 1, "seed": 1, **change}
    with pytest.raises(DataError, match=message):
        write_dataset(tmp_path / "new", **request)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()
