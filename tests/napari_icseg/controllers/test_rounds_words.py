"""What the Rounds dock says of a round that runs, and of one that has finished."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from napari_icseg.controllers import rounds_outcome as outcome
from napari_icseg.controllers import rounds_words as words
from napari_icseg.controllers.rounds_record import RoundInfo, info_of
from napari_icseg.controllers.training_words import Pending
from napari_icseg.jobs.request import RunRequest
from napari_icseg.jobs.watcher import RunSnapshot
from napari_icseg.project.records import RoundRecord
from trainers.progress import RunState, RunStatus
from trainers.semi_supervised import METHODS

PHASES = ("teacher", "labelling", "student", "proposing")
SCORES = {"iou": 0.8, "pixel_accuracy": 0.95}
INFO = RoundInfo(
    2, "confidence", "best", 5, 1_700_000_000.0, "read",
    labelled=(1, 2, 3), blank=(4,), validation=(3,), unlabelled=(5, 6),
    sources={"manual": 2, "accepted": 1, "blank": 1},
    before=SCORES, teacher={**SCORES, "iou": 0.81}, student={**SCORES, "iou": 0.836},
    num_actions=41, seconds=300.0, num_proposed=2,
)  # fmt: skip


def snapshot(state: RunState = RunState.RUNNING, **changes: object) -> RunSnapshot:
    fields = {"model": "unet", "phases": PHASES, "phase": "labelling", "step": 3, "num_steps": 12}
    status = RunStatus(state=state, **{**fields, **changes})
    request = RunRequest("unet", method="confidence", facts={"number": 2})
    return RunSnapshot(Path("/runs/round-2"), status, request, 1_700_000_000.0)


@pytest.mark.parametrize("state", list(RunState))
def test_every_state_of_a_round_is_a_sentence_that_says_what_can_be_done(state: RunState) -> None:
    view = words.round_view(snapshot(state, reason="the disk is full."), remaining_s=None)
    assert view.title.startswith("Round 2: U-Net, confidence, ")
    assert view.sentence.endswith((".", "…"))
    for button, is_shown in (("Resume", view.can_resume), ("Continue", view.can_continue)):
        assert (button in view.sentence) == is_shown
    assert ("the disk is full. " in view.sentence) == (state is RunState.FAILED)
    assert "training" not in view.sentence.lower() or state is RunState.QUEUED


def test_a_running_round_says_which_part_how_far_and_how_long() -> None:
    run = snapshot()
    view = words.round_view(run, remaining_s=180.0)
    assert view.detail == "Part 2 of 4 · about 3 min left"
    assert [(each.name, each.state) for each in words.phase_views(run)] == [
        ("Teacher", "done"),
        ("Labelling", "active"),
        ("Student", "todo"),
        ("Proposing", "todo"),
    ]
    assert words.phase_views(run)[1].text == "labels the rest · 3/12 images"
    training = snapshot(phase="student", epoch=1, num_epochs=5)
    assert words.phase_views(training)[2].text == "learns from both · epoch 2/5"
    assert words.phase_views(snapshot(RunState.PAUSED))[1].state == "halted"
    assert words.phase_views(snapshot(RunState.FAILED))[1].state == "failed"
    assert words.phase_views(snapshot(RunState.FINISHED)) == ()


def test_what_was_asked_of_a_round_is_said_until_it_has_happened() -> None:
    view = words.round_view(snapshot(), remaining_s=60.0, pending=Pending.STOPPING)
    assert view.sentence == "Stopping…"
    assert not view.can_cancel


def test_every_method_of_the_trainers_can_be_chosen_and_is_explained() -> None:
    assert {entry.key for entry in words.METHODS} == set(METHODS)
    assert all(entry.tooltip.endswith(".") for entry in words.METHODS)
    assert words.METHODS[0].text == "confidence (recommended)"


@pytest.mark.parametrize(
    ("before", "after", "headline"),
    [
        (0.8, 0.836, "Round 2: IoU 3.6 points better than the last round."),
        (0.8, 0.7, "Round 2: IoU 10.0 points worse than the last round."),
        (0.8, 0.8004, "Round 2: as good as the last round."),
        (None, 0.836, "Round 2: IoU 2.6 points better than labels alone."),
    ],
)
def test_the_headline_compares_with_the_last_round_or_with_labels_alone(
    before: float | None, after: float, headline: str
) -> None:
    former = {} if before is None else {**SCORES, "iou": before}
    info = replace(INFO, before=former, student={**SCORES, "iou": after})
    view = outcome.result_view(info, "unet", num_waiting=2)
    assert view.title == headline
    assert [row.label for row in view.scores][-1] == "Change (points)"
    assert len(view.scores) == (3 if before is None else 4)


def test_a_result_says_what_was_used_what_it_took_and_what_waits() -> None:
    view = outcome.result_view(INFO, "unet", num_waiting=1)
    text = "\n".join(view.lines)
    assert "Labels used: 4 (2 by hand, 1 accepted, 1 blank)" in text
    assert "41 actions" in text
    assert "Proposals for 2 images." in text
    assert "5 min" in text
    assert "all reviewed" in outcome.result_view(INFO, "unet", num_waiting=0).lines[-1]
    assert "only 1 validation image: a few points may be chance" in text
    assert view.scores[-1].iou == "+3.6"
    assert (view.scores[-1].tone, view.scores[-1].accuracy_tone) == ("good", "neutral")


@pytest.mark.parametrize(("share", "is_told"), [(None, False), (0.26, True), (0.97, False)])
def test_it_is_told_if_little_of_the_first_models_objects_counted(
    share: float | None, is_told: bool
) -> None:
    info = replace(INFO, kept_foreground=share)
    warnings = outcome.result_view(info, "unet", num_waiting=1).warnings
    assert any("sure of only 26% of its objects' pixels" in words for words in warnings) == is_told


def test_a_round_whose_folder_was_removed_says_so() -> None:
    view = outcome.result_view(INFO, "unet", num_waiting=1, is_gone=True)
    assert any("was removed" in warning for warning in view.warnings)
    record = RoundRecord(1, 1_700_000_000.0, "unet", "chip.runs/round-2", INFO.to_json())
    row = outcome.round_row(record, INFO, is_gone=True)
    assert row.is_gone
    assert "was removed" in row.tooltip


def test_what_is_noted_of_a_round_is_read_again() -> None:
    assert info_of(INFO.to_json()) == INFO
    assert info_of({"number": 1}) is None
    assert info_of({"images": {"labelled": ["x"]}, "number": 1}) is None
