"""Hidden and locked classes: the view changes, the labels are safe, exports do not notice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.exporting import export_coco, export_png
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus, NewObject, NewProposal, ObjectSource
from napari_icseg.project.training_set import training_manifest
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

METAL, VIA = 1, 2
MASK = RleMask.from_mask(np.ones((4, 6), np.bool_), (2, 2))
OTHER = RleMask.from_mask(np.ones((3, 3), np.bool_), (20, 20))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A metal (id 1) and a via (id 2) on one image."""
    path = tmp_path / "t.png"
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(path)
    with Project.create(tmp_path / "p.icseg") as project:
        project.add_images([path])
        project.add_object(1, METAL, MASK, ObjectSource.PROMPT)
        project.add_object(1, VIA, OTHER, ObjectSource.PROMPT)
        yield project


EDITS: dict[str, Callable[[Project], Any]] = {
    "add": lambda p: p.add_object(1, METAL, OTHER, ObjectSource.PROMPT),
    "replace": lambda p: p.replace_mask(1, OTHER),
    "edit": lambda p: p.edit_objects(1, replace={1: OTHER}),
    "erase": lambda p: p.edit_objects(1, delete=[1]),
    "paint": lambda p: p.edit_objects(1, add=[NewObject(METAL, OTHER, ObjectSource.MANUAL)]),
    "delete": lambda p: p.delete_objects([1]),
    "re-class away": lambda p: p.set_class([1], VIA),
    "re-class into": lambda p: p.set_class([2], METAL),
    "delete the class": lambda p: p.delete_class(METAL, move_to=VIA),
    "move into": lambda p: p.delete_class(VIA, move_to=METAL),
    "accept": lambda p: p.accept_proposals([p.proposals(1)[0].id]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_no_edit_touches_a_locked_class(project: Project, edit: str) -> None:
    project.add_proposals(1, [NewProposal(METAL, OTHER, 0.9)])
    project.lock_class(METAL, locked=True)
    before = project.objects(1), project.classes(), project.proposals(1), len(project.history())
    with pytest.raises(ProjectError, match="metal is locked"):
        EDITS[edit](project)
    after = project.objects(1), project.classes(), project.proposals(1), len(project.history())
    assert after == before
    project.lock_class(METAL, locked=False)
    EDITS[edit](project)


def test_other_classes_can_be_edited_beside_a_locked_one(project: Project) -> None:
    project.lock_class(METAL, locked=True)
    project.delete_objects([2])
    assert [record.id for record in project.objects(1)] == [1]


def test_flags_survive_a_restart_and_are_no_step_of_undo(project: Project) -> None:
    project.show_class(VIA, visible=False)
    project.lock_class(METAL, locked=True)
    assert project.undo().summary.startswith("add")  # type: ignore[union-attr]
    project.redo()
    project.close()
    with Project.open(project.file) as again:
        metal, via = again.classes()
        assert (metal.is_visible, metal.is_locked) == (True, True)
        assert (via.is_visible, via.is_locked) == (False, False)
        again.show_class(VIA, visible=True)
        assert again.class_by_id(VIA).is_visible


def test_exports_do_not_notice_what_is_hidden_or_locked(project: Project, tmp_path: Path) -> None:
    def exported(name: str) -> tuple[bytes, list[bytes]]:
        export_coco(project, tmp_path / name / "c.json")
        export_png(project, tmp_path / name)
        pngs = sorted((tmp_path / name).rglob("*.png"))
        return (tmp_path / name / "c.json").read_bytes(), [path.read_bytes() for path in pngs]

    before = exported("before")
    project.show_class(METAL, visible=False)
    project.lock_class(VIA, locked=True)
    assert exported("after") == before


def test_a_class_can_be_deleted_with_its_objects_and_undo_brings_all_back(
    project: Project,
) -> None:
    project.set_status(1, ImageStatus.LABELLED)
    project.delete_objects([2])
    before = project.objects(1)
    project.add_proposals(1, [NewProposal(METAL, OTHER, 0.9)])
    assert project.num_members(METAL) == (1, 1, 1)
    project.delete_class(METAL, delete_members=True)
    assert project.objects(1) == ()
    assert project.image(1).status is ImageStatus.IN_PROGRESS
    assert [known.name for known in project.classes()] == ["via"]
    project.undo()
    assert project.objects(1) == before
    assert project.image(1).status is ImageStatus.LABELLED


def test_a_training_does_not_notice_what_is_hidden_or_locked(
    project: Project, tmp_path: Path
) -> None:
    project.set_status(1, ImageStatus.LABELLED)

    def written(name: str) -> bytes:
        training_manifest(project, tmp_path / name)
        return b"".join(p.read_bytes() for p in sorted((tmp_path / name).rglob("*.png")))

    before = written("before")
    project.show_class(METAL, visible=False)
    project.lock_class(VIA, locked=True)
    assert before
    assert written("after") == before


def test_a_new_class_gets_a_colour_that_none_has(project: Project) -> None:
    project.add_class("poly")
    project.delete_class(VIA, move_to=METAL)
    added = project.add_class("contact")
    assert [known.color for known in project.classes()].count(added.color) == 1


def test_objects_are_counted_by_class(project: Project) -> None:
    project.add_object(1, VIA, MASK, ObjectSource.MANUAL)
    assert project.num_objects_by_class(1) == {METAL: 1, VIA: 2}
