"""Every export read back by our own importers: the same objects, classes, splits and blanks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_icseg.project.exporting import export_labels
from napari_icseg.project.formats import EXPORT_FORMATS, Feature, Kept
from napari_icseg.project.import_plan import apply_plan
from napari_icseg.project.import_sources import ImportFormat, ImportSource, plan_source
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus, ObjectSource
from tests.napari_icseg.project.conftest import HEIGHT, WIDTH, square, write_image
from tests.napari_icseg.project.test_exchange import shapes
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SHAPE = (HEIGHT, WIDTH)
NAMES = ("tiles/ünït µ.png", "tiles/sub folder/b.tif", "tiles/blank.png")
DETECTED = {
    "coco": ImportFormat.COCO,
    "coco-polygons": ImportFormat.COCO,
    "cvat": ImportFormat.COCO,
    "yolo": ImportFormat.YOLO,
    "labelme": ImportFormat.LABELME,
    "voc": ImportFormat.VOC,
    "png": ImportFormat.MASKS,
}
KEEP_OVERLAPS = [key for key in EXPORT_FORMATS if key not in ("voc", "png")]


def objects_of(project: Project, image_id: int) -> list[tuple[str, bytes]]:
    names = {known.id: known.name for known in project.classes()}
    return sorted(
        (names[known.class_id], known.mask.to_mask(SHAPE).tobytes())
        for known in project.objects(image_id)
    )


def round_trip(folder: Path, masks: Sequence[Any], key: str) -> tuple[Project, Project]:
    """Return a project with `masks` on its first image, and one that imported its export."""
    before, after = (Project.create(folder / name) for name in ("a.icseg", "b.icseg"))
    paths = [write_image(folder / name) for name in NAMES]
    for project in (before, after):
        project.add_images(paths)
    for number, mask in enumerate(masks):
        before.add_object(1, 1 + number % 2, RleMask.from_mask(mask), ObjectSource.PROMPT, 0.5)
    before.add_object(2, 2, square(20, 28), ObjectSource.MANUAL)
    for image_id, status in ((1, "labelled"), (2, "labelled"), (3, "blank")):
        before.set_status(image_id, ImageStatus(status))
    before.set_split([2], "val")
    export_labels(before, folder / "out", key)
    source = folder / "out" / "a.json" if key.startswith("coco") else folder / "out"
    planned = plan_source(after, ImportSource(source))
    assert planned.format is DETECTED[key]
    apply_plan(after, planned.plan)
    return before, after


@pytest.mark.parametrize("key", KEEP_OVERLAPS)
def test_hard_shapes_come_back_pixel_for_pixel(tmp_path: Path, key: str) -> None:
    before, after = round_trip(tmp_path, list(shapes().values()), key)
    with before, after:
        for image_id in (1, 2, 3):
            assert objects_of(after, image_id) == objects_of(before, image_id)
        keeps = EXPORT_FORMATS[key].kept
        blank = ImageStatus.BLANK if keeps(Feature.BLANK) is Kept.YES else ImageStatus.UNLABELLED
        statuses = [image.status for image in after.images()]
        assert statuses == [ImageStatus.LABELLED, ImageStatus.LABELLED, blank]
        assert (after.image(2).split == "val") == (keeps(Feature.SPLITS) is Kept.YES)
        scores = {known.score for known in after.objects(1)}
        assert (scores == {0.5}) == (keeps(Feature.SCORES) is Kept.YES)
        after.undo()
        assert not any(image.num_objects for image in after.images())


def apart() -> list[Any]:
    """Return objects without overlaps: a ring of two holes, two parts, a pixel at the border."""
    ring, parts, pixel = (np.zeros(SHAPE, dtype=bool) for _ in range(3))
    ring[2:14, 2:20] = True
    ring[4:8, 4:8] = ring[10, 15] = False
    parts[16:20, 1:6] = parts[16:20, 9:12] = True
    pixel[HEIGHT - 1, WIDTH - 12] = True
    return [ring, parts, pixel]


def test_voc_keeps_objects_that_do_not_overlap(tmp_path: Path) -> None:
    before, after = round_trip(tmp_path, apart(), "voc")
    with before, after:
        for image_id in (1, 2, 3):
            assert objects_of(after, image_id) == objects_of(before, image_id)
        assert after.image(3).status is ImageStatus.BLANK
        assert after.image(2).split == "val"


def test_png_keeps_the_pixels_of_classes(tmp_path: Path) -> None:
    before, after = round_trip(tmp_path, apart(), "png")
    with before, after:
        for class_id in (1, 2):
            drawn = [np.zeros(SHAPE, dtype=bool) for _ in range(2)]
            for canvas, project in zip(drawn, (before, after), strict=True):
                for known in project.objects(1):
                    canvas |= known.mask.to_mask(SHAPE) & (known.class_id == class_id)
            assert np.array_equal(*drawn)
        assert after.image(3).status is ImageStatus.BLANK


masks = hnp.arrays(bool, SHAPE, elements=st.booleans()).filter(lambda mask: bool(mask.any()))


@pytest.mark.parametrize("key", ["yolo", "labelme", "cvat", "coco-polygons"])
@settings(max_examples=8, deadline=None)
@given(some=st.lists(masks, min_size=1, max_size=3))
def test_any_masks_come_back_pixel_for_pixel(
    tmp_path_factory: pytest.TempPathFactory, key: str, some: list[Any]
) -> None:
    before, after = round_trip(tmp_path_factory.mktemp("trip"), some, key)
    with before, after:
        assert objects_of(after, 1) == objects_of(before, 1)
