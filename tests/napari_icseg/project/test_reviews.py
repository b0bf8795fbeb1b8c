"""A round's proposals are reviewed: nothing accepted is overwritten, everything can be undone."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.exporting import export_coco
from napari_icseg.project.importing import import_coco
from napari_icseg.project.project import Project
from napari_icseg.project.records import (
    ImageStatus,
    NewProposal,
    NewReview,
    ObjectSource,
    Provenance,
    ReviewState,
)
from napari_icseg.project.training_set import training_manifest
from tests.napari_icseg.project.conftest import square, write_image
from trainers.io.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

METAL, VIA = 1, 2
MANUAL = ObjectSource.MANUAL
WAITING, ACCEPTED, EDITED, REJECTED, BLANK = ReviewState


def new_review(image_id: int, num_proposals: int = 2) -> NewReview:
    masks = [square(0, 0), square(10, 10), square(18, 18)][:num_proposals]
    proposals = tuple(NewProposal(1 + n % 2, mask, 0.75) for n, mask in enumerate(masks))
    return NewReview(image_id, proposals, 0.9, 0.8, f"doubt/{image_id}.png")


def new_round(project: Project, image_ids: tuple[int, ...] = (1, 2, 3)) -> int:
    """Add a round with proposals for these images and return its id."""
    round_id = project.add_round("sam_seg", "rounds/round-1", {}).id
    project.add_reviews(round_id, map(new_review, image_ids))
    return round_id


def states(project: Project) -> list[tuple[str, str]]:
    reviews = {review.image_id: review.state.value for review in project.reviews()}
    return [(image.status.value, reviews.get(image.id, "-")) for image in project.images()]


def test_proposals_wait_beside_images_that_nobody_labelled(project: Project) -> None:
    project.add_object(1, METAL, square(0, 0), MANUAL)
    project.set_status(2, ImageStatus.BLANK)
    round_id = project.add_round("sam_seg", "rounds/round-1", {}).id
    assert project.add_reviews(round_id, map(new_review, (1, 2, 3, 99))) == 1
    (review,) = project.reviews()
    assert (review.image_id, review.state, review.num_proposals) == (3, WAITING, 2)
    assert (review.confidence, review.predicted_iou) == (0.9, 0.8)
    assert project.doubt_file(review) == project.file.parent / "rounds/round-1/doubt/3.png"
    assert project.image(3).status is ImageStatus.UNLABELLED
    assert [p.round_id for p in project.proposals(3)] == [round_id, round_id]
    assert project.proposals(1) == () == project.proposals(2)


def test_each_decision_is_one_step_in_words_and_is_undone_whole(project: Project) -> None:
    round_id = new_round(project)
    before = states(project), project.proposals(1)
    for decide, after, summary in (
        (project.accept_review, ("labelled", "accepted"), "accept the proposal for t0.png"),
        (project.edit_review, ("in_progress", "edited"), "edit the proposal for t0.png"),
        (project.reject_review, ("unlabelled", "rejected"), "reject the proposal for t0.png"),
        (project.blank_review, ("blank", "blank"), "mark t0.png as blank in the review"),
    ):
        decide(1)
        assert states(project)[0] == after
        assert project.proposals(1) == ()
        assert project.history(1)[0].summary == summary
        objects = project.objects(1)
        assert len(objects) == (2 if after[1] in ("accepted", "edited") else 0)
        assert all(o.source is ObjectSource.MODEL and o.score == 0.75 for o in objects)
        project.undo()
        assert (states(project), project.proposals(1)) == before
    assert project.num_reviews(round_id)[WAITING] == 3


def test_many_are_accepted_in_one_step_and_empty_ones_are_blank(project: Project) -> None:
    round_id = project.add_round("sam_seg", "r", {}).id
    project.add_reviews(round_id, [new_review(1), new_review(2, 0), new_review(3)])
    project.accept_reviews([1, 2, 3])
    assert states(project) == [
        ("labelled", "accepted"),
        ("blank", "accepted"),
        ("labelled", "accepted"),
    ]
    assert project.history(1)[0].summary == "accept the proposals for 3 images"
    project.undo()
    assert states(project) == [("unlabelled", "waiting")] * 3


def test_an_edited_image_stays_edited_when_it_is_marked_as_labelled(project: Project) -> None:
    new_round(project)
    project.edit_review(1)
    project.add_object(1, VIA, square(5, 20), MANUAL)
    project.set_status(1, ImageStatus.LABELLED)
    assert states(project)[0] == ("labelled", "edited")
    for _ in range(3):
        project.undo()
    assert states(project)[0] == ("unlabelled", "waiting")
    assert len(project.proposals(1)) == 2


def test_labels_that_were_accepted_and_then_changed_by_hand_count_as_edited(
    project: Project,
) -> None:
    new_round(project)
    project.accept_review(1)
    project.replace_mask(project.objects(1)[0].id, square(1, 1))
    assert states(project)[0] == ("labelled", "edited")
    project.undo()
    assert states(project)[0] == ("labelled", "accepted")
    project.set_status(1, ImageStatus.IN_PROGRESS)
    assert states(project)[0] == ("in_progress", "accepted")


def test_a_proposal_for_an_image_labelled_meanwhile_overwrites_nothing(project: Project) -> None:
    new_round(project)
    drawn = project.add_object(1, METAL, square(3, 3), MANUAL)
    project.set_status(2, ImageStatus.BLANK)
    assert [review.image_id for review in project.reviews(state=WAITING)] == [3]
    for decide in (project.accept_review, project.edit_review, project.blank_review):
        for image_id in (1, 2):
            with pytest.raises(ProjectError, match=r"labelled meanwhile .* never overwrites"):
                decide(image_id)
    with pytest.raises(ProjectError, match="labelled meanwhile"):
        project.accept_reviews([3, 1])
    assert project.objects(1) == (drawn,)
    assert project.objects(3) == ()
    project.undo()
    project.undo()
    assert len(project.reviews(state=WAITING)) == 3


def test_a_rejected_image_gets_new_proposals_in_a_later_round_only(project: Project) -> None:
    first = new_round(project)
    project.reject_review(1)
    project.accept_review(2)
    project.edit_review(3)
    assert project.add_reviews(first, map(new_review, (1, 2, 3))) == 0
    second = new_round(project)
    assert [review.image_id for review in project.reviews(second)] == [1]
    assert {each.round_id for each in project.proposals(1)} == {second}
    assert project.num_reviews(first) == {s: int(s in (ACCEPTED, EDITED)) for s in ReviewState}


def test_undoing_a_rejection_brings_the_first_proposal_back_and_redo_the_later_one(
    project: Project,
) -> None:
    first = new_round(project)
    old = project.proposals(1)
    project.reject_review(1)
    second = new_round(project, (1,))
    later = project.proposals(1)
    project.undo()
    review = project.review(1)
    assert review is not None
    assert (review.round_id, review.state, project.proposals(1)) == (first, WAITING, old)
    project.redo()
    review = project.review(1)
    assert review is not None
    assert (review.round_id, review.state, project.proposals(1)) == (second, WAITING, later)


def test_undo_brings_no_single_proposal_of_a_round_back_that_was_replaced(
    project: Project,
) -> None:
    new_round(project)
    project.reject_proposal(project.proposals(1)[0].id)
    new_round(project, (1,))
    later = project.proposals(1)
    assert project.undo() is not None
    assert project.proposals(1) == later
    assert project.redo() is not None
    assert project.proposals(1) == later


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("accept_review", "was accepted already"),
        ("edit_review", "is being edited"),
        ("reject_review", "was rejected already"),
        ("blank_review", "was marked as blank already"),
    ],
)
def test_a_decision_is_not_made_twice(project: Project, first: str, words: str) -> None:
    new_round(project)
    getattr(project, first)(1)
    before = project.history(1)
    for again in ("accept_review", "edit_review", "reject_review", "blank_review"):
        with pytest.raises(ProjectError, match=words):
            getattr(project, again)(1)
    assert project.history(1) == before


def test_what_does_not_fit_is_refused_with_what_to_do(project: Project) -> None:
    with pytest.raises(ProjectError, match="nothing is proposed for t0"):
        project.accept_review(1)
    with pytest.raises(ProjectError, match="no round 7"):
        project.add_reviews(7, [new_review(1)])
    round_id = project.add_round("unet", "r", {}).id
    far = NewReview(1, (NewProposal(METAL, square(22, 0)),))
    strange = NewReview(1, (NewProposal(9, square(0, 0)),))
    for bad, words in (
        (far, "24 rows"),
        (strange, "no class 9"),
        (NewReview(1, (), float("nan")), "0 to 1"),
    ):
        with pytest.raises(ProjectError, match=words):
            project.add_reviews(round_id, [new_review(2), bad])
    assert project.reviews() == ()
    assert project.proposals(2) == ()
    with pytest.raises(ProjectError, match=r"poly is missing\. Add a class"):
        project.class_ids_of(["metal", "poly"])
    assert project.class_ids_of(["Via", "METAL"]) == (VIA, METAL)


def test_a_locked_class_is_not_accepted(project: Project) -> None:
    new_round(project)
    project.lock_class(VIA, locked=True)
    with pytest.raises(ProjectError, match="locked"):
        project.accept_review(1)
    assert states(project)[0] == ("unlabelled", "waiting")


def test_single_proposals_taken_away_or_taken_over_make_it_edited(project: Project) -> None:
    new_round(project)
    project.reject_proposal(project.proposals(1)[0].id)
    project.accept_review(1)
    project.accept_proposal(project.proposals(2)[0].id)
    assert states(project)[:2] == [("labelled", "edited"), ("in_progress", "edited")]
    project.reject_proposals([p.id for p in project.proposals(3)])
    with pytest.raises(ProjectError, match="blank, or reject"):
        project.accept_review(3)


def test_automatic_proposals_leave_those_that_wait_for_review_alone(project: Project) -> None:
    new_round(project)
    waiting = project.proposals(1)
    project.add_proposals(1, [NewProposal(METAL, square(2, 2))], undoable=False)
    assert project.proposals(1) == waiting


def test_a_decision_that_is_taken_back_by_hand_lets_a_later_round_propose(
    project: Project,
) -> None:
    new_round(project)
    project.blank_review(1)
    project.set_status(1, ImageStatus.UNLABELLED)
    assert states(project)[0] == ("unlabelled", "rejected")
    second = new_round(project)
    assert project.reviews(second)[0].image_id == 1
    project.undo()
    assert states(project)[0] == ("blank", "blank")
    assert project.proposals(1) == ()


def test_a_review_half_done_goes_on_after_the_project_was_closed(
    project: Project, reopen: Callable[[], Project]
) -> None:
    new_round(project)
    project.accept_review(1)
    project.reject_review(2)
    before = states(project)
    again = reopen()
    assert states(again) == before
    again.accept_review(3)
    for _ in range(3):
        again.undo()
    assert states(again) == [("unlabelled", "waiting")] * 3


def test_reviews_go_and_come_with_images_and_classes(project: Project) -> None:
    new_round(project)
    before = states(project), project.proposals(1)
    project.remove_images([1])
    assert [review.image_id for review in project.reviews()] == [2, 3]
    project.delete_class(VIA, delete_members=True)
    assert len(project.proposals(2)) == 1
    project.undo()
    project.undo()
    assert (states(project), project.proposals(1)) == before
    assert project._rows("PRAGMA foreign_key_check") == []


def test_exports_and_training_keep_the_origins_apart(project: Project, folder: Path) -> None:
    for number in (3, 4, 5):
        project.add_images([write_image(folder / "tiles" / f"t{number}.png")])
    round_id = new_round(project, (1, 2, 3, 4, 5))
    project.accept_review(1)
    project.edit_review(2)
    project.set_status(2, ImageStatus.LABELLED)
    project.blank_review(3)
    project.reject_review(4)
    project.add_object(6, METAL, square(0, 0), MANUAL)
    project.set_status(6, ImageStatus.LABELLED)
    export_coco(project, folder / "out.json")
    stored = {
        i["id"]: i["attributes"] for i in json.loads((folder / "out.json").read_text())["images"]
    }
    assert {key: (a["review"], a["round"], a["model"]) for key, a in stored.items()} == {
        1: ("accepted", round_id, "sam_seg"),
        2: ("edited", round_id, "sam_seg"),
        3: ("blank", round_id, "sam_seg"),
        6: ("manual", None, None),
    }
    with project.snapshot() as view:
        assert view.provenances()[2] == Provenance("edited", round_id, "sam_seg")
        index = read_manifest(training_manifest(view, folder / "set"))
    assert {item.image.stem: item.provenance for item in index.items} == {
        "t0": "accepted",
        "t1": "edited",
        "t2": "blank",
        "t5": "manual",
    }
    with Project.create(folder / "again.icseg") as again:
        import_coco(again, folder / "out.json", folder)
        for image in again.images():
            was = project.image_by_path(image.path)
            assert was is not None
            assert image.status is was.status
            assert [(o.mask, o.source, o.score) for o in again.objects(image.id)] == [
                (o.mask, o.source, o.score) for o in project.objects(was.id)
            ]


def test_what_a_person_did_is_counted(project: Project) -> None:
    start = time.time()
    new_round(project)
    assert project.num_human_actions(start) == 0
    project.accept_reviews([1, 2])
    project.reject_review(3)
    project.undo()
    project.set_status(3, ImageStatus.BLANK)
    assert project.num_human_actions(start) == 3
    assert project.num_human_actions(time.time() + 1) == 0
    marked = [action.marked_id for action in project.actions_since(start)]
    assert marked == [3, None, None]
