"""COCO and PNG into a project and out again: the same masks, pixel for pixel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.exporting import export_coco, export_png
from napari_icseg.project.importing import import_coco, import_folder, import_masks
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus, NewObject, ObjectSource
from napari_icseg.project.training_set import Selection, training_manifest
from tests.napari_icseg.project.conftest import HEIGHT, WIDTH, square, write_image
from trainers.errors import DataError
from trainers.io.coco import CocoAnnotation, CocoCategory, CocoDataset, CocoImage, write_coco
from trainers.io.folders import read_manifest
from trainers.io.masks import write_instances, write_semantic
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from pathlib import Path

# pycocotools 2.0.11 converts arrays in a way that NumPy 2 announces to drop
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

SHAPE = (HEIGHT, WIDTH)
METAL, VIA = 1, 2


def shapes() -> dict[str, Any]:
    """Return the masks that polygons and boxes tend to lose."""
    ring = np.zeros(SHAPE, dtype=bool)
    ring[4:15, 5:20] = True
    ring[7:10, 8:12] = False
    ring[12, 18] = False
    parts = np.zeros(SHAPE, dtype=bool)
    parts[0, 0] = parts[23, 31] = parts[10:12, 3:9] = True
    pixel = np.zeros(SHAPE, dtype=bool)
    pixel[11, 17] = True
    touching = np.zeros(SHAPE, dtype=bool)
    touching[4:15, 20:25] = True
    diagonal = np.eye(*SHAPE, dtype=bool)
    full = np.ones(SHAPE, dtype=bool)
    masks = (ring, parts, pixel, touching, diagonal, full)
    names = ("ring", "parts", "pixel", "touching", "diagonal", "full")
    return dict(zip(names, masks, strict=True))


def pixels(project: Project, image_id: int) -> list[tuple[str, bytes]]:
    """Return class and pixels of each object, in a fixed order."""
    names = {known.id: known.name for known in project.classes()}
    return sorted(
        (names[known.class_id], known.mask.to_mask(project.image(image_id).shape).tobytes())
        for known in project.objects(image_id)
    )


@pytest.fixture
def labelled(project: Project) -> Project:
    """Return a project with all shapes on image 1, image 2 blank and image 3 untouched."""
    for number, mask in enumerate(shapes().values()):
        rle = RleMask.from_mask(mask)
        project.add_object(1, 1 + number % 2, rle, ObjectSource.PROMPT, 0.5)
    project.set_status(1, ImageStatus.LABELLED)
    project.set_split([1], "val")
    project.set_notes(1, "odd")
    project.set_status(2, ImageStatus.BLANK)
    return project


def other_project(project: Project, name: str = "q.icseg") -> Project:
    return Project.create(project.file.with_name(name))


# COCO ---------------------------------------------------------------------------------------


def test_coco_brings_everything_back(labelled: Project) -> None:
    out = labelled.file.with_name("out.json")
    report = export_coco(labelled, out)
    assert (report.num_images, report.num_objects, report.losses) == (2, 6, ())
    with other_project(labelled) as again:
        done = import_coco(again, out)
        assert (done.num_images, done.num_new_images, done.num_objects) == (2, 2, 6)
        first, second = again.images()
        assert (first.status, first.split, first.notes) == (ImageStatus.LABELLED, "val", "odd")
        assert second.status is ImageStatus.BLANK
        for old, new in zip(labelled.objects(1), again.objects(first.id), strict=True):
            assert (new.class_id, new.mask, new.source, new.score) == (
                old.class_id,
                old.mask,
                old.source,
                old.score,
            )
        second_out = labelled.file.with_name("again.json")
        export_coco(again, second_out)
        assert json.loads(second_out.read_text()) == json.loads(out.read_text())


def test_exported_coco_scores_ap_1_against_itself_in_pycocotools(labelled: Project) -> None:
    out = labelled.file.with_name("out.json")
    export_coco(labelled, out)
    truth = COCO(str(out))
    found = [
        {**truth.loadAnns(ann_id)[0], "score": 1.0 - ann_id / 100} for ann_id in truth.getAnnIds()
    ]
    for known in labelled.objects(1):
        ann = truth.loadAnns(known.id)[0]
        assert np.array_equal(truth.annToMask(ann).astype(bool), known.mask.to_mask(SHAPE))
        assert ann["area"] == known.mask.area
        assert ann["bbox"] == list(known.mask.box_xywh)
        assert ann["iscrowd"] == 0
    scores = COCOeval(truth, truth.loadRes(found), "segm")
    scores.evaluate()
    scores.accumulate()
    scores.summarize()
    assert scores.stats[0] == pytest.approx(1.0)


def test_crowds_stay_crowds(project: Project) -> None:
    project.add_objects(
        1, [NewObject(METAL, square(0, 0), ObjectSource.IMPORT, None, is_crowd=True)]
    )
    out = project.file.with_name("out.json")
    export_coco(project, out)
    with other_project(project) as again:
        import_coco(again, out)
        assert [known.is_crowd for known in again.objects(1)] == [True]


def test_polygons_keep_holes_and_say_how(labelled: Project) -> None:
    out = labelled.file.with_name("out.json")
    report = export_coco(labelled, out, polygons=True)
    (loss,) = report.losses
    assert "1 objects have holes" in loss  # the ring has two, nothing else has one
    with other_project(labelled) as again:
        import_coco(again, out)
        kept = dict(zip(shapes(), pixels_in_order(again, 1), strict=True))
        for name, mask in shapes().items():
            assert np.array_equal(kept[name], mask), name


def pixels_in_order(project: Project, image_id: int) -> list[Any]:
    return [known.mask.to_mask(SHAPE) for known in project.objects(image_id)]


masks = hnp.arrays(bool, SHAPE, elements=st.booleans()).filter(lambda mask: bool(mask.any()))
some_masks = st.lists(st.one_of(masks, st.sampled_from(list(shapes().values()))), max_size=4)


@settings(max_examples=25, deadline=None)
@given(some_masks)
def test_any_masks_survive_coco_to_project_to_coco(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("coco")
    write_image(folder / "a.png")
    annotations = tuple(
        CocoAnnotation(number, 7, 1 + number % 2, RleMask.from_mask(mask))
        for number, mask in enumerate(drawn, start=1)
    )
    categories = (CocoCategory(1, "metal"), CocoCategory(2, "poly"))
    source = CocoDataset((CocoImage(7, "a.png", *SHAPE),), categories, annotations)
    write_coco(folder / "in.json", source)
    with Project.create(folder / "p.icseg") as project:
        import_coco(project, folder / "in.json")
        assert [known.mask for known in project.objects(1)] == [a.mask for a in annotations]
        if drawn:
            export_coco(project, folder / "out.json")
            loaded = COCO(str(folder / "out.json"))
            there = [loaded.annToMask(ann).astype(bool) for ann in loaded.dataset["annotations"]]
            assert all(np.array_equal(a, b) for a, b in zip(there, drawn, strict=True))
            names = [loaded.cats[ann["category_id"]]["name"] for ann in loaded.anns.values()]
            assert names == [
                "poly" if number % 2 else "metal" for number in range(1, len(drawn) + 1)
            ]


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c["annotations"][0].update(image_id=99),
        lambda c: c["annotations"][0].update(category_id=99),
        lambda c: c["annotations"][-1]["segmentation"].update(counts="broken"),
        lambda c: c["annotations"][-1]["segmentation"].update(size=[1, 1]),
        lambda c: c["images"][-1].update(file_name="../t1.png"),
        lambda c: c["images"][-1].update(file_name="/etc/passwd"),
        lambda c: c["images"][-1].update(file_name="not-there.png"),
        lambda c: c["images"][-1].update(height=99),
        lambda c: c.pop("images"),
    ],
    ids=["image", "category", "rle", "size", "dots", "absolute", "missing", "height", "key"],
)
def test_a_broken_coco_file_leaves_no_trace(labelled: Project, damage: Any) -> None:
    out = labelled.file.with_name("out.json")
    export_coco(labelled, out)
    content = json.loads(out.read_text())
    damage(content)
    out.write_text(json.dumps(content))
    with other_project(labelled) as again:
        before = again.history()
        with pytest.raises((DataError, ProjectError)):
            import_coco(again, out)
        assert again.images() == ()
        assert again.history() == before


def test_missing_images_are_named_or_left_out_on_request(labelled: Project) -> None:
    out = labelled.file.with_name("out.json")
    export_coco(labelled, out)
    labelled.absolute_path(2).unlink()
    with other_project(labelled) as again:
        with pytest.raises(ProjectError, match=r"1 of the 2 .*tiles/t1\.png"):
            import_coco(again, out)
        report = import_coco(again, out, skip_missing=True)
        assert report.num_images == 1
        assert "tiles/t1.png" in report.notes[0]


def test_an_image_of_another_size_in_the_project_is_refused(
    labelled: Project, tmp_path: Path
) -> None:
    out = labelled.file.with_name("out.json")
    export_coco(labelled, out)
    with other_project(labelled) as again:
        again.add_images([labelled.absolute_path(1)])
        for image_id, height in ((1, 40), (2, HEIGHT)):
            write_image(labelled.absolute_path(image_id), height)
        content = json.loads(out.read_text())
        content["images"][0]["height"] = 40
        content["annotations"] = []
        out.write_text(json.dumps(content))
        with pytest.raises(ProjectError, match="in the project"):
            import_coco(again, out)
        assert len(again.images()) == 1


def test_accepted_work_is_left_alone_unless_asked_and_an_import_is_one_undo(
    labelled: Project,
) -> None:
    out = labelled.file.with_name("out.json")
    export_coco(labelled, out)
    before = pixels(labelled, 1)
    report = import_coco(labelled, out)
    assert report.num_objects == 0
    assert "labelled already" in report.notes[0]
    assert pixels(labelled, 1) == before
    import_coco(labelled, out, merge="add")
    assert len(labelled.objects(1)) == 12
    labelled.undo()
    assert pixels(labelled, 1) == before
    ids = [known.id for known in labelled.objects(1)]
    import_coco(labelled, out, merge="replace")
    assert pixels(labelled, 1) == before
    assert [known.id for known in labelled.objects(1)] != ids
    labelled.undo()
    assert [known.id for known in labelled.objects(1)] == ids


def test_undoing_an_import_takes_its_images_and_classes_away_and_redo_brings_them(
    labelled: Project,
) -> None:
    out = labelled.file.with_name("out.json")
    labelled.add_class("poly")
    export_coco(labelled, out)
    with other_project(labelled) as again:
        import_coco(again, out)
        images, objects = again.images(), again.objects(1)
        assert again.undo() is not None
        assert again.images() == ()
        assert [known.name for known in again.classes()] == ["metal", "via"]
        assert again.redo() is not None
        assert (again.images(), again.objects(1)) == (images, objects)
        assert [known.name for known in again.classes()] == ["metal", "via", "poly"]


# PNG ----------------------------------------------------------------------------------------

labels = hnp.arrays(np.uint8, SHAPE, elements=st.integers(0, 4))
ids = hnp.arrays(np.uint16, SHAPE, elements=st.integers(0, 40))


@settings(max_examples=25, deadline=None)
@given(labels)
def test_any_semantic_mask_survives_png_to_project_to_png(
    tmp_path_factory: pytest.TempPathFactory, drawn: Any
) -> None:
    folder = tmp_path_factory.mktemp("png")
    write_image(folder / "data" / "images" / "a.png")
    (folder / "data" / "masks").mkdir()
    write_semantic(folder / "data" / "masks" / "a.png", drawn)
    with Project.create(folder / "p.icseg") as project:
        import_folder(project, folder / "data")
        status = project.image(1).status
        assert status is (ImageStatus.LABELLED if drawn.any() else ImageStatus.BLANK)
        report = export_png(project, folder / "out", kinds=["semantic"])
        assert report.losses == ()
    with Image.open(folder / "out" / "semantic" / "data" / "images" / "a.png") as file:
        assert np.array_equal(np.asarray(file), drawn)


@settings(max_examples=25, deadline=None)
@given(ids)
def test_any_instance_mask_survives_png_to_project_to_png(
    tmp_path_factory: pytest.TempPathFactory, drawn: Any
) -> None:
    folder = tmp_path_factory.mktemp("png")
    write_image(folder / "a.png")
    (folder / "ids").mkdir()
    write_instances(folder / "ids" / "a.png", drawn)
    with Project.create(folder / "p.icseg") as project:
        project.add_images([folder / "a.png"])
        report = import_masks(project, folder / "ids", kind="instances", default_class="via")
        present = [value for value in np.unique(drawn) if value]
        assert report.num_objects == len(present)
        for value, known in zip(present, project.objects(1), strict=True):
            assert np.array_equal(known.mask.to_mask(SHAPE), drawn == value)
            assert known.class_id == VIA
        export_png(project, folder / "out")
        with Image.open(folder / "out" / "instances" / "a.png") as file:
            written = np.asarray(file)
        # numbers that were left out close up; the order stays
        assert np.array_equal(written, np.searchsorted(present, drawn, side="right"))


def test_instance_classes_come_back_from_an_export(project: Project) -> None:
    project.add_object(1, METAL, square(0, 0, 9), ObjectSource.MANUAL)
    project.add_object(1, VIA, square(2, 2, 3), ObjectSource.MANUAL)
    report = export_png(project, project.file.with_name("out"))
    assert any("several classes" in loss for loss in report.losses)
    with other_project(project) as again:
        again.add_images([project.absolute_path(1)])
        import_masks(again, project.file.with_name("out"), kind="instances")
        assert [known.class_id for known in again.objects(1)] == [METAL, VIA]
        hole = square(0, 0, 9).to_mask(SHAPE) & ~square(2, 2, 3).to_mask(SHAPE)
        assert np.array_equal(again.objects(1)[0].mask.to_mask(SHAPE), hole)


def test_a_via_lies_on_metal_whatever_was_made_first(project: Project) -> None:
    project.add_object(1, VIA, square(2, 2, 3), ObjectSource.MANUAL)
    project.add_object(1, METAL, square(0, 0, 9), ObjectSource.MANUAL)
    export_png(project, project.file.with_name("out"))
    with Image.open(project.file.with_name("out") / "semantic" / "tiles" / "t0.png") as file:
        values = np.asarray(file)
    assert (values[2:5, 2:5] == 2).all()
    assert (values == 1).sum() == 81 - 9
    with Image.open(project.file.with_name("out") / "instances" / "tiles" / "t0.png") as file:
        numbers = np.asarray(file)
    assert numbers.dtype in (np.uint16, np.int32)
    assert (numbers[2:5, 2:5] == 1).all()


def test_an_object_wholly_under_others_is_reported(project: Project) -> None:
    for mask in (square(0, 0), square(0, 0)):
        project.add_object(1, METAL, mask, ObjectSource.MANUAL)
    report = export_png(project, project.file.with_name("out"), kinds=["instances"])
    assert any(
        "1 object on 1 image (tiles/t0.png): wholly under others" in loss for loss in report.losses
    )


def test_images_of_one_name_in_two_folders_or_formats_keep_their_own_masks(
    project: Project, folder: Path
) -> None:
    paths = [write_image(folder / name) for name in ("x/a.png", "y/a.png", "x/b.png")]
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(folder / "x" / "b.tif")
    added = project.add_images([*paths, folder / "x" / "b.tif"]).added
    for row, image in enumerate(added):
        project.add_object(image.id, METAL, square(row, row), ObjectSource.MANUAL)
    export_png(project, folder / "out")
    written = {
        path.relative_to(folder / "out" / "semantic").as_posix()
        for path in (folder / "out" / "semantic").rglob("*.png")
    }
    assert written == {"x/a.png", "y/a.png", "x/b.png.png", "x/b.tif.png"}
    with other_project(project) as again:
        again.add_images([*paths, folder / "x" / "b.tif"])
        import_masks(again, folder / "out")
        for image, copy in zip(added, again.images(), strict=True):
            assert pixels(again, copy.id) == pixels(project, image.id)


def test_unknown_values_make_classes_and_unmatched_masks_are_told(
    project: Project, folder: Path
) -> None:
    (folder / "m").mkdir()
    values = np.zeros(SHAPE, np.uint8)
    values[3, 3], values[5, 5] = 2, 4
    write_semantic(folder / "m" / "t0_mask.png", values)
    write_semantic(folder / "m" / "other.png", values)
    report = import_masks(project, folder / "m")
    assert "1 masks fit no image" in report.notes[0]
    names = {known.id: known.name for known in project.classes()}
    assert [names[known.class_id] for known in project.objects(1)] == ["via", "class 4"]


def test_instances_taken_for_classes_are_refused_with_the_way_out(
    project: Project, folder: Path
) -> None:
    (folder / "m").mkdir()
    write_instances(folder / "m" / "t0.png", np.arange(HEIGHT * WIDTH).reshape(SHAPE))
    with pytest.raises(DataError, match="as instances"):
        import_masks(project, folder / "m")
    assert import_masks(project, folder / "m", kind="instances").num_objects == HEIGHT * WIDTH - 1


def test_a_mask_of_another_size_stops_the_import_without_a_trace(
    project: Project, folder: Path
) -> None:
    (folder / "m").mkdir()
    write_semantic(folder / "m" / "t0.png", np.ones(SHAPE, np.uint8))
    write_semantic(folder / "m" / "t1.png", np.ones((9, 9), np.uint8))
    with pytest.raises(DataError, match="does not fit its image"):
        import_masks(project, folder / "m")
    assert project.objects(1) == ()
    assert not project.can_undo


# both ---------------------------------------------------------------------------------------


def test_exports_choose_images_by_status_and_say_so_if_there_are_none(labelled: Project) -> None:
    out = labelled.file.with_name("out.json")
    report = export_coco(labelled, out, statuses=[ImageStatus.BLANK])
    assert (report.num_images, report.num_objects) == (1, 0)
    for export in (export_coco, export_png):
        with pytest.raises(ProjectError, match="no image is in progress"):
            export(labelled, out.with_name("none"), statuses=[ImageStatus.IN_PROGRESS])
    assert not out.with_name("none").exists()


@pytest.mark.parametrize("export", [export_coco, export_png])
def test_a_cancelled_export_leaves_nothing(labelled: Project, export: Any) -> None:
    seen: list[tuple[int, int]] = []
    out = labelled.file.with_name("out")
    report = export(
        labelled,
        out,
        progress=lambda *done: seen.append(done),
        cancelled=lambda: len(seen) == 1,
    )
    assert report.cancelled
    assert seen == [(1, 2)]
    assert not out.exists()


def test_a_cancelled_import_leaves_nothing(labelled: Project) -> None:
    out = labelled.file.with_name("out.json")
    export_coco(labelled, out)
    with other_project(labelled) as again:
        report = import_coco(again, out, cancelled=lambda: True)
        assert report.cancelled
        assert again.images() == ()


def test_a_failed_png_export_keeps_the_older_one(
    labelled: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = labelled.file.with_name("out")
    export_png(labelled, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    labelled.add_object(1, VIA, square(9, 9), ObjectSource.MANUAL)

    def fail(*_: object) -> None:
        raise DataError("disk full")

    monkeypatch.setattr("napari_icseg.project.export_png.write_instances", fail)
    with pytest.raises(DataError, match="disk full"):
        export_png(labelled, out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    names = ["classes.txt", "export_report.txt", "instances", "semantic"]
    assert sorted(path.name for path in out.iterdir()) == names


def test_images_outside_the_root_are_exported_under_a_safe_name(tmp_path: Path) -> None:
    image = write_image(tmp_path / "sem" / "a.png")
    with Project.create(tmp_path / "p" / "p.icseg") as project:
        project.add_images([image])
        project.add_object(1, METAL, square(0, 0), ObjectSource.MANUAL)
        export_coco(project, tmp_path / "out.json")
        export_png(project, tmp_path / "out")
    content = json.loads((tmp_path / "out.json").read_text())
    assert [entry["file_name"] for entry in content["images"]] == ["a.png"]
    assert (tmp_path / "out" / "semantic" / "a.png").is_file()


def test_a_snapshot_can_be_exported_while_labelling_goes_on(labelled: Project) -> None:
    out = labelled.file.with_name("out.json")
    with labelled.snapshot() as view:
        labelled.delete_objects([known.id for known in labelled.objects(1)])
        assert export_coco(view, out).num_objects == 6


# training -----------------------------------------------------------------------------------


def test_the_training_set_has_finished_images_only_and_blank_ones_as_background(
    labelled: Project,
) -> None:
    labelled.add_object(3, METAL, square(0, 0), ObjectSource.MANUAL)  # in progress: not yet
    manifest = training_manifest(labelled, labelled.file.with_name("set"))
    index = read_manifest(manifest)
    assert index.class_names == ("metal", "via")
    assert [item.split for item in index.items] == ["val", None]
    assert [item.image for item in index.items] == [labelled.absolute_path(n) for n in (1, 2)]
    assert all(item.sha256 for item in index.items)
    first, second = (np.asarray(Image.open(item.mask)) for item in index.items)
    assert set(np.unique(first)) == {2}  # the full-frame via lies on everything
    assert not second.any()


def test_the_training_set_names_a_missing_image(labelled: Project) -> None:
    labelled.absolute_path(2).unlink()
    out = labelled.file.with_name("set")
    with pytest.raises(ProjectError, match=r"t1\.png is missing"):
        training_manifest(labelled, out)
    assert not (out / "manifest.json").exists()


def test_a_class_alone_trains_against_all_others_as_background(labelled: Project) -> None:
    metal, via = labelled.classes()
    out = labelled.file.with_name("set")

    index = read_manifest(training_manifest(labelled, out, selection=Selection(metal.id)))

    assert index.class_names == ("metal",)
    first = np.asarray(Image.open(index.items[0].mask))
    expected = np.zeros_like(first)
    for known in labelled.objects(1):
        if known.class_id == metal.id:
            expected |= known.mask.to_mask(first.shape).astype(np.uint8)
    np.testing.assert_array_equal(first, expected)
    assert labelled.images_with_class(via.id) >= {1}


def test_a_split_is_a_set_of_its_own_and_train_brings_its_validation(labelled: Project) -> None:
    labelled.set_split([2], "train")

    def splits(split: str) -> list[str | None]:
        out = labelled.file.with_name(f"set-{split}")
        manifest = training_manifest(labelled, out, selection=Selection(split=split))
        return [item.split for item in read_manifest(manifest).items]

    assert sorted(splits("train")) == ["train", "val"]
    assert splits("val") == [None]
    with pytest.raises(ProjectError, match="in the split test"):
        splits("test")


def test_nothing_labelled_is_no_training_set(project: Project) -> None:
    with pytest.raises(ProjectError, match="Label one first"):
        training_manifest(project, project.file.with_name("set"))
