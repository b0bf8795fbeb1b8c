"""Our exports read by Roboflow's supervision, which shares no code with us."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_icseg.project.exporting import export_labels
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus, ObjectSource
from tests.napari_icseg.project.conftest import write_image
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

supervision = pytest.importorskip("supervision")

SIDE = 96


def drawn() -> dict[str, np.ndarray]:
    """Return a ring, two far parts, an object at the border, and a round one."""
    ring, parts, border, disc = (np.zeros((SIDE, SIDE), dtype=bool) for _ in range(4))
    ring[10:60, 10:60] = True
    ring[20:50, 20:50] = False
    parts[70:90, 5:25] = parts[70:90, 60:80] = True
    border[0:12, 70:96] = True
    rows, cols = np.ogrid[:SIDE, :SIDE]
    disc[(rows - 35) ** 2 + (cols - 35) ** 2 < 100] = True
    return {"ring": ring, "parts": parts, "border": border, "disc": disc}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    names = ("ä b.png", "blank.png")
    with Project.create(tmp_path / "p.icseg") as made:
        made.add_images([write_image(tmp_path / name, SIDE, SIDE) for name in names])
        for number, mask in enumerate(drawn().values()):
            rle = RleMask.from_mask(mask)
            made.add_object(1, 1 + number % 2, rle, ObjectSource.MANUAL)
        made.set_status(1, ImageStatus.LABELLED)
        made.set_status(2, ImageStatus.BLANK)
        yield made


def test_supervision_reads_our_yolo_with_holes_and_parts(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_labels(project, out, "yolo")
    read = supervision.DetectionDataset.from_yolo(
        str(out / "images"), str(out / "labels"), str(out / "data.yaml"), force_masks=True
    )
    assert read.classes == ["metal", "via", "poly"][: len(read.classes)]
    found = read.annotations[str(out / "images" / "ä b.png")]
    assert found.class_id.tolist() == [0, 1, 0, 1]
    for mask, expected in zip(found.mask, drawn().values(), strict=True):
        # it draws outlines and bridges one pixel wide, and nothing else differs
        assert expected[mask != expected].sum() == 0
        assert iou(mask, expected) > 0.8
    ring = found.mask[0]
    assert not ring[22:49, 22:49].any()
    assert len(read.annotations[str(out / "images" / "blank.png")]) == 0


def test_supervision_reads_our_coco_for_cvat(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_labels(project, out, "cvat")
    read = supervision.DetectionDataset.from_coco(
        str(tmp_path), str(out / "annotations" / "instances_default.json"), force_masks=True
    )
    found = read.annotations[str(tmp_path / "ä b.png")]
    ring, parts, border, disc = found.mask
    expected = drawn()
    assert np.array_equal(ring, expected["ring"])  # RLE: exact
    assert np.array_equal(parts, expected["parts"])
    assert iou(border, expected["border"]) > 0.8  # polygons: it draws the outline
    assert iou(disc, expected["disc"]) > 0.8
    assert [read.classes[number] for number in found.class_id] == ["metal", "via"] * 2


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())
