from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.trainers.io.coco_samples import minimal, read
from trainers.errors import DataError
from trainers.io.coco import (
    CocoAnnotation,
    CocoCategory,
    CocoDataset,
    CocoImage,
    read_coco,
    write_coco,
)
from trainers.io.rle import RleMask

METAL = CocoCategory(1, "metal")

UNSAFE = [
    "../a.png",
    "a/../../b.png",
    "..",
    "..\\a.png",
    "a\\..\\..\\b.png",
    ".. /a.png",
    "/etc/passwd",
    "\\\\server\\share\\a.png",
    "\\a.png",
    "C:\\a.png",
    "C:a.png",
    "c:/a.png",
    "",
    "   ",
    ".",
    "a\0b.png",
    "a\nb.png",
    "\ud800.png",
    None,
    3,
]


@pytest.mark.parametrize("name", UNSAFE, ids=repr)
def test_unsafe_file_names_are_refused_on_reading_and_writing(tmp_path, name):
    content = minimal()
    content["images"][0]["file_name"] = name
    with pytest.raises(DataError, match="file_name"):
        read(tmp_path, content)
    path = tmp_path / "out.json"
    with pytest.raises(DataError, match="file_name"):
        write_coco(path, CocoDataset((CocoImage(1, name, 4, 5),), (), ()))
    assert not path.exists()


def broken(*path: Any, value: Any) -> dict[str, Any]:
    content: Any = minimal()
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return content


def doubled(key: str) -> dict[str, Any]:
    content = minimal()
    content[key] *= 2
    return content


ANNOTATION = ("annotations", 0)
BROKEN = {
    "a list": ([], "expected an object"),
    "a number": (3, "expected an object"),
    "no images": ({"annotations": []}, "expected an object"),
    "images no list": (broken("images", value={}), "list of images"),
    "image no object": (broken("images", 0, value=3), "objects in images"),
    "image without id": (broken("images", 0, "id", value=None), "an image: .*id"),
    "image id a text": (broken("images", 0, "id", value="7"), "'7'"),
    "image id a truth value": (broken("images", 0, "id", value=True), "True"),
    "image id too large": (broken("images", 0, "id", value=10**30), "whole number id"),
    "image id doubled": (doubled("images"), "7 occurs twice"),
    "image without height": (broken("images", 0, "height", value=None), "height"),
    "image of no height": (broken("images", 0, "height", value=0), "height"),
    "image too large": (broken("images", 0, "height", value=10**9), "height"),
    "category without name": (broken("categories", 0, "name", value=None), "expected a name"),
    "category doubled": (doubled("categories"), "1 occurs twice"),
    "annotation doubled": (doubled("annotations"), "1 occurs twice"),
    "unknown image": (broken(*ANNOTATION, "image_id", value=8), "image id 8 is not"),
    "unknown category": (broken(*ANNOTATION, "category_id", value=5), "category id 5 is not"),
    "no categories": (broken("categories", value=[]), "category id 1 is not"),
    "broken rle": (
        broken(*ANNOTATION, "segmentation", "counts", value="~~~"),
        "annotation 1: Broken RLE",
    ),
    "rle of another size": (
        broken(*ANNOTATION, "segmentation", "size", value=[5, 4]),
        r"expected the size \[4, 5\]",
    ),
    "broken polygon": (
        broken(*ANNOTATION, "segmentation", value=[[1, 2, 3]]),
        "annotation 1: Broken polygon",
    ),
    "iscrowd 2": (broken(*ANNOTATION, "iscrowd", value=2), "iscrowd 0 or 1"),
    "attributes a list": (broken(*ANNOTATION, "attributes", value=[1]), "attributes as an object"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_with_a_reason(tmp_path, content, message):
    with pytest.raises(DataError, match=rf"in\.json as COCO: .*{message}"):
        read(tmp_path, content)


def test_two_images_of_one_file_name_are_refused(tmp_path):
    content = minimal()
    content["images"].append({**content["images"][0], "id": 8, "file_name": "./a.png"})
    with pytest.raises(DataError, match=r"two images have the file_name 'a\.png'"):
        read(tmp_path, content)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff\xfe", b"[" * 200_000, b'{"images": NaN}', b"1" * 5_000, b"\x00"],
    ids=["empty", "cut off", "not utf-8", "deep", "nan", "long number", "zero"],
)
def test_what_is_not_json_is_refused(tmp_path, data):
    (tmp_path / "in.json").write_bytes(data)
    with pytest.raises(DataError, match="as COCO"):
        read_coco(tmp_path / "in.json")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_coco(tmp_path / "none.json")


MASK = RleMask.from_mask(np.ones((4, 5), np.bool_))
IMAGE = CocoImage(1, "a.png", 4, 5)
SMALL = CocoDataset((IMAGE,), (METAL,), (CocoAnnotation(1, 1, 1, MASK),))
UNWRITABLE = {
    "unknown image": CocoDataset((IMAGE,), (METAL,), (CocoAnnotation(1, 9, 1, MASK),)),
    "unknown category": CocoDataset((IMAGE,), (METAL,), (CocoAnnotation(1, 1, 9, MASK),)),
    "doubled image": CocoDataset((IMAGE, IMAGE), (METAL,), ()),
    "doubled annotation": CocoDataset((IMAGE,), (METAL,), (CocoAnnotation(1, 1, 1, MASK),) * 2),
    "over the edge": CocoDataset(
        (IMAGE,), (METAL,), (CocoAnnotation(1, 1, 1, replace(MASK, row=1)),)
    ),
    "not a number": CocoDataset(
        (IMAGE,), (METAL,), (CocoAnnotation(1, 1, 1, MASK, False, {"score": float("nan")}),)
    ),
    "no json": CocoDataset(
        (IMAGE,), (METAL,), (CocoAnnotation(1, 1, 1, MASK, False, {"score": {1, 2}}),)
    ),
}


@pytest.mark.parametrize("dataset", UNWRITABLE.values(), ids=UNWRITABLE)
def test_what_cannot_be_written_leaves_the_old_file(tmp_path, dataset):
    path = tmp_path / "a.json"
    write_coco(path, SMALL)
    before = path.read_bytes()
    with pytest.raises(DataError, match="Cannot write"):
        write_coco(path, dataset)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(mount_tmpfs):
    path = mount_tmpfs("size=32k") / "a.json"
    write_coco(path, SMALL)
    images = tuple(CocoImage(i, f"{i}.png", 4, 5) for i in range(2_000))
    with pytest.raises(DataError, match="Free some space"):
        write_coco(path, CocoDataset(images, (METAL,), ()))
    assert read_coco(path) == SMALL
