"""Labels of other programs brought in: every pixel, class, split and status that they hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.exporting import export_labels
from napari_icseg.project.import_mapping import checked_mapping, mapped, preview
from napari_icseg.project.import_plan import apply_plan
from napari_icseg.project.import_sources import ImportSource, plan_source
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus, ObjectSource
from tests.napari_icseg.project.conftest import HEIGHT, WIDTH, square, write_image
from tests.napari_icseg.project.label_samples import png, voc, voc_palette, write_sample
from tests.napari_icseg.project.test_export_formats import NAMES, labelled, masks_of
from trainers.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["labelled"]

SHAPE = (HEIGHT, WIDTH)
EXACT = ("coco", "coco-polygons", "cvat", "yolo", "labelme")


@pytest.fixture
def again(tmp_path: Path) -> Iterator[Project]:
    """A project with the same images and no labels."""
    with Project.create(tmp_path / "again.icseg") as project:
        project.add_images([tmp_path / name for name in NAMES])
        yield project


def bring(project: Project, path: Path, **more: Any) -> None:
    planned = plan_source(project, ImportSource(path, **more))
    apply_plan(project, planned.plan)


def write_yolo(folder: Path, text: str, names: str = "names: [metal, via]\n") -> Path:
    (folder / "yolo" / "labels").mkdir(parents=True, exist_ok=True)
    (folder / "yolo" / "labels" / "t0.txt").write_text(text)
    (folder / "yolo" / "data.yaml").write_text(names)
    return folder / "yolo"


def write_labelme(folder: Path, *shapes: dict[str, Any], **more: Any) -> Path:
    path = folder / "labelme" / "t0.json"
    path.parent.mkdir(exist_ok=True)
    head = {"imagePath": "..\\tiles\\t0.png", "imageHeight": HEIGHT, "imageWidth": WIDTH}
    path.write_text(json.dumps({**head, "shapes": list(shapes), **more}))
    return path


@pytest.mark.parametrize("name", EXACT)
def test_what_was_exported_comes_back_pixel_for_pixel(
    labelled: Project, again: Project, tmp_path: Path, name: str
) -> None:
    export_labels(labelled, tmp_path / "out", name)
    source = tmp_path / "out"
    if name.startswith("coco"):
        source = source / "p.json"
    bring(again, source)
    for image_id in range(1, 5):
        assert masks_of(again, image_id) == masks_of(labelled, image_id)
    if name in ("coco", "yolo", "labelme"):
        assert again.image(3).status is ImageStatus.BLANK
        assert again.image(2).split == "val"
    if name == "labelme":
        assert {each.score for each in again.objects(1)} == {0.5}
        assert again.image(4).status is ImageStatus.IN_PROGRESS


def test_voc_masks_come_back_as_they_are_seen(
    labelled: Project, again: Project, tmp_path: Path
) -> None:
    export_labels(labelled, tmp_path / "out", "voc")
    bring(again, tmp_path / "out")
    export_labels(again, tmp_path / "out2", "voc")
    for folder in ("SegmentationClass", "SegmentationObject"):
        for path in sorted((tmp_path / "out" / folder).rglob("*.png")):
            other = tmp_path / "out2" / path.relative_to(tmp_path / "out")
            first, second = (np.asarray(Image.open(each).convert("RGB")) for each in (path, other))
            np.testing.assert_array_equal(np.any(first, axis=-1), np.any(second, axis=-1))
    assert masks_of(again, 2) == masks_of(labelled, 2)
    assert again.image(2).split == "val"
    assert again.image(3).status is ImageStatus.BLANK


def test_outlines_drawn_by_another_program_match_its_pixels(project: Project, folder: Path) -> None:
    """OpenCV traces pixel centres: moved by half a pixel they are a mask's edge."""
    disc = cv2.circle(np.zeros(SHAPE, np.uint8), (14, 12), 8, 1, -1)
    contour = cv2.findContours(disc, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0][:, 0]
    values = " ".join(f"{(x + 0.5) / WIDTH} {(y + 0.5) / HEIGHT}" for x, y in contour)
    bring(project, write_yolo(folder, f"1 {values}\n"))
    (found,) = project.objects(1)
    mask = found.mask.to_mask(SHAPE)
    iou = (mask & (disc > 0)).sum() / (mask | (disc > 0)).sum()
    assert iou > 0.8
    assert project.class_by_id(found.class_id).name == "via"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 0.1 0.1 0.5 0.5\n", "box"),
        ("0 0.1 0.1 0.5 0.1 0.5 0.5\n0 0.1 0.1 0.5\n", "line 2"),
        ("0 0.1 0.1 0.5 0.1 0.5 nan\n", "number"),
        ("0 10 10 50 10 50 50\n", "fractions"),
        ("7 0.1 0.1 0.5 0.1 0.5 0.5\n", "class 7"),
        ("-1 0.1 0.1 0.5 0.1 0.5 0.5\n", "class number"),
    ],
)
def test_a_line_that_is_no_outline_is_named(
    project: Project, folder: Path, text: str, reason: str
) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        bring(project, write_yolo(folder, text))
    assert "t0.txt" in str(caught.value)
    assert project.objects(1) == ()


def test_an_endless_outline_is_refused_before_it_fills_the_memory(
    project: Project, folder: Path
) -> None:
    with pytest.raises(DataError, match="long"):
        bring(project, write_yolo(folder, "0 " + "0 0 1 1 " * 10_000 + "\n"))


def test_labelme_shapes_have_the_pixels_that_pillow_draws(project: Project, folder: Path) -> None:
    circle = {"label": "via", "points": [[16, 12], [22, 12]], "shape_type": "circle"}
    rectangle = {"label": "metal", "points": [[9, 8], [2, 3]], "shape_type": "rectangle"}
    line = {"label": "metal", "points": [[1, 1], [5, 5]], "shape_type": "line"}
    path = write_labelme(folder, circle, rectangle, line)
    planned = plan_source(project, ImportSource(path))
    assert "line has no pixels" in planned.plan.notes[0]
    apply_plan(project, planned.plan)
    disc, box = (each.mask.to_mask(SHAPE) for each in project.objects(1))
    canvas = Image.new("1", (WIDTH, HEIGHT))
    ImageDraw.Draw(canvas).ellipse([10, 6, 21, 17], fill=1)
    drawn = np.asarray(canvas)
    assert (disc & drawn).sum() / (disc | drawn).sum() > 0.9
    expected = np.zeros(SHAPE, bool)
    expected[3:8, 2:9] = True
    np.testing.assert_array_equal(box, expected)


def test_shapes_of_one_group_are_one_object(project: Project, folder: Path) -> None:
    left, right = (
        {"label": "metal", "points": [[x, 1], [x + 3, 4]], "shape_type": "rectangle", "group_id": 5}
        for x in (1, 20)
    )
    bring(project, write_labelme(folder, left, right))
    (found,) = project.objects(1)
    assert found.mask.area == 18


def test_an_image_outside_is_never_reached_by_a_name(project: Project, folder: Path) -> None:
    secret = write_image(folder.parent / f"secret-{folder.name}.png")
    for name in (f"../../{secret.name}", str(secret), f"..\\..\\{secret.name}"):
        path = write_labelme(folder, imagePath=name)
        path = path.rename(path.with_name("elsewhere.json"))
        with pytest.raises(ProjectError, match=r"elsewhere\.json"):
            bring(project, path)


def test_crowds_of_cvat_are_ordinary_objects(project: Project, folder: Path) -> None:
    rle = {"size": list(SHAPE), "counts": [0, 24, 24 * 31]}
    entry = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 1, "segmentation": rle}
    content = {
        "images": [{"id": 1, "file_name": "t1.png", "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": 1, "name": "metal"}],
        "annotations": [{**entry, "attributes": {"occluded": False}}],
    }
    (folder / "annotations").mkdir()
    path = folder / "annotations" / "instances_default.json"
    path.write_text(json.dumps(content))
    bring(project, folder)  # the name has no folder, the image lies in tiles/
    (found,) = project.objects(2)
    assert not found.is_crowd
    assert found.mask.area == HEIGHT


def test_classes_of_voc_go_by_colour_and_objects_by_their_own(
    project: Project, folder: Path
) -> None:
    files = voc()
    files["labelmap.txt"] = b"# any order\nvia:0,128,0::\nbackground:0,0,0::\nmetal:128,0,0::\n"
    bring(project, write_sample(folder / "voc", files))
    names = {known.id: known.name for known in project.classes()}
    assert [names[each.class_id] for each in project.objects(1)] == ["metal", "via", "metal"]
    assert project.image(1).split == "train"


def test_void_borders_of_voc_belong_to_nobody(project: Project, folder: Path) -> None:
    classes = np.zeros(SHAPE, np.uint8)
    classes[2:8, 3:9], classes[4:6, 5:7] = 255, 1
    folder = folder / "voc"
    write_sample(folder, {"SegmentationClass/t0.png": png(classes, voc_palette())})
    bring(project, folder)
    (found,) = project.objects(1)
    assert found.mask.box_xywh == (5, 4, 2, 2)


def test_a_colour_without_a_name_is_told(project: Project, folder: Path) -> None:
    files = {**voc(), "labelmap.txt": b"background:0,0,0::\nmetal:128,0,0::\n"}
    with pytest.raises(DataError, match=r"\(0, 128, 0\)"):
        bring(project, write_sample(folder / "voc", files))


def test_classes_are_previewed_mapped_and_left_out(project: Project, folder: Path) -> None:
    outline = "0.1 0.1 0.5 0.1 0.5 0.5"
    names = "names: [wire, dirt, Via]\n"
    source = write_yolo(folder, "".join(f"{index} {outline}\n" for index in (0, 1, 2, 2)), names)
    (source / "labels" / "unknown.txt").write_text("")
    plan = plan_source(project, ImportSource(source)).plan
    seen = preview(plan, project)
    assert [(each.name, each.num_objects, each.existing) for each in seen.classes] == [
        ("wire", 1, None),
        ("dirt", 1, None),
        ("Via", 2, "via"),
    ]
    assert seen.unmatched == ("labels/unknown.txt",)
    mapping = checked_mapping(plan, {"WIRE": "metal", "dirt": None})
    apply_plan(project, mapped(plan, mapping))
    assert len(project.objects(1)) == 3
    assert [known.name for known in project.classes()] == ["metal", "via"]
    assert project.image(1).status is ImageStatus.IN_PROGRESS  # without the dirt it is not all
    with pytest.raises(ProjectError, match="no class pad"):
        checked_mapping(plan, {"pad": "metal"})


def test_labelled_images_are_left_alone_unless_asked(project: Project, folder: Path) -> None:
    project.add_object(1, 1, square(0, 0), ObjectSource.MANUAL)
    source = write_yolo(folder, "0 0.1 0.1 0.5 0.1 0.5 0.5\n")
    plan = plan_source(project, ImportSource(source)).plan
    assert preview(plan, project).num_worked_on == 1
    assert apply_plan(project, plan).num_objects == 0
    assert len(project.objects(1)) == 1
    apply_plan(project, plan, merge="add")
    assert len(project.objects(1)) == 2
    project.undo()
    assert len(project.objects(1)) == 1


def test_two_files_for_one_image_are_refused(project: Project, folder: Path) -> None:
    source = write_yolo(folder, "")
    (source / "labels" / "val").mkdir()
    (source / "labels" / "val" / "t0.txt").write_text("")
    with pytest.raises(DataError, match="twice"):
        bring(project, source)


def test_an_archive_says_what_to_do(project: Project, folder: Path) -> None:
    (folder / "labels.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match="Unpack it first"):
        plan_source(project, ImportSource(folder / "labels.zip"))
    with pytest.raises(DataError, match="no file or folder"):
        plan_source(project, ImportSource(folder / "nothing"))
