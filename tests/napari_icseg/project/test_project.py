"""What a project keeps, and how its records change."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus, NewObject, NewProposal, ObjectSource
from tests.napari_icseg.project.conftest import square, write_image
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

METAL, VIA = 1, 2


def test_a_new_project_has_metal_and_via_and_lists_images_by_relative_posix_path(
    project: Project,
) -> None:
    assert [(c.name, c.position) for c in project.classes()] == [("metal", 0), ("via", 1)]
    assert [image.path for image in project.images()] == [f"tiles/t{n}.png" for n in range(3)]
    assert all(image.shape == (24, 32) for image in project.images())
    assert project.absolute_path(1).is_file()


def test_everything_is_there_after_reopening(
    project: Project, reopen: Callable[[], Project]
) -> None:
    added = project.add_object(1, METAL, square(2, 3), ObjectSource.PROMPT, 0.5)
    project.set_split([2], "val")
    project.set_notes(3, "scratched")
    project.add_proposals(2, [NewProposal(VIA, square(1, 1), 0.75)])
    made = project.add_round("unet", "runs/a", {"iou": 0.5})
    before = (project.images(), project.classes(), project.proposals(2), project.history())
    after = reopen()
    assert (after.images(), after.classes(), after.proposals(2), after.history()) == before
    assert after.objects(1) == (added,)
    assert after.rounds() == (made,)
    assert after.image(2).split == "val"
    assert after.image(3).notes == "scratched"


def test_the_first_object_sets_the_image_in_progress_and_a_blank_one_too(project: Project) -> None:
    project.set_status(2, ImageStatus.BLANK)
    for image_id in (1, 2):
        project.add_object(image_id, METAL, square(0, 0), ObjectSource.MANUAL)
        assert project.image(image_id).status is ImageStatus.IN_PROGRESS
    project.set_status(1, ImageStatus.LABELLED)
    project.add_object(1, METAL, square(9, 9), ObjectSource.MANUAL)
    assert project.image(1).status is ImageStatus.LABELLED
    assert project.image(1).num_objects == 2


def test_an_image_with_objects_cannot_be_blank(project: Project) -> None:
    project.add_object(1, METAL, square(0, 0), ObjectSource.MANUAL)
    with pytest.raises(ProjectError, match="Delete them"):
        project.set_status(1, ImageStatus.BLANK)
    assert project.image(1).status is ImageStatus.IN_PROGRESS


def test_a_labelled_image_that_loses_its_last_object_is_not_silently_blank(
    project: Project,
) -> None:
    added = project.add_object(1, METAL, square(0, 0), ObjectSource.MANUAL)
    project.set_status(1, ImageStatus.LABELLED)
    project.delete_objects([added.id])
    assert project.image(1).status is ImageStatus.IN_PROGRESS


@pytest.mark.parametrize(("row", "col"), [(-1, 0), (0, -1), (21, 0), (0, 29)])
def test_a_mask_over_the_edge_is_refused_and_nothing_changes(
    project: Project, row: int, col: int
) -> None:
    before = project.history()
    with pytest.raises(ProjectError, match="rows"):
        project.add_object(1, METAL, square(row, col), ObjectSource.MANUAL)
    assert project.objects(1) == ()
    assert project.history() == before
    assert project.image(1).status is ImageStatus.UNLABELLED


def test_unknown_ids_are_named(project: Project) -> None:
    with pytest.raises(ProjectError, match="no image 99"):
        project.add_object(99, METAL, square(0, 0), ObjectSource.MANUAL)
    with pytest.raises(ProjectError, match="no class 99"):
        project.add_object(1, 99, square(0, 0), ObjectSource.MANUAL)
    with pytest.raises(ProjectError, match="no object 99"):
        project.delete_objects([99])
    with pytest.raises(ProjectError, match="no proposal 99"):
        project.accept_proposal(99)


def test_editing_keeps_the_object_s_identity(project: Project) -> None:
    old = project.add_object(1, METAL, square(0, 0), ObjectSource.PROMPT, 0.5)
    new = project.replace_mask(old.id, square(5, 5, 7))
    project.set_class(old.id, VIA)
    assert new.id == old.id
    assert new.mask == square(5, 5, 7)
    assert project.object_by_id(old.id).class_id == VIA
    assert project.object_by_id(old.id).score == 0.5


def test_edit_objects_is_one_step(project: Project) -> None:
    kept, dropped = project.add_objects(
        1, [NewObject(METAL, square(r, 0), ObjectSource.MANUAL) for r in (0, 9)]
    )
    (added,) = project.edit_objects(
        1,
        replace={kept.id: square(1, 1)},
        delete=[dropped.id],
        add=[NewObject(VIA, square(4, 4), ObjectSource.MANUAL)],
    )
    assert [known.id for known in project.objects(1)] == [kept.id, added.id]
    project.undo()
    assert project.objects(1) == (kept, dropped)


def test_objects_of_other_images_are_not_edited_by_mistake(project: Project) -> None:
    other = project.add_object(2, METAL, square(0, 0), ObjectSource.MANUAL)
    with pytest.raises(ProjectError, match=r"not on t0\.png"):
        project.edit_objects(1, delete=[other.id])
    assert project.objects(2) == (other,)


def test_classes_are_added_renamed_ordered_and_deleted(project: Project) -> None:
    poly = project.add_class(" poly ")
    assert (poly.name, poly.position) == ("poly", 2)
    assert poly.color not in {c.color for c in project.classes()[:2]}
    project.update_class(poly.id, name="gate", color="#ABCDEF")
    project.order_classes([poly.id, VIA, METAL])
    assert [c.name for c in project.classes()] == ["gate", "via", "metal"]
    assert project.classes()[0].color == "#abcdef"
    project.delete_class(VIA)
    assert [(c.name, c.position) for c in project.classes()] == [("gate", 0), ("metal", 1)]


@pytest.mark.parametrize("name", ["", "  ", "Metal"])
def test_class_names_are_not_empty_and_differ(project: Project, name: str) -> None:
    with pytest.raises(ProjectError):
        project.add_class(name)
    with pytest.raises(ProjectError):
        project.update_class(VIA, name=name)


def test_deleting_a_class_asks_where_its_objects_go(project: Project) -> None:
    added = project.add_object(1, VIA, square(0, 0), ObjectSource.MANUAL)
    with pytest.raises(ProjectError, match="1 objects"):
        project.delete_class(VIA)
    project.delete_class(VIA, move_to=METAL)
    assert project.object_by_id(added.id).class_id == METAL
    with pytest.raises(ProjectError, match="needs a class"):
        project.delete_class(METAL)
    project.undo()
    assert project.object_by_id(added.id).class_id == VIA


def test_a_proposal_becomes_an_object_only_when_accepted(project: Project) -> None:
    sure, unsure = project.add_proposals(
        1, [NewProposal(METAL, square(0, 0), 0.5), NewProposal(VIA, square(9, 9), 0.9)]
    )[::-1]
    assert project.proposals(1) == (unsure, sure)
    assert project.image(1).status is ImageStatus.UNLABELLED
    accepted = project.accept_proposal(sure.id)
    assert (accepted.mask, accepted.source, accepted.score) == (sure.mask, ObjectSource.MODEL, 0.5)
    assert project.proposals(1) == (unsure,)
    project.reject_proposal(unsure.id)
    assert project.proposals(1) == ()
    project.undo()
    project.undo()
    assert project.proposals(1) == (unsure, sure)
    assert project.objects(1) == ()


def test_new_proposals_take_the_place_of_old_ones_but_never_of_objects(project: Project) -> None:
    kept = project.add_object(1, METAL, square(0, 0), ObjectSource.MANUAL)
    project.add_proposals(1, [NewProposal(METAL, square(1, 1), 0.5)])
    (new,) = project.add_proposals(1, [NewProposal(METAL, square(2, 2), 0.6)])
    assert project.proposals(1) == (new,)
    assert project.objects(1) == (kept,)


def test_bad_images_are_left_out_and_named(project: Project, folder: Path) -> None:
    good = write_image(folder / "more" / "good.png")
    tiny = write_image(folder / "more" / "tiny.png", 1, 1)
    empty = folder / "more" / "empty.png"
    empty.touch()
    cut = folder / "more" / "cut.png"
    cut.write_bytes(good.read_bytes()[:20])
    result = project.add_images([good, tiny, empty, cut, folder / "tiles" / "t0.png"])
    assert [image.path for image in result.added] == ["more/good.png"]
    assert [image.id for image in result.existing] == [1]
    assert [path for path, _ in result.skipped] == [tiny, empty, cut]
    with pytest.raises(ProjectError, match="none of 1"):
        project.add_images([empty])


def test_adding_images_can_be_watched_and_cancelled(project: Project, folder: Path) -> None:
    paths = [write_image(folder / f"m{n}.png") for n in range(3)]
    seen: list[tuple[int, int]] = []
    result = project.add_images(
        paths, progress=lambda *done: seen.append(done), cancelled=lambda: len(seen) == 2
    )
    assert seen == [(1, 3), (2, 3)]
    assert result.images == ()
    assert len(project.images()) == 3


def test_removed_images_come_back_with_all_they_had(project: Project) -> None:
    added = project.add_object(2, METAL, square(0, 0), ObjectSource.MANUAL)
    (proposal,) = project.add_proposals(2, [NewProposal(METAL, square(1, 1))])
    before = project.images()
    project.remove_images([1, 2])
    assert [image.id for image in project.images()] == [3]
    project.undo()
    assert project.images() == before
    assert project.objects(2) == (added,)
    assert project.proposals(2) == (proposal,)


def test_a_moved_project_finds_its_images_and_a_moved_folder_can_be_located(
    project: Project, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project.close()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(folder, elsewhere / "moved")
    with Project.open(elsewhere / "moved" / "p.icseg") as moved:
        assert moved.missing_images() == ()
        assert moved.absolute_path(1) == elsewhere / "moved" / "tiles" / "t0.png"
        shutil.move(elsewhere / "moved" / "tiles", elsewhere / "far" / "tiles")
        assert len(moved.missing_images()) == 3
        with pytest.raises(ProjectError, match=r"tiles/t0\.png"):
            moved.locate(folder / "tiles")
        moved.locate(elsewhere / "far")
        assert moved.missing_images() == ()
    with Project.open(elsewhere / "moved" / "p.icseg") as again:
        assert again.missing_images() == ()


def test_images_may_lie_outside_the_project_s_folder(tmp_path: Path) -> None:
    image = write_image(tmp_path / "sem" / "a.png")
    with Project.create(tmp_path / "projects" / "p.icseg") as project:
        project.add_images([image])
        assert project.image(1).path == "../sem/a.png"
        assert project.absolute_path(1).resolve() == image.resolve()
    with Project.create(tmp_path / "projects" / "q.icseg", root=tmp_path / "sem") as project:
        project.add_images([image])
        assert project.image(1).path == "a.png"


def test_threads_take_turns_and_nothing_is_lost(project: Project) -> None:
    errors: list[Exception] = []

    def work(image_id: int) -> None:
        try:
            for row in range(10):
                project.add_object(image_id, METAL, square(row, 0), ObjectSource.MANUAL)
                project.objects(image_id)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(image_id,)) for image_id in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [image.num_objects for image in project.images()] == [10, 10, 10]
    for _ in range(30):
        assert project.undo() is not None
    assert [image.num_objects for image in project.images()] == [0, 0, 0]


def test_a_snapshot_stays_as_it_was_while_labelling_goes_on(project: Project) -> None:
    first = project.add_object(1, METAL, square(0, 0), ObjectSource.MANUAL)
    with project.snapshot() as view:
        project.add_object(1, METAL, square(9, 9), ObjectSource.MANUAL)
        assert view.objects(1) == (first,)
        assert len(project.objects(1)) == 2
    with pytest.raises(ProjectError, match="closed"):
        view.images()


def test_listeners_hear_of_each_change_after_it_is_kept(project: Project) -> None:
    heard: list[object] = []
    project.changed.connect(lambda image_id: heard.append((image_id, len(project.objects(1)))))
    project.classes_changed.connect(lambda: heard.append("classes"))
    project.images_changed.connect(lambda: heard.append("images"))
    project.add_object(1, METAL, square(0, 0), ObjectSource.MANUAL)
    project.undo()
    project.add_class("poly")
    project.remove_images([3])
    assert heard == [(1, 1), (1, 0), "classes", "images", (3, 0)]
    project.set_status(2, ImageStatus.UNLABELLED)  # as it was: nobody need know
    assert len(heard) == 5


def test_object_masks_cost_what_the_object_costs(project: Project, folder: Path) -> None:
    project.add_images([write_image(folder / "large.png", 2000, 3000)])
    (large,) = [image for image in project.images() if image.name == "large.png"]
    mask = np.zeros((2000, 3000), dtype=bool)
    mask[1000:1004, 2000:2004] = True
    added = project.add_object(large.id, METAL, RleMask.from_mask(mask), ObjectSource.MANUAL)
    assert len(added.mask.counts) < 10
    assert np.array_equal(project.objects(large.id)[0].mask.to_mask(large.shape), mask)
