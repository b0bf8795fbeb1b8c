"""Proposals of a finished round on their way into a project, and what may go wrong with that."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from napari_icseg.controllers.rounds_intake import Stopped
from napari_icseg.controllers.rounds_reading import is_read, read_in
from napari_icseg.controllers.rounds_record import READ, READING, known_rounds
from napari_icseg.project.errors import ProjectError, ProjectWriteError
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus, NewObject, ObjectSource, ReviewState
from tests.napari_icseg.controllers.rounds_fixtures import finish_round
from tests.napari_icseg.controllers.training_fixtures import SIDE_PX, bar, make_project
from trainers.errors import DataError
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_icseg.controllers.rounds_record import RoundInfo
    from napari_icseg.jobs.watcher import RunSnapshot


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Five labelled images and six that are not."""
    made = make_project(tmp_path, num_images=11)
    yield made
    made.close()


def read(project: Project, run: RunSnapshot, *, stop_after: int = 1000) -> RoundInfo:
    done: list[int] = []
    return read_in(
        project,
        run,
        progress=lambda number, _total: done.append(number),
        is_stopped=lambda: len(done) >= stop_after,
    )


def proposed(project: Project, image_id: int) -> np.ndarray:
    (proposal,) = project.proposals(image_id)
    return proposal.mask.to_mask((SIDE_PX, SIDE_PX))


def test_pixels_that_are_quite_unsure_count_as_such(project: Project) -> None:
    run = finish_round(project, bar_number=2)
    for path in (run.run_dir / "proposals").rglob("doubt/*.png"):
        # 0 and 255 alone: as a mask it would be read as 0 and 1
        Image.fromarray(np.full((SIDE_PX, SIDE_PX), 255, np.uint8)).save(path)
    read(project, run)
    scores = [one.score for image in project.images() for one in project.proposals(image.id)]
    assert scores
    assert max(scores) == 0.0


def test_a_finished_round_is_noted_and_its_proposals_wait_with_their_doubt(
    project: Project,
) -> None:
    run = finish_round(project, bar_number=2)
    assert not is_read(project, run.run_dir)

    info = read(project, run)

    assert is_read(project, run.run_dir)
    ((record, noted),) = known_rounds(project)
    assert noted == info
    assert (record.model, record.run_dir) == ("unet", "chip.runs/round-1")
    assert (info.state, info.num_proposed, info.left_out) == (READ, 6, ())
    assert (info.teacher["iou"], info.student["iou"]) == (pytest.approx(0.7), 0.8)
    reviews = project.reviews(record.id)
    assert [each.state for each in reviews] == [ReviewState.WAITING] * 6
    for review in reviews:
        np.testing.assert_array_equal(proposed(project, review.image_id), bar(2))
        assert project.proposals(review.image_id)[0].score == pytest.approx(1 - 51 / 255)
        doubt = project.doubt_file(review)
        assert doubt is not None
        assert doubt.is_file()


def test_what_became_of_an_image_meanwhile_is_left_alone_and_told(project: Project) -> None:
    run = finish_round(project, left_out=1)
    begun, blank, changed, removed, damaged, _torn = (i.id for i in project.images()[5:])
    metal = project.classes()[0].id
    drawn = NewObject(metal, RleMask.from_mask(bar(7)), ObjectSource.PROMPT)
    project.add_objects(begun, [drawn])
    project.set_status(blank, ImageStatus.BLANK)
    project.absolute_path(changed).write_bytes(project.absolute_path(damaged).read_bytes())
    project.remove_images([removed])
    (run.run_dir / "proposals" / "masks" / "tile9.png").write_bytes(b"torn")

    info = read(project, run)

    assert info.state == READ
    assert info.num_proposed == 0
    assert info.left_out == (
        "Left out: 2 images labelled or reviewed meanwhile: nothing of that was touched.",
        "Left out: 1 image whose image file was changed or is missing: put it back and run the "
        "next round.",
        "Left out: 1 image whose proposal is damaged or missing: run the next round.",
        "Left out: 1 image that could not be read by the model.",
        "Left out: 1 image removed from the project meanwhile.",
    )
    (kept,) = project.objects(begun)
    np.testing.assert_array_equal(kept.mask.to_mask((SIDE_PX, SIDE_PX)), bar(7))
    assert project.image(begun).status is not ImageStatus.LABELLED
    assert project.image(blank).status is ImageStatus.BLANK
    assert project.reviews() == ()
    assert not any(project.proposals(image.id) for image in project.images())


def test_reading_that_was_stopped_goes_on_and_leaves_decisions_alone(project: Project) -> None:
    run = finish_round(project)
    with pytest.raises(Stopped):
        read(project, run, stop_after=0)
    ((record, info),) = known_rounds(project)
    assert info.state == READING
    assert not is_read(project, run.run_dir)
    read(project, run)
    first = project.reviews(record.id)[0].image_id
    project.accept_review(first)
    project.set_round_info(record.id, info.to_json())  # as if it had been killed at the very end

    again = read(project, run)

    assert again.num_proposed == 6
    assert again.left_out == ()
    assert len(known_rounds(project)) == 1
    assert project.num_reviews(record.id)[ReviewState.WAITING] == 5
    assert project.image(first).status is ImageStatus.LABELLED


READ_AND_DIE = """
import os, signal, sys
from pathlib import Path
from napari_icseg.controllers.rounds_reading import read_in
from napari_icseg.jobs.watcher import list_runs
from napari_icseg.project.project import Project

def die(done, _total):
    if done == 20:
        os.kill(os.getpid(), signal.SIGKILL)

project = Project.open(Path(sys.argv[1]))
(run,) = list_runs(Path(sys.argv[2]))
read_in(project, run, progress=die, is_stopped=lambda: False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_killed_with_half_of_the_proposals_read_the_next_start_reads_the_rest(
    tmp_path: Path,
) -> None:
    with make_project(tmp_path, num_images=30) as project:
        run = finish_round(project)
        file = project.file
    command = [sys.executable, "-c", READ_AND_DIE, str(file), str(run.run_dir.parent)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL

    with Project.open(file) as project:
        ((record, info),) = known_rounds(project)
        before = len(project.reviews(record.id))
        assert info.state == READING
        assert 0 < before < 25
        assert read(project, run).num_proposed == 25
        assert project.num_reviews(record.id)[ReviewState.WAITING] == 25
        assert all(len(project.proposals(each.image_id)) == 1 for each in project.reviews())


def test_a_full_disk_stops_reading_and_the_next_try_goes_on(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finish_round(project)

    def full(*_: object) -> None:
        raise ProjectWriteError("The disk is full. Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(project, "set_round_info", full)
        with pytest.raises(ProjectError, match="Free some space"):
            read(project, run)
    assert not is_read(project, run.run_dir)
    assert read(project, run).num_proposed == 6
    assert len(project.reviews()) == 6


def test_classes_that_do_not_match_are_told_before_anything_is_noted(project: Project) -> None:
    run = finish_round(project, class_names=("metal", "poly"))
    with pytest.raises(ProjectError, match=r"poly is missing\. Add a class of that name"):
        read(project, run)
    assert project.rounds() == ()
    project.add_class("Poly")
    assert read(project, run).num_proposed == 6


@pytest.mark.parametrize(
    "name", ["round.json", "proposals/proposals.json", "unlabelled/manifest.json"]
)
def test_a_damaged_round_says_what_to_do_and_touches_nothing(project: Project, name: str) -> None:
    run = finish_round(project)
    (run.run_dir / name).write_text("{")
    with pytest.raises(DataError, match=r"next round|proposals again"):
        read(project, run)
    assert project.reviews() == ()


def test_an_older_round_that_is_read_late_does_not_replace_newer_proposals(
    project: Project,
) -> None:
    old = finish_round(project, 1, bar_number=1)
    new = finish_round(project, 2, bar_number=2)
    read(project, new)
    rejected = project.reviews()[0].image_id
    project.reject_review(rejected)

    info = read(project, old)

    assert info.num_proposed == 0
    assert info.left_out == ("Left out: 6 images that a newer round has proposals for.",)
    assert [each.number for _, each in known_rounds(project)] == [1, 2]
    waiting = project.reviews(state=ReviewState.WAITING)
    assert len(waiting) == 5
    for review in waiting:
        np.testing.assert_array_equal(proposed(project, review.image_id), bar(2))


def test_a_newer_round_replaces_what_waits_and_what_was_rejected(project: Project) -> None:
    read(project, finish_round(project, 1, bar_number=1))
    first, second, *_ = (review.image_id for review in project.reviews())
    project.reject_review(first)
    project.edit_review(second)
    assert read(project, finish_round(project, 2, bar_number=2)).num_proposed == 5
    np.testing.assert_array_equal(proposed(project, first), bar(2))
    edited = project.review(second)
    assert edited is not None
    assert edited.state is ReviewState.EDITED
