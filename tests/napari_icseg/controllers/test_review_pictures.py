from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from napari_icseg.controllers.review_board import read_board
from napari_icseg.controllers.review_pictures import PreviousProposals, read_picture
from napari_icseg.controllers.review_sample import sample_picture
from napari_icseg.project.project import Project
from napari_icseg.project.records import ReviewState
from tests.napari_icseg.review_rounds import add_round

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIDE_PX = 48


def bar(left: int) -> np.ndarray:
    mask = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    mask[10:30, left : left + 12] = 1
    return mask


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two images and two rounds: of the first image the second round says something else."""
    with Project.create(tmp_path / "chip.icseg") as made:
        for number in range(2):
            grey = np.full((SIDE_PX, SIDE_PX), 60 + number, np.uint8)
            Image.fromarray(grey).save(tmp_path / f"tile_{number}.png")
        first, second = made.add_images(sorted(tmp_path.glob("*.png"))).images
        masks, shares = {first.id: bar(8), second.id: bar(20)}, {first.id: 0.6, second.id: 0.7}
        add_round(made, 1, masks, shares)
        made.reject_review(first.id)
        doubt = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
        doubt[3, 5] = 255  # holds only 0 and 255, as a mask may
        add_round(made, 2, {first.id: bar(14)}, {first.id: 0.8}, doubts={first.id: doubt})
        yield made


def test_the_newest_round_with_something_to_do_is_reviewed(project):
    first, second = project.images()
    board = read_board(project)
    assert [(each.name, each.num_waiting) for each in board.rounds] == [
        ("Round 2", 1),
        ("Round 1", 1),
    ]
    assert [each.image_id for each in board.entries] == [first.id]
    assert board.entries[0].predicted_iou == 0.8
    assert board.previous[0] == "Round 1"
    older = read_board(project, board.rounds[1].id)
    assert [each.image_id for each in older.entries] == [second.id]
    assert older.previous is None
    project.accept_review(first.id)
    assert read_board(project).round_id == older.round_id  # there is still something to do
    project.accept_review(second.id)
    assert read_board(project).round_id == board.round_id
    assert read_board(project).entries[0].state is ReviewState.ACCEPTED


def test_doubts_and_the_former_round_are_drawn_as_they_are_on_disk(project):
    first = project.images()[0]
    picture = read_picture(project, first.id, PreviousProposals(read_board(project).previous[1]))
    assert picture.problem == ""
    assert (picture.doubt[3, 5], picture.doubt.sum()) == (255, 255)
    now, former = bar(14) > 0, bar(8) > 0
    assert picture.agreement == pytest.approx((now & former).sum() / (now | former).sum())
    # inside and far away no edge, at the border of the former bar there is
    assert not picture.outlines[15:25, 10:18].any()
    assert picture.outlines[15:25, 7].all()
    assert picture.outlines.sum() == 2 * (20 + 12) - 1  # one corner lies on two sides


def test_files_that_are_gone_are_said_to_be(project):
    first = project.images()[0]
    for file in (project.file.parent / "chip.runs").rglob("doubt/*.png"):
        file.unlink()
    picture = read_picture(project, first.id, None)
    assert picture.doubt is None
    assert "round's folder was changed" in picture.problem
    assert read_picture(project, first.id, PreviousProposals(project.file.parent)).outlines is None
    project.absolute_path(first.id).unlink()
    assert "put it back" in read_picture(project, first.id, None).problem


def test_a_sample_picture_shows_the_proposals_in_their_colour(project, qapp):
    first = project.images()[0]
    image = sample_picture(project, first.id, 2 * SIDE_PX)
    assert (image.width(), image.height()) == (2 * SIDE_PX, 2 * SIDE_PX)
    inside, outside = image.pixelColor(2 * 20, 2 * 20), image.pixelColor(2 * 40, 2 * 40)
    assert outside.saturation() == 0
    assert inside.saturation() > 0
