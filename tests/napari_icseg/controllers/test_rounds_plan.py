"""Which images a round uses, and what the dock says where it can use none."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from napari_icseg.controllers import rounds_start
from napari_icseg.controllers.prefill_predictor import MAX_PIXELS
from napari_icseg.controllers.rounds_plan import RoundSummary, plan_round, read_round_summary
from napari_icseg.controllers.rounds_record import known_rounds
from napari_icseg.controllers.rounds_start import RoundChoice, next_number, start_round
from napari_icseg.jobs.folder import runs_folder_of
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.records import ImageRecord, ImageStatus
from napari_icseg.project.training_set import EVERYTHING
from napari_icseg.widgets.training_view import TrainingChoice
from tests.napari_icseg.controllers.training_fixtures import make_project
from trainers.errors import DataError, IcsegError

if TYPE_CHECKING:
    from pathlib import Path

CHOICE = RoundChoice(TrainingChoice("unet", "best", 1), "paper")


def images(labelled: int, blank: int = 0, unlabelled: int = 0) -> list[ImageRecord]:
    statuses = (
        *[ImageStatus.LABELLED] * labelled,
        *[ImageStatus.BLANK] * blank,
        *[ImageStatus.UNLABELLED] * unlabelled,
    )
    return [
        ImageRecord(
            number, f"t{number}.png", 64, 64, status, None, status is ImageStatus.LABELLED, ""
        )
        for number, status in enumerate(statuses)
    ]


def test_a_round_uses_finished_images_and_labels_those_that_nobody_has_begun() -> None:
    known = images(8, 2, 5)
    known[10] = replace(known[10], status=ImageStatus.IN_PROGRESS, num_objects=1)
    known[11] = replace(known[11], split="test")
    known[12] = replace(known[12], height=MAX_PIXELS, width=2)
    plan = plan_round(known)
    assert (plan.labelled, plan.blank) == (tuple(range(8)), (8, 9))
    assert plan.unlabelled == (13, 14)
    assert plan.num_too_large == 1
    assert plan.problem == ""
    assert set(plan.validation) < {*plan.labelled, *plan.blank}
    assert sum(split == "val" for split in plan.splits.values()) == len(plan.validation) == 2


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (images(0, 0, 5), r"Nothing is labelled yet\. Label some images and mark them as done"),
        (images(0, 4, 5), r"All 4 finished images are blank.*Label some images with objects"),
        (images(0, 1, 5), r"The one finished image is blank.*Label some images with objects"),
        (images(1, 3, 5), r"Label one more and mark it as done"),
        (images(5, 1, 0), r"No image is unlabelled.*Add images"),
        ([], r"Nothing is labelled yet"),
        ([replace(i, split="val") for i in images(3)] + images(0, 0, 2), r"none is left to learn"),
    ],
)
def test_a_round_that_cannot_be_says_what_to_do(known: list[ImageRecord], words: str) -> None:
    assert re.search(words, plan_round(known).problem)


def test_validation_images_stay_the_same_until_they_are_much_too_few() -> None:
    first = plan_round(images(10, 0, 30))
    grown = plan_round(images(14, 0, 26), first.validation)
    assert grown.validation == first.validation
    assert not grown.is_new_validation
    many = plan_round(images(100, 0, 1), first.validation)
    assert many.is_new_validation
    assert len(many.validation) > 2 * len(first.validation)
    chosen = [replace(image, split="val") if image.id < 3 else image for image in images(10, 0, 5)]
    assert plan_round(chosen, first.validation).validation == (0, 1, 2)


def test_what_a_round_would_use_is_said_before_it_is_started() -> None:
    known = plan_round(images(10, 1, 30))
    text = RoundSummary(num_test=1, plan=known, num_waiting=3).text
    assert text.startswith("10 labelled, 1 blank, 30 unlabelled; 2 kept to measure with")
    assert "1 image is kept for testing." in text
    assert text.endswith("3 images still wait for review; the next round proposes anew for them.")
    anew = RoundSummary(plan=replace(known, is_new_validation=True)).text
    assert "drawn anew" in anew


def test_a_round_that_cannot_be_started_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start() -> None:
        start_round(project, CHOICE, folder, options={}, progress=lambda *_: None)

    project = make_project(tmp_path)
    folder = runs_folder_of(project.file)
    (tmp_path / "tile6.png").rename(tmp_path / "away.png")
    with pytest.raises(ProjectError, match=r"of 1 unlabelled image is missing.*Locate"):
        start()
    (tmp_path / "away.png").rename(tmp_path / "tile6.png")
    (tmp_path / "tile0.png").rename(tmp_path / "away.png")
    with pytest.raises(IcsegError, match=r"tile0\.png"):
        start()
    (tmp_path / "away.png").rename(tmp_path / "tile0.png")

    def full(*_: object) -> None:
        raise DataError("Cannot write: No space left on device. Free some space")

    with monkeypatch.context() as patch:
        patch.setattr(rounds_start, "write_manifest", full)
        with pytest.raises(DataError, match="Free some space"):
            start()
    for image in project.images()[5:]:
        project.set_status(image.id, ImageStatus.BLANK)
    with pytest.raises(ProjectError, match="No image is unlabelled"):
        start()
    assert [path.name for path in folder.iterdir() if path.is_dir()] == []
    assert known_rounds(project) == ()
    assert read_round_summary(project, EVERYTHING).problem.startswith("No image is unlabelled")
    project.close()


def test_no_number_is_given_twice(tmp_path: Path) -> None:
    for name in ("round-2", "round-7-2", "20260101-unet"):
        (tmp_path / name).mkdir()
    assert next_number((), tmp_path) == 8
    assert next_number((9,), tmp_path) == 10
    assert next_number((), tmp_path / "none") == 1
