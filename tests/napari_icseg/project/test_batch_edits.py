"""Many images at once: one operation, all of it or nothing, quick, and undone exactly."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.records import ImageStatus, NewObject, ObjectSource
from tests.napari_icseg.project.conftest import square
from tests.napari_icseg.project.test_undo import everything

if TYPE_CHECKING:
    from napari_icseg.project.project import Project

METAL, VIA = 1, 2
MANUAL = ObjectSource.MANUAL


@pytest.fixture
def filled(project: Project) -> Project:
    """Images 1 and 2 have two metals and a via each; image 3 has nothing."""
    for image_id in (1, 2):
        new = [NewObject(c, square(r, 2), MANUAL) for c, r in ((METAL, 1), (VIA, 2), (METAL, 9))]
        project.add_objects(image_id, new)
    return project


def classes_on(project: Project, image_id: int) -> list[int]:
    return [record.class_id for record in project.objects(image_id)]


EDITS = {
    "class": lambda p: p.change_class_on([1, 2, 3], METAL, VIA),
    "delete": lambda p: p.delete_objects_on([1, 2, 3]),
    "delete_class": lambda p: p.delete_objects_on([1, 2], VIA),
    "labelled": lambda p: p.set_status_of([1, 2, 3], ImageStatus.LABELLED),
    "blank": lambda p: p.set_status_of([1, 2, 3], ImageStatus.BLANK),
    "unlabelled": lambda p: p.set_status_of([1, 2, 3], ImageStatus.UNLABELLED),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_each_is_one_operation_that_is_undone_and_redone_exactly(filled, edit):
    before, num_operations = everything(filled), len(filled.history())
    edit(filled)
    after = everything(filled)
    assert before != after
    assert len(filled.history()) == num_operations + 1
    filled.undo()
    assert everything(filled) == before
    filled.redo()
    assert everything(filled) == after


def test_the_class_of_some_images_is_changed_and_of_no_others(filled):
    result = filled.change_class_on([1, 3], METAL, VIA)
    assert classes_on(filled, 1) == [VIA, VIA, VIA]
    assert classes_on(filled, 2) == [METAL, VIA, METAL]
    assert (result.num_images, result.num_objects) == (1, 2)
    assert filled.history(1)[0].summary == "change 2 objects on 1 image from metal to via"


def test_a_labelled_image_without_objects_left_is_to_do_again(filled):
    filled.set_status_of([1, 2], ImageStatus.LABELLED)
    filled.delete_objects_on([1, 2], VIA)
    assert filled.image(1).status is ImageStatus.LABELLED
    filled.delete_objects_on([1])
    assert filled.image(1).status is ImageStatus.IN_PROGRESS
    assert filled.image(2).status is ImageStatus.LABELLED


def test_images_with_objects_do_not_become_blank(filled):
    result = filled.set_status_of([1, 2, 3], ImageStatus.BLANK)
    assert (result.num_images, result.num_left) == (1, 2)
    assert filled.image(3).status is ImageStatus.BLANK
    assert filled.image(1).status is ImageStatus.IN_PROGRESS


def test_locked_classes_keep_their_objects(filled):
    filled.lock_class(METAL, locked=True)
    before = everything(filled)
    with pytest.raises(ProjectError, match="locked"):
        filled.change_class_on([1, 2], METAL, VIA)
    with pytest.raises(ProjectError, match="locked"):
        filled.delete_objects_on([1, 2], METAL)
    assert everything(filled) == before
    filled.delete_objects_on([1, 2])
    assert classes_on(filled, 1) == [METAL, METAL]


def test_nothing_to_change_is_no_operation(filled):
    num_operations = len(filled.history())
    assert filled.change_class_on([3, 99], METAL, VIA).num_objects == 0
    assert filled.set_status_of([3], ImageStatus.UNLABELLED).num_images == 0
    assert len(filled.history()) == num_operations


def test_objects_are_counted_by_class(filled):
    assert filled.num_objects_on([1, 2, 3]) == {METAL: 4, VIA: 2}
    assert filled.num_objects_on([3]) == {}


def test_a_thousand_images_take_less_than_two_seconds(project):
    with project._lock, project._transaction():
        project._connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
            "INSERT INTO images (path, height, width) SELECT 'x/' || i, 24, 32 FROM n"
        )
        mask = square(2, 2)
        project._connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) "
            "INSERT INTO objects (image_id, class_id, row, col, height, width, counts, source) "
            "SELECT images.id, 1, 2, 2, 4, 4, ?, 'manual' FROM images, n WHERE path LIKE 'x/%'",
            (mask.counts,),
        )
    ids = [image.id for image in project.images()][3:]
    for edit in (
        lambda: project.change_class_on(ids, METAL, VIA),
        lambda: project.set_status_of(ids, ImageStatus.LABELLED),
        lambda: project.delete_objects_on(ids),
    ):
        started_s = time.process_time()
        assert edit().num_images == 1000
        assert time.process_time() - started_s < 2
