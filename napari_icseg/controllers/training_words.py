"""What a run is doing, in words and figures; pure functions of its snapshot."""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING

from napari_icseg.controllers.training_curves import curve_view
from napari_icseg.controllers.training_queue import Queue
from napari_icseg.controllers.wording import counted
from napari_icseg.widgets.training_view import ModelRow, RunView
from trainers.progress import WORKING, RunState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.widgets.training_view import Tone
    from trainers.progress import EpochPoint, RunStatus

MODEL_LABELS = {
    "unet": "U-Net",
    "sam_seg": "SAM-SEG",
    "sam_det": "SAM-DET",
    "rsprompter": "RSPrompter",
}
EXPLANATIONS = {
    "unet": "Small and fast, learns from a few images.",
    "sam_seg": "SAM-2 learns to find a whole class; it can also answer your clicks afterwards.",
    "sam_det": "Finds a box around each object, then SAM-2 draws its outline.",
    "rsprompter": "Finds each object by prompts that it learns for SAM-2. Slow without a GPU.",
}
TONES: dict[RunState, Tone] = {
    RunState.QUEUED: "neutral",
    RunState.RUNNING: "active",
    RunState.PAUSED: "neutral",
    RunState.FINISHED: "good",
    RunState.CANCELLED: "neutral",
    RunState.FAILED: "bad",
    RunState.INTERRUPTED: "warning",
}
_RESUMABLE = (RunState.INTERRUPTED, RunState.CANCELLED, RunState.FAILED)
_CANCELLABLE = (RunState.QUEUED, *WORKING)
NO_RUN = RunView(sentence="No training yet. The button above starts one.")
CLICK_MODELS = ("sam_seg",)
"""Models with a whole SAM-2 in them, which can answer clicks."""


class Pending(Enum):
    """What was asked of a run and has not happened yet, in words."""

    STOPPING = "Stopping…"
    PAUSING = "Pausing after the present step…"
    CONTINUING = "Going on…"


def run_view(
    run: RunSnapshot,
    *,
    remaining_s: float | None,
    pending: Pending | None = None,
    queue: Queue | None = None,
) -> RunView:
    """Return what the dock shows of a run.

    Args:
        run: the run.
        remaining_s: the expected time to its end.
        pending: what the user has asked of it.
        queue: all runs that work or wait; None for this one alone.

    """
    status, queue = run.status, queue or Queue.of([run])
    is_free = pending is None
    return RunView(
        name=run.name,
        title=f"{model_label(run)}, started {moment(run.created_unix_s)}",
        sentence=pending.value if pending is not None else sentence(run, queue),
        tone=TONES[status.state],
        detail=_detail(status, remaining_s) if status.state in WORKING else "",
        fraction=status.fraction if status.num_steps else None,
        has_progress=status.state in WORKING,
        can_pause=status.state is RunState.RUNNING and is_free,
        can_continue=status.state is RunState.PAUSED and is_free,
        can_cancel=status.state in _CANCELLABLE and pending is not Pending.STOPPING,
        can_resume=status.state in _RESUMABLE and is_free,
        is_waiting=status.state is RunState.QUEUED,
        queue=_others_waiting(run, queue),
        curves=curve_view(status),
        warnings=tuple(dict.fromkeys(status.warnings)),
    )


def sentence(run: RunSnapshot, queue: Queue | None = None) -> str:
    """Return the state as a sentence that says what can be done next."""
    status = run.status
    if status.state is RunState.QUEUED:
        return _waiting(run, queue or Queue.of([run]))
    if status.state is RunState.RUNNING:
        return "Training…" if status.num_steps else "Starting the training process…"
    if status.state is RunState.PAUSED:
        return "Training is paused. Continue goes on where it stands."
    if status.state is RunState.FINISHED:
        return _result(status)
    if status.state is RunState.FAILED:
        return f"Training failed: {status.reason or 'see the log.'}"
    if status.state is RunState.INTERRUPTED:
        return f"Training was interrupted (its process ended). {_resume_hint(status)}"
    return f"Training was cancelled. {_resume_hint(status)}"


def _waiting(run: RunSnapshot, queue: Queue) -> str:
    place, worker = queue.place(run.name), queue.working
    if place > 1:
        return f"Waiting: number {place} in the queue. One training runs at a time."
    if worker is None:
        return "Waiting to start."
    other = f"{model_label(worker)} of {moment(worker.created_unix_s)}"
    if worker.status.state is RunState.PAUSED:
        return f"Waiting for {other}, which is paused: continue or cancel that one."
    return f"Waiting: starts when {other} has ended. One training runs at a time."


def _others_waiting(run: RunSnapshot, queue: Queue) -> str:
    others = [other for other in queue.waiting if other.name != run.name]
    if not others:
        return ""
    names = ", ".join(f"{model_label(o)} of {moment(o.created_unix_s)}" for o in others)
    verb = "also waits" if run.status.state is RunState.QUEUED else "waits"
    if len(others) > 1:
        verb = verb.replace("waits", "wait")
    return f"{counted(len(others), 'training')} {verb}: {names}."


def model_row(
    run: RunSnapshot, *, chosen: str | None, click_model: str = "", queue: Queue | None = None
) -> ModelRow:
    """Return the run's row in the model list; its scores are those of the best epoch.

    `chosen` names the run that pre-fills, `click_model` is the folder of that which answers
    clicks.
    """
    status = run.status
    scores = scores_of(run)
    state = status.state.value
    if status.state is RunState.QUEUED:
        state = f"waits ({(queue or Queue.of([run])).place(run.name)})"
    return ModelRow(
        name=run.name,
        label=model_label(run),
        created_unix_s=run.created_unix_s,
        state=state,
        tone=TONES[status.state],
        epochs=f"{status.epoch}/{status.num_epochs}" if status.num_epochs else "",
        pixel_accuracy=scores.get("pixel_accuracy"),
        iou=scores.get("iou"),
        dice=scores.get("dice"),
        can_prefill=can_prefill(run),
        is_chosen=run.name == chosen,
        can_click=can_click(run),
        is_clicked_with=str(run.run_dir) == click_model,
        has_warnings=bool(status.warnings),
    )


def can_click(run: RunSnapshot) -> bool:
    """Say whether the run's model can answer clicks already."""
    return can_prefill(run) and run.status.model in CLICK_MODELS


def can_prefill(run: RunSnapshot) -> bool:
    """Say whether the run has a checkpoint: there is one after each epoch."""
    if run.is_round:  # its folder stands for its last model
        return run.status.state is RunState.FINISHED
    return run.status.epoch >= 1


def model_label(run: RunSnapshot) -> str:
    """Return the kind of model as people write it."""
    name = run.status.model or (run.request.model if run.request else "")
    label = MODEL_LABELS.get(name, name or "unknown")
    data = run.request.data_label if run.request else ""
    return f"{label}, {data}" if data else label


def run_label(run: RunSnapshot) -> str:
    """Return a run as a list of choices names it: model, how good it is, when it began."""
    iou = scores_of(run).get("iou")
    score = "" if iou is None else f"IoU {iou:.2f}, "
    return f"{model_label(run)}, {score}{moment(run.created_unix_s)}"


def scores_of(run: RunSnapshot) -> Mapping[str, float]:
    """Return what the kept weights reach on the validation tiles; empty while unknown."""
    best = best_epoch(run.status)
    return run.metrics if run.is_round else {} if best is None else best.val


def best_epoch(status: RunStatus) -> EpochPoint | None:
    """Return the epoch with the best validation IoU, whose weights are kept; None before it."""
    scored = [point for point in status.curves.epochs if "iou" in point.val]
    return max(scored, key=lambda point: point.val["iou"], default=None)


def duration(seconds: float) -> str:
    """Return a time to wait as a person would say it."""
    if seconds < 45:
        return "less than a minute"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {max(1, minutes)} min"
    return f"about {minutes // 60} h {minutes % 60} min"


def _detail(status: RunStatus, remaining_s: float | None) -> str:
    if not status.num_steps:
        return "This takes some seconds."
    epoch = min(status.epoch + 1, status.num_epochs)
    words = [f"Epoch {epoch} of {status.num_epochs}", f"step {status.step} of {status.num_steps}"]
    if remaining_s is not None:
        words.append(f"{duration(remaining_s)} left")
    elif status.state is RunState.RUNNING and status.expected_s is None:
        words.append("timing the first steps…")
    return " · ".join(words)


def _result(status: RunStatus) -> str:
    best = best_epoch(status)
    if best is None:
        return "Finished."
    names = (("iou", "IoU"), ("dice", "Dice"), ("pixel_accuracy", "pixel accuracy"))
    scores = ", ".join(f"{label} {best.val[key]:.3f}" for key, label in names if key in best.val)
    early = ""
    if status.epoch < status.num_epochs:
        early = f" Stopped after epoch {status.epoch}: it no longer got better."
    return f"Finished. Validation: {scores} (epoch {best.epoch} of {status.num_epochs}).{early}"


def _resume_hint(status: RunStatus) -> str:
    if not status.num_steps:
        return "Resume starts it again."
    return f"Resume continues from epoch {min(status.epoch + 1, status.num_epochs)}."


def moment(unix_s: float) -> str:
    """Return a time in short, in the local zone."""
    return time.strftime("%d %b %H:%M", time.localtime(unix_s))
