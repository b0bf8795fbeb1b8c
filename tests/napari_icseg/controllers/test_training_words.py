"""What the Training dock says of a run, and what it counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from napari_icseg.controllers import training_words as words
from napari_icseg.controllers.training_curves import MAX_DRAWN_STEPS, curve_view
from napari_icseg.controllers.training_data import DataSummary, summarise
from napari_icseg.controllers.training_pace import Pace
from napari_icseg.controllers.training_queue import Queue
from napari_icseg.jobs.request import RunRequest
from napari_icseg.jobs.watcher import RunSnapshot
from napari_icseg.project.records import ImageRecord, ImageStatus
from trainers.data.splits import Candidate, assign_splits
from trainers.progress import Curves, EpochPoint, RunState, RunStatus, StepPoint


def snapshot(state: RunState, *, epoch: int = 2, num_steps: int = 40, **changes: object):
    points = tuple(
        EpochPoint(n, 1.0 / n, 1.2 / n, {"iou": iou, "dice": 0.9, "pixel_accuracy": 0.95})
        for n, iou in zip(range(1, epoch + 1), (0.5, 0.8, 0.7), strict=False)
    )
    steps = tuple(StepPoint(n, 1.0, 0.1) for n in range(1, 5))
    fields = {"model": "unet", "epoch": epoch, "num_epochs": 20, "step": 4, "num_steps": num_steps}
    status = RunStatus(state=state, curves=Curves(steps, points), **{**fields, **changes})
    return RunSnapshot(Path("/runs/a"), status, RunRequest("unet"), 1_700_000_000.0)


@pytest.mark.parametrize("state", list(RunState))
def test_every_state_is_said_in_words_and_offers_what_it_allows(state: RunState) -> None:
    view = words.run_view(snapshot(state), remaining_s=None)

    assert view.sentence.endswith((".", "…"))
    working = (RunState.RUNNING, RunState.PAUSED)
    assert view.can_cancel == (state in (RunState.QUEUED, *working))
    assert view.can_pause == (state is RunState.RUNNING)
    assert view.can_continue == (state is RunState.PAUSED)
    assert view.can_resume == (state in (RunState.INTERRUPTED, RunState.CANCELLED, RunState.FAILED))
    assert view.has_progress == (state in working)


def waiting(name: str, queued_unix_s: float, model: str = "unet") -> RunSnapshot:
    run = snapshot(RunState.QUEUED, epoch=0, num_steps=0, model=model)
    return replace(run, run_dir=Path("/runs") / name, queued_unix_s=queued_unix_s)


def test_a_waiting_training_says_its_place_and_what_it_waits_for() -> None:
    running = snapshot(RunState.RUNNING)
    second, first = waiting("b", 20.0, "sam_seg"), waiting("c", 10.0)
    queue = Queue.of([running, second, first])

    assert queue.place("c") == 1
    assert words.sentence(first, queue).startswith("Waiting: starts when U-Net of ")
    assert words.sentence(second, queue).startswith("Waiting: number 2 in the queue.")
    assert words.model_row(second, chosen=None, queue=queue).state == "waits (2)"
    moment = words.moment(running.created_unix_s)
    others = f"2 trainings wait: U-Net of {moment}, SAM-SEG of {moment}."
    assert words.run_view(running, remaining_s=None, queue=queue).queue == others
    view = words.run_view(second, remaining_s=None, queue=queue)
    assert view.is_waiting
    assert view.queue == f"1 training also waits: U-Net of {moment}."


def test_a_training_that_waits_for_a_paused_one_says_so() -> None:
    queue = Queue.of([snapshot(RunState.PAUSED), waiting("c", 10.0)])

    assert "which is paused: continue or cancel that one" in words.sentence(queue.waiting[0], queue)


@pytest.mark.parametrize("pending", list(words.Pending))
def test_what_was_asked_for_is_said_and_not_offered_again(pending: words.Pending) -> None:
    view = words.run_view(snapshot(RunState.RUNNING), remaining_s=None, pending=pending)

    assert view.sentence == pending.value
    assert not view.can_pause
    assert view.can_cancel == (pending is not words.Pending.STOPPING)


def test_a_warning_told_twice_is_shown_once() -> None:
    run = snapshot(RunState.RUNNING, warnings=("Blank.", "Swapped.", "Blank."))

    assert words.run_view(run, remaining_s=None).warnings == ("Blank.", "Swapped.")
    assert words.model_row(run, chosen=None).has_warnings


def test_a_training_that_stopped_early_says_why() -> None:
    assert "Stopped after epoch 3: it no longer got better" in words.sentence(
        snapshot(RunState.FINISHED, epoch=3)
    )


def test_only_sam_seg_with_a_checkpoint_answers_clicks() -> None:
    assert words.can_click(snapshot(RunState.RUNNING, model="sam_seg"))
    assert not words.can_click(snapshot(RunState.RUNNING, model="sam_seg", epoch=0))
    assert not words.can_click(snapshot(RunState.FINISHED, model="rsprompter"))


def test_an_interrupted_training_says_where_resume_goes_on() -> None:
    sentence = words.sentence(snapshot(RunState.INTERRUPTED, epoch=2))

    assert sentence == (
        "Training was interrupted (its process ended). Resume continues from epoch 3."
    )
    early = words.sentence(snapshot(RunState.INTERRUPTED, epoch=0, num_steps=0))
    assert early.endswith("Resume starts it again.")


def test_a_failure_is_shown_with_its_reason() -> None:
    failed = snapshot(RunState.FAILED, reason="The loss became nan. Lower lr.")

    assert words.sentence(failed) == "Training failed: The loss became nan. Lower lr."


def test_scores_are_those_of_the_best_epoch_whose_weights_are_kept() -> None:
    finished = snapshot(RunState.FINISHED, epoch=3)

    row = words.model_row(finished, chosen="a")
    assert (row.iou, row.dice, row.pixel_accuracy) == (0.8, 0.9, 0.95)
    assert row.epochs == "3/20"
    assert row.is_chosen
    assert "IoU 0.800" in words.sentence(finished)
    assert "epoch 2 of 20" in words.sentence(finished)


def test_scores_not_measured_are_none_and_no_zero() -> None:
    row = words.model_row(snapshot(RunState.FAILED, epoch=0), chosen=None)

    assert (row.iou, row.dice, row.pixel_accuracy) == (None, None, None)
    assert not row.can_prefill


def test_progress_names_epoch_step_and_time_left() -> None:
    view = words.run_view(snapshot(RunState.RUNNING), remaining_s=240.0)

    assert view.detail == "Epoch 3 of 20 · step 4 of 40 · about 4 min left"
    assert view.fraction == pytest.approx(0.1)
    starting = words.run_view(snapshot(RunState.RUNNING, epoch=0, num_steps=0), remaining_s=None)
    assert starting.fraction is None
    assert starting.sentence.startswith("Starting")


def test_steps_are_drawn_between_the_epochs_they_belong_to() -> None:
    curves = curve_view(snapshot(RunState.RUNNING).status)  # 2 steps an epoch

    assert curves.steps_epoch == (0.5, 1.0, 1.5, 2.0)
    assert curves.epochs == (1.0, 2.0)
    assert curves.val_iou == (0.5, 0.8)


def test_a_long_run_is_thinned_before_it_is_drawn() -> None:
    steps = tuple(StepPoint(n, 1.0, 0.1) for n in range(100_000))
    curves = curve_view(RunStatus(num_steps=100_000, num_epochs=10, curves=Curves(steps)))

    assert len(curves.steps_epoch) == len(curves.steps_loss) <= MAX_DRAWN_STEPS
    assert curves.steps_epoch[-1] == pytest.approx(10.0, abs=0.05)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3, "less than a minute"), (60, "about 1 min"), (3000, "about 50 min"), (4000, "about 1 h 7")],
)
def test_durations_read_like_speech(seconds: float, text: str) -> None:
    assert words.duration(seconds).startswith(text)


def test_the_time_left_is_measured_once_enough_was_seen() -> None:
    pace = Pace()
    first = RunStatus(state=RunState.RUNNING, step=10, num_steps=110, expected_s=220.0)
    assert pace.remaining_s(first, now_s=0.0) == pytest.approx(200.0)  # what the run expects

    later = RunStatus(state=RunState.RUNNING, step=30, num_steps=110, expected_s=220.0)
    assert pace.remaining_s(later, now_s=10.0) == pytest.approx(40.0)  # 2 steps/s, 80 to go


def test_the_time_left_starts_anew_after_a_break() -> None:
    pace = Pace()
    pace.remaining_s(RunStatus(state=RunState.RUNNING, step=50, num_steps=100), now_s=0.0)
    pace.remaining_s(RunStatus(state=RunState.CANCELLED, step=60, num_steps=100), now_s=60.0)

    resumed = RunStatus(state=RunState.RUNNING, step=60, num_steps=100)
    assert pace.remaining_s(resumed, now_s=4000.0) is None, "the hour of rest is no pace"


def image(number: int, status: ImageStatus, split: str | None = None) -> ImageRecord:
    num_objects = 3 if status is ImageStatus.LABELLED else 0
    return ImageRecord(number, f"t{number}.png", 64, 64, status, split, num_objects, "")


def finished_images(num_labelled: int, num_blank: int) -> list[ImageRecord]:
    labelled = [image(n, ImageStatus.LABELLED) for n in range(num_labelled)]
    return labelled + [image(100 + n, ImageStatus.BLANK) for n in range(num_blank)]


def test_the_summary_is_the_split_that_the_training_will_draw() -> None:
    summary = summarise(finished_images(14, 3))

    candidates = [Candidate(str(n), is_blank=n >= 14, split=None) for n in range(17)]
    num_val = assign_splits(candidates, val_fraction=0.15, seed=0).count("val")
    assert summary.text == f"14 labelled, 3 blank → {17 - num_val} train / {num_val} validation"
    assert num_val >= 1


@pytest.mark.parametrize("num_finished", [0, 1])
def test_too_few_labels_say_how_many_are_missing(num_finished: int) -> None:
    summary = summarise(finished_images(num_finished, 0))

    missing = 2 - num_finished
    assert f"{missing} more {'is' if missing == 1 else 'are'} needed" in summary.problem
    assert "→" not in summary.text


def test_images_kept_for_testing_are_not_trained_on() -> None:
    summary = summarise([*finished_images(4, 0), image(50, ImageStatus.LABELLED, "test")])

    assert (summary.num_test, summary.num_train + summary.num_val) == (1, 4)
    assert "1 kept for testing" in summary.text


def test_a_split_given_by_the_user_is_stated_as_it_is() -> None:
    given = [image(n, ImageStatus.LABELLED, "val" if n < 3 else None) for n in range(5)]

    assert summarise(given) == DataSummary(5, 0, 0, 2, 3)
    everything_val = [image(n, ImageStatus.LABELLED, "val") for n in range(3)]
    assert "none is left to train on" in summarise(everything_val).problem


def test_a_run_is_named_by_model_best_score_and_time_in_a_choice() -> None:
    assert words.run_label(snapshot(RunState.FINISHED, epoch=3)).startswith("U-Net, IoU 0.80, ")
    early = snapshot(RunState.RUNNING, epoch=0)
    assert words.run_label(early) == f"U-Net, {words.moment(early.created_unix_s)}"
