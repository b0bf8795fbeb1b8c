from __future__ import annotations

import contextlib
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tests.trainers.io.coco_samples import minimal, read
from tests.trainers.io.strategies import tiles
from trainers.io.coco import (
    CocoAnnotation,
    CocoCategory,
    CocoDataset,
    CocoImage,
    read_coco,
    write_coco,
)
from trainers.io.polygons import trace_parts
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from pathlib import Path

# pycocotools 2.0.11 has not followed numpy 2 in its decoder, which only these tests use
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

METAL, VIA = CocoCategory(1, "metal"), CocoCategory(2, "via", "layer", {"color": "#00ff00"})


@st.composite
def datasets(draw: st.DrawFn) -> CocoDataset:
    images, annotations = [], []
    for image_id, (shape, masks) in enumerate(draw(st.lists(tiles(), max_size=3)), start=1):
        images.append(CocoImage(image_id, f"tiles/ü {image_id}.png", *shape))
        for mask in masks:
            annotations.append(
                CocoAnnotation(
                    len(annotations) + 1,
                    image_id,
                    draw(st.sampled_from([1, 2])),
                    RleMask.from_mask(mask),
                    draw(st.booleans()),
                    draw(st.sampled_from([{}, {"source": "manual", "score": 0.5}])),
                )
            )
    return CocoDataset(tuple(images), (METAL, VIA), tuple(annotations))


def load_coco(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


@given(datasets())
def test_everything_comes_back_bit_identical(tmp_path_factory, dataset):
    path = tmp_path_factory.getbasetemp() / "all.json"
    assert write_coco(path, dataset) == []
    assert read_coco(path) == dataset


@given(datasets())
def test_pycocotools_reads_the_same_masks_areas_and_boxes(tmp_path_factory, dataset):
    path = tmp_path_factory.getbasetemp() / "pycocotools.json"
    write_coco(path, dataset)
    coco = load_coco(path)
    for annotation in dataset.annotations:
        image, entry = coco.imgs[annotation.image_id], coco.anns[annotation.id]
        mask = coco.annToMask(entry).astype(bool)
        expected = annotation.mask.to_mask((image["height"], image["width"]))
        np.testing.assert_array_equal(mask, expected)
        rows, cols = np.nonzero(mask)
        assert entry["area"] == mask.sum()
        assert entry["bbox"] == [cols.min(), rows.min(), np.ptp(cols) + 1, np.ptp(rows) + 1]
        assert entry["iscrowd"] == int(annotation.iscrowd)
    assert {c["id"]: c["name"] for c in coco.dataset["categories"]} == {1: "metal", 2: "via"}


@given(datasets(), st.sampled_from(["polygons", "mixed"]))
def test_polygons_keep_holes_by_bridges_and_say_so(tmp_path_factory, dataset, style):
    path = tmp_path_factory.getbasetemp() / "polygons.json"
    losses = write_coco(path, dataset, style=style)
    with_holes = [
        annotation
        for annotation in dataset.annotations
        if not annotation.iscrowd and any(p.holes for p in trace_parts(annotation.mask.crop()))
    ]
    assert len(losses) == bool(with_holes and style == "polygons")
    coco = load_coco(path)
    for before, after in zip(dataset.annotations, read_coco(path).annotations, strict=True):
        entry = coco.anns[before.id]
        is_rle = before.iscrowd or (style == "mixed" and before in with_holes)
        assert isinstance(entry["segmentation"], dict) >= is_rle
        assert (entry["area"], tuple(entry["bbox"])) == (after.mask.area, after.mask.box_xywh)
        assert before.mask == after.mask
        assert coco.annToMask(entry).sum() == before.mask.area


def make_sem_like_dataset() -> CocoDataset:
    rng = np.random.default_rng(3)
    images, annotations = [], []
    for image_id in range(1, 9):
        images.append(CocoImage(image_id, f"{image_id}.png", 128, 160))
        for _ in range(0 if image_id == 4 else 6):
            mask = np.zeros((128, 160), np.bool_)
            row, col = rng.integers(0, 100), rng.integers(0, 130)
            mask[row : row + rng.integers(1, 60), col : col + rng.integers(1, 60)] = True
            mask[row + 1 : row + 3, col + 1 : col + 4] = False  # a hole or a notch
            mask[127, 159] = True  # a part of one pixel
            number = len(annotations) + 1
            crowd = number % 11 == 0
            annotations.append(
                CocoAnnotation(number, image_id, 1 + number % 2, RleMask.from_mask(mask), crowd)
            )
    return CocoDataset(tuple(images), (METAL, VIA), tuple(annotations))


def test_the_file_scores_ap_1_against_itself(tmp_path):
    path = tmp_path / "annotations.json"
    write_coco(path, make_sem_like_dataset())
    truth = load_coco(path)
    results = [
        {key: entry[key] for key in ("image_id", "category_id", "segmentation")} | {"score": 0.9}
        for entry in truth.dataset["annotations"]
        if not entry["iscrowd"]
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        found = truth.loadRes(results)
        evaluations = [COCOeval(truth, found, kind) for kind in ("segm", "bbox")]
        for evaluation in evaluations:
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
    for evaluation in evaluations:
        assert evaluation.stats[0] == pytest.approx(1.0)
        assert evaluation.stats[8] == pytest.approx(1.0)  # average recall


def test_ids_from_zero_are_numbered_anew_and_the_caller_is_told(tmp_path):
    dataset = make_sem_like_dataset()
    shifted = replace(
        dataset, annotations=tuple(replace(a, id=a.id - 1) for a in dataset.annotations)
    )
    (loss,) = write_coco(tmp_path / "a.json", shifted)
    assert "numbered anew" in loss
    assert read_coco(tmp_path / "a.json") == dataset


def test_keys_beyond_coco_are_kept_as_attributes(tmp_path):
    content = minimal()
    content["annotations"][0].update(score=0.25, attributes={"source": "model"})
    content["images"][0]["date_captured"] = "2024-01-01"
    content["categories"][0]["color"] = [1, 2, 3]
    dataset = read(tmp_path, content)
    assert dataset.annotations[0].attributes == {"score": 0.25, "source": "model"}
    assert dataset.images[0].attributes == {"date_captured": "2024-01-01"}
    assert dataset.categories[0].attributes == {"color": [1, 2, 3]}
    write_coco(tmp_path / "b.json", dataset)
    assert read_coco(tmp_path / "b.json") == dataset


def test_annotations_without_pixels_are_left_out_and_named(tmp_path):
    content = minimal()
    empty = [[], None, {"size": [4, 5], "counts": [20]}, [[1, 1, 1, 1, 1, 1]]]
    for number, segmentation in enumerate(empty, start=2):
        entry = {"id": number, "image_id": 7, "category_id": 1, "segmentation": segmentation}
        content["annotations"].append(entry)
    dataset = read(tmp_path, content)
    assert [annotation.id for annotation in dataset.annotations] == [1]
    assert len(dataset.notes) == len(empty)
    assert "Annotation 2" in dataset.notes[0]


def test_windows_separators_in_file_names_are_read(tmp_path):
    content = minimal()
    content["images"][0]["file_name"] = "tiles\\sub\\a b.png"
    assert read(tmp_path, content).images[0].file_name == "tiles/sub/a b.png"


def test_a_byte_order_mark_is_no_obstacle(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(minimal()).encode())
    assert len(read_coco(tmp_path / "a.json").annotations) == 1
