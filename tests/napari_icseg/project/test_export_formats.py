"""What other programs read from our exports; the readers here share no code with the writers."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.exporting import export_labels
from napari_icseg.project.formats import EXPORT_FORMATS
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus, NewObject, ObjectSource
from tests.napari_icseg.project.conftest import HEIGHT, WIDTH, square, write_image
from tests.napari_icseg.project.test_exchange import shapes
from trainers.errors import DataError
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# pycocotools 2.0.11 converts arrays in a way that NumPy 2 announces to drop
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

SHAPE = (HEIGHT, WIDTH)
NAMES = ("tiles/ünït µ.png", "tiles/sub folder/b.tif", "tiles/blank.png", "tiles/half.png")
SCORED = 0.5


@pytest.fixture
def labelled(tmp_path: Path) -> Iterator[Project]:
    """Return a project with hard shapes, odd names, a blank image and an unfinished one."""
    with Project.create(tmp_path / "p.icseg") as project:
        project.add_images([write_image(tmp_path / name) for name in NAMES])
        for number, mask in enumerate(shapes().values()):
            rle = RleMask.from_mask(mask)
            project.add_object(1, 1 + number % 2, rle, ObjectSource.PROMPT, SCORED)
        project.add_object(2, 2, square(20, 28), ObjectSource.MANUAL)
        project.add_object(4, 1, square(0, 0), ObjectSource.MANUAL)
        for image_id, status in ((1, "labelled"), (2, "labelled"), (3, "blank")):
            project.set_status(image_id, ImageStatus(status))
        project.set_split([2], "val")
        project.set_notes(1, "odd")
        yield project


def masks_of(project: Project, image_id: int) -> list[tuple[str, bytes]]:
    names = {known.id: known.name for known in project.classes()}
    return sorted(
        (names[known.class_id], known.mask.to_mask(SHAPE).tobytes())
        for known in project.objects(image_id)
    )


def read_yolo(folder: Path, stem: str) -> list[tuple[str, bytes]]:
    """Return class and pixels of each line, filled by pycocotools."""
    names: dict[int, str] = {}
    lines = (folder / "data.yaml").read_text(encoding="utf-8").splitlines()
    for line in lines[lines.index("names:") + 1 :]:
        number, name = line.strip().split(": ")
        names[int(number)] = json.loads(name)
    found = []
    for line in (folder / "labels" / f"{stem}.txt").read_text().splitlines():
        number, *values = line.split()
        corners = np.array(values, dtype=float).reshape(-1, 2)
        assert 0 <= corners.min() <= corners.max() <= 1
        flat = (corners * (WIDTH, HEIGHT)).ravel().tolist()
        pixels = coco_mask.decode(coco_mask.frPyObjects([flat], *SHAPE))[..., 0]
        found.append((names[int(number)], pixels.astype(bool).tobytes()))
    return sorted(found)


def read_labelme(path: Path) -> list[tuple[str, bytes]]:
    """Do as `labelme.utils.shapes_to_label` does with masks."""
    found = []
    for shape in json.loads(path.read_text(encoding="utf-8"))["shapes"]:
        assert shape["shape_type"] == "mask"
        (x1, y1), (x2, y2) = np.asarray(shape["points"]).astype(int)
        canvas = np.zeros(SHAPE, dtype=bool)
        data = Image.open(io.BytesIO(base64.b64decode(shape["mask"])))
        canvas[y1 : y2 + 1, x1 : x2 + 1] = np.asarray(data).astype(bool)
        found.append((shape["label"], canvas.tobytes()))
    return sorted(found)


def test_yolo_has_every_hole_and_part(labelled: Project, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = export_labels(labelled, out, "yolo")
    assert (report.num_images, report.num_objects) == (4, 8)
    assert read_yolo(out, "tiles/ünït µ") == masks_of(labelled, 1)
    assert read_yolo(out, "tiles/sub folder/b") == masks_of(labelled, 2)
    assert read_yolo(out, "tiles/blank") == []
    assert (out / "val.txt").read_text(encoding="utf-8") == "./images/tiles/sub folder/b.tif\n"
    for name in NAMES:
        assert (out / "images" / name).read_bytes() == (tmp_path / name).read_bytes()
    assert (out / "train.txt").read_text(encoding="utf-8").count("\n") == 3


def test_labelme_has_every_pixel(labelled: Project, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = export_labels(labelled, out, "labelme")
    assert report.losses == ()
    for image_id, name in enumerate(NAMES, start=1):
        path = out / f"{name[:-4]}.json"
        assert read_labelme(path) == masks_of(labelled, image_id)
        content = json.loads(path.read_text(encoding="utf-8"))
        assert (path.parent / content["imagePath"]).resolve() == (tmp_path / name).resolve()
        assert (content["imageHeight"], content["imageWidth"]) == SHAPE


def test_voc_masks_have_the_palette_and_the_class_on_top(labelled: Project, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = export_labels(labelled, out, "voc")
    with Image.open(out / "SegmentationClass" / "tiles" / "half.png") as file:
        assert file.mode == "P"
        assert file.getpalette()[3:9] == [128, 0, 0, 0, 128, 0]  # type: ignore[index]
        assert np.array_equal(np.asarray(file), square(0, 0).to_mask(SHAPE).astype(np.uint8))
    with Image.open(out / "SegmentationClass" / "tiles" / "ünït µ.png") as file:
        assert (np.asarray(file) == 2).all()  # the second class covers all of the image
    with Image.open(out / "SegmentationObject" / "tiles" / "ünït µ.png") as file:
        numbers = np.asarray(file)
    assert numbers[11, 17] == 3  # the single pixel lies on top
    assert numbers[23, 0] == 6
    rows = (out / "labelmap.txt").read_text().splitlines()
    assert rows[1:4] == ["background:0,0,0::", "metal:128,0,0::", "via:0,128,0::"]
    lists = out / "ImageSets" / "Segmentation"
    assert (lists / "val.txt").read_text() == "tiles/sub folder/b\n"
    assert (lists / "default.txt").read_text().count("\n") == 3
    assert any("pixels" in loss and "on top" in loss for loss in report.losses)
    # of the three metal objects beside the full via the ring, the pixel and the diagonal
    assert any("3 objects" in loss and "another class" in loss for loss in report.losses)


def test_voc_tells_more_than_254_objects_apart(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p.icseg") as project:
        project.add_images([write_image(tmp_path / "a.png")])
        places = [(row, col) for row in range(HEIGHT) for col in range(0, WIDTH, 2)][:300]
        new = [NewObject(1, square(row, col, 1), ObjectSource.MANUAL) for row, col in places]
        project.add_objects(1, new)
        export_labels(project, tmp_path / "out", "voc")
    with Image.open(tmp_path / "out" / "SegmentationObject" / "a.png") as file:
        pixels = np.asarray(file)
    bits = np.unpackbits(pixels[..., None], axis=-1)  # (H, W, channel, bit), the highest first
    numbers = sum(
        bits[..., channel, place].astype(int) << (3 * place + channel)
        for channel in range(3)
        for place in range(8)
    )
    found = [int(numbers[row, col]) for row, col in places]  # type: ignore[index]
    assert found == [*range(1, 255), *range(256, 302)]
    assert np.count_nonzero(numbers) == 300


def test_cvat_gets_plain_coco_numbered_from_one(labelled: Project, tmp_path: Path) -> None:
    labelled.delete_objects([1])
    out = tmp_path / "out"
    export_labels(labelled, out, "cvat")
    path = out / "annotations" / "instances_default.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for key in ("images", "categories", "annotations"):
        assert [each["id"] for each in content[key]] == list(range(1, len(content[key]) + 1))
    coco = COCO(str(path))
    names = {image["id"]: image["file_name"] for image in content["images"]}
    assert tuple(names.values()) == NAMES
    for image_id in names:
        found = sorted(
            (coco.cats[each["category_id"]]["name"], coco.annToMask(each).astype(bool).tobytes())
            for each in coco.imgToAnns[image_id]
        )
        assert found == masks_of(labelled, image_id)
    kinds = {type(each["segmentation"]) for each in content["annotations"]}
    assert kinds == {list, dict}


@pytest.mark.parametrize("key", EXPORT_FORMATS)
def test_what_is_lost_is_told_once_and_written_beside(
    labelled: Project, tmp_path: Path, key: str
) -> None:
    report = export_labels(labelled, tmp_path / "out", key)
    text = (tmp_path / "out" / "export_report.txt").read_text(encoding="utf-8")
    assert all(loss in text for loss in report.losses)
    assert len(report.losses) <= 7
    lost = set(EXPORT_FORMATS[key].losses)
    assert bool(report.losses) == bool(lost)
    told_of_scores = any(
        "6 objects on 1 image" in loss and "scores" in loss for loss in report.losses
    )
    assert told_of_scores == (key in ("cvat", "png", "yolo", "voc"))


@pytest.mark.parametrize("key", EXPORT_FORMATS)
def test_a_cancelled_export_leaves_nothing(labelled: Project, tmp_path: Path, key: str) -> None:
    calls: list[Any] = []

    def cancelled() -> bool:
        calls.append(1)
        return len(calls) > 2

    report = export_labels(labelled, tmp_path / "out", key, cancelled=cancelled)
    assert report.cancelled
    assert not (tmp_path / "out").exists()


def test_progress_counts_the_images(labelled: Project, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    export_labels(
        labelled, tmp_path / "out", "yolo", progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_yolo_without_its_image_names_the_image(labelled: Project, tmp_path: Path) -> None:
    (tmp_path / NAMES[1]).unlink()
    with pytest.raises(DataError, match=r"b\.tif for YOLO"):
        export_labels(labelled, tmp_path / "out", "yolo")
    assert not (tmp_path / "out").exists()


def test_images_of_one_name_keep_their_own_labels(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p.icseg") as project:
        project.add_images([write_image(tmp_path / name) for name in ("a.png", "a.tif")])
        project.add_object(1, 1, square(0, 0), ObjectSource.MANUAL)
        project.add_object(2, 2, square(9, 9), ObjectSource.MANUAL)
        export_labels(project, tmp_path / "out", "yolo")
        for image_id, stem in ((1, "a.png"), (2, "a.tif")):
            assert read_yolo(tmp_path / "out", stem) == masks_of(project, image_id)


def test_an_unknown_format_is_refused(labelled: Project, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="yolo"):
        export_labels(labelled, tmp_path / "out", "yolov8")
