"""Undo and redo: each operation, any sequence, without limit and across restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.importing import import_folder
from napari_icseg.project.project import Project
from napari_icseg.project.records import (
    ImageStatus,
    NewObject,
    NewProposal,
    ObjectSource,
    OperationState,
)
from tests.napari_icseg.project.conftest import square, write_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

METAL, VIA = 1, 2
MANUAL = ObjectSource.MANUAL


def everything(project: Project) -> object:
    """Return all that undo answers for."""
    images = project.images()
    ids = [image.id for image in images]
    return (
        images,
        project.classes(),
        [project.objects(image_id) for image_id in ids],
        [project.proposals(image_id) for image_id in ids],
    )


def set_up(project: Project) -> None:
    project.add_objects(1, [NewObject(METAL, square(r, 0), MANUAL) for r in (0, 8)])
    project.add_proposals(1, [NewProposal(VIA, square(3, 9), 0.25)])
    project.set_status(2, ImageStatus.BLANK)


EDITS: dict[str, Callable[[Project], object]] = {
    "add_object": lambda p: p.add_object(3, VIA, square(1, 1), MANUAL),
    "add_objects": lambda p: p.add_objects(2, [NewObject(METAL, square(5, 5), MANUAL)] * 2),
    "replace_mask": lambda p: p.replace_mask(1, square(9, 9, 2)),
    "edit_objects": lambda p: p.edit_objects(
        1, replace={1: square(2, 2)}, delete=[2], add=[NewObject(VIA, square(7, 7), MANUAL)]
    ),
    "set_class": lambda p: p.set_class([1, 2], VIA),
    "delete_objects": lambda p: p.delete_objects([1, 2]),
    "set_status": lambda p: p.set_status(1, ImageStatus.LABELLED),
    "set_split": lambda p: p.set_split([1, 2, 3], "test"),
    "set_notes": lambda p: p.set_notes(1, "odd"),
    "remove_images": lambda p: p.remove_images([1, 3]),
    "add_class": lambda p: p.add_class("poly"),
    "update_class": lambda p: p.update_class(VIA, name="contact", color="#000000"),
    "order_classes": lambda p: p.order_classes([VIA, METAL]),
    "delete_class": lambda p: p.delete_class(METAL, move_to=VIA),
    "add_proposals": lambda p: p.add_proposals(1, [NewProposal(METAL, square(0, 9), 0.5)]),
    "accept_proposal": lambda p: p.accept_proposal(1),
    "accept_part_of_a_proposal": lambda p: p.accept_proposals([1], masks={1: square(3, 9, 1)}),
    "drop_proposal": lambda p: p.accept_proposals([], drop=[1]),
    "set_proposal_class": lambda p: p.set_proposal_class([1], METAL),
    "reject_proposal": lambda p: p.reject_proposal(1),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_every_edit_is_undone_and_redone_exactly_also_after_a_restart(
    project: Project, reopen: Callable[[], Project], edit: Callable[[Project], object]
) -> None:
    set_up(project)
    before = everything(project)
    edit(project)
    after = everything(project)
    assert before != after
    assert project.undo() is not None
    assert everything(project) == before
    project = reopen()
    assert everything(project) == before
    assert project.redo() is not None
    assert everything(project) == after
    project = reopen()
    assert project.undo() is not None
    assert everything(project) == before
    project.check()


def test_undo_says_what_it_did(project: Project) -> None:
    added = project.add_object(2, VIA, square(1, 1), MANUAL)
    result = project.undo()
    assert result is not None
    assert result.summary == "add a via"
    assert result.image_ids == (2,)
    assert result.object_ids == (added.id,)


def test_there_is_nothing_to_undo_in_a_new_project_nor_is_opening_a_folder_undone(
    project: Project,
) -> None:
    assert not project.can_undo
    assert project.undo() is None
    assert not project.can_redo
    assert project.redo() is None
    assert len(project.images()) == 3


def test_undo_goes_back_through_hundreds_of_operations_and_forward_again(project: Project) -> None:
    for number in range(300):
        project.add_object(1 + number % 3, METAL, square(number % 20, number % 28), MANUAL)
    after = everything(project)
    assert sum(1 for _ in iter(project.undo, None)) == 300
    assert [image.num_objects for image in project.images()] == [0, 0, 0]
    assert sum(1 for _ in iter(project.redo, None)) == 300
    assert everything(project) == after


def test_a_new_operation_after_undo_ends_redo_but_the_log_keeps_what_was_undone(
    project: Project,
) -> None:
    project.add_object(1, METAL, square(0, 0), MANUAL)
    undone = project.add_object(1, VIA, square(5, 5), MANUAL)
    project.undo()
    new = project.add_object(1, METAL, square(9, 9), MANUAL)
    assert new.id > undone.id  # ids are never given twice
    assert not project.can_redo
    assert project.redo() is None
    states = [entry.state for entry in project.history(3)]
    assert states == [OperationState.DONE, OperationState.ABANDONED, OperationState.DONE]


def test_a_failed_edit_leaves_redo_as_it_was(project: Project) -> None:
    project.add_object(1, METAL, square(0, 0), MANUAL)
    project.undo()
    with pytest.raises(Exception, match="rows"):
        project.add_object(1, METAL, square(23, 0), MANUAL)
    assert project.can_redo


def test_images_added_between_edits_stay_when_the_edits_are_undone(
    project: Project, folder: Path
) -> None:
    project.add_object(1, METAL, square(0, 0), MANUAL)
    project.add_images([write_image(folder / "late.png")])
    project.add_object(4, METAL, square(0, 0), MANUAL)
    project.undo()
    project.undo()
    assert [image.num_objects for image in project.images()] == [0, 0, 0, 0]
    project.redo()
    project.redo()
    assert [image.num_objects for image in project.images()] == [1, 0, 0, 1]


def test_removed_images_that_were_added_anew_come_back_as_the_old_ones(
    project: Project, folder: Path
) -> None:
    old = project.add_object(1, METAL, square(0, 0), MANUAL)
    before = everything(project)
    project.remove_images([1])
    (again,) = project.add_images([folder / "tiles" / "t0.png"]).added
    new = project.add_object(again.id, VIA, square(5, 5), MANUAL)
    after = everything(project)
    project.undo()
    project.undo()
    assert everything(project) == before
    assert project.objects(1) == (old,)
    project.redo()
    project.redo()
    assert everything(project) == after
    assert project.objects(again.id) == (new,)
    project.check()


def propose(project: Project, image_id: int, class_id: int = METAL) -> None:
    new = [NewProposal(class_id, square(4, 4), 0.5)]
    project.add_proposals(image_id, new, undoable=False)


def test_proposals_made_unasked_neither_stop_undo_nor_end_redo(project: Project) -> None:
    added = project.add_object(1, METAL, square(0, 0), MANUAL)
    project.undo()
    propose(project, 1)
    assert project.redo() is not None
    assert project.objects(1) == (added,)
    assert len(project.proposals(1)) == 1
    assert project.undo() is not None
    assert len(project.proposals(1)) == 1


def test_proposals_made_unasked_go_and_come_with_their_image(
    project: Project, folder: Path
) -> None:
    write_image(folder / "more" / "a.png")
    import_folder(project, folder / "more")
    propose(project, 4)
    kept = project.proposals(4)
    assert project.undo() is not None
    assert len(project.images()) == 3
    assert project.redo() is not None
    assert project.proposals(4) == kept
    project.check()


def test_proposals_made_unasked_go_and_come_with_their_class(project: Project) -> None:
    poly = project.add_class("poly")
    propose(project, 1, poly.id)
    kept = project.proposals(1)
    assert project.undo() is not None
    assert project.proposals(1) == ()
    assert project.redo() is not None
    assert project.proposals(1) == kept


def test_proposals_made_unasked_between_undo_and_redo_of_a_removal_come_back(
    project: Project,
) -> None:
    project.remove_images([1])
    project.undo()
    propose(project, 1)
    kept = project.proposals(1)
    assert project.redo() is not None
    assert len(project.images()) == 2
    assert project.undo() is not None
    assert project.proposals(1) == kept


unasked = ["propose_1", "propose_2", "propose_via", "add_again"]
all_steps = st.lists(st.sampled_from([*EDITS, "undo", "redo", *unasked]), max_size=30)


@settings(max_examples=25, deadline=None)
@given(all_steps)
def test_whatever_a_program_does_unasked_in_between_undo_and_redo_go_all_the_way(
    tmp_path_factory: pytest.TempPathFactory, all_steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("unasked")
    images = [write_image(folder / f"{n}.png") for n in range(3)]
    actions: dict[str, Callable[[Project], object]] = {
        "undo": Project.undo,
        "redo": Project.redo,
        "propose_1": lambda p: propose(p, 1),
        "propose_2": lambda p: propose(p, 2),
        "propose_via": lambda p: propose(p, 3, VIA),
        "add_again": lambda p: p.add_images(images),
    }
    with Project.create(folder / "p.icseg") as project:
        project.add_images(images)
        set_up(project)
        for step in all_steps:
            attempt(project, {**EDITS, **actions}[step])
        while project.undo() is not None:
            pass
        assert not any(image.num_objects for image in project.images())
        while project.redo() is not None:
            pass
        for image in project.images():
            assert image.num_objects == len(project.objects(image.id))
        assert project._rows("PRAGMA foreign_key_check") == []
        project.check()


steps = st.lists(st.sampled_from([*EDITS, "undo", "redo"]), max_size=25)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps)
def test_any_sequence_of_edits_undoes_to_each_earlier_state(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    images = [write_image(folder / f"{n}.png") for n in range(3)]
    with Project.create(folder / "p.icseg") as project:
        project.add_images(images)
        set_up(project)
        past, future = [], []
        for step in steps:
            state = everything(project)
            if step == "undo" and past:
                project.undo()
                assert everything(project) == past[-1]
                future.append(state)
                past.pop()
            elif step == "redo" and future:
                project.redo()
                assert everything(project) == future.pop()
                past.append(state)
            elif step in EDITS and changes_something(project, step):
                past.append(state)
                future = []
        assert project.can_redo == bool(future)
        project.check()


def attempt(project: Project, action: Callable[[Project], object]) -> None:
    """Do something; that it is impossible by now is no failure."""
    try:
        action(project)
    except ProjectError as error:
        if not any(reason in str(error) for reason in IMPOSSIBLE):
            raise


IMPOSSIBLE = ("has no", "there is a class", "needs a class", "must name")


def changes_something(project: Project, step: str) -> bool:
    """Do an edit; False where its object is gone or it is as it was."""
    newest = project.history(1)[0].id
    attempt(project, EDITS[step])
    return project.history(1)[0].id != newest
