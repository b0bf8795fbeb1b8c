"""What a round is doing, in words and figures; pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_icseg.controllers import training_words
from napari_icseg.controllers.training_words import MODEL_LABELS, moment
from napari_icseg.controllers.wording import counted
from napari_icseg.widgets.rounds_view import PhaseView
from napari_icseg.widgets.training_view import CurveView, Entry
from trainers.progress import WORKING, RunState

if TYPE_CHECKING:
    from napari_icseg.controllers.training_queue import Queue
    from napari_icseg.controllers.training_words import Pending
    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.widgets.rounds_view import PhaseState
    from napari_icseg.widgets.training_view import RunView
    from trainers.progress import RunStatus

METHODS = (
    Entry(
        "confidence",
        "confidence (recommended)",
        "The first model's labels count only where it is sure.",
    ),
    Entry(
        "mean_teacher",
        "mean teacher",
        "A running average of the model labels at every step: best with few labels, slowest.",
    ),
    Entry(
        "paper",
        "paper (as published)",
        "Every label of the first model counts as if a person had drawn it.",
    ),
)
PHASES = {
    "teacher": (
        "Teacher",
        "learns from labels",
        "A model is trained on your labels alone; its score tells what they are worth.",
    ),
    "labelling": (
        "Labelling",
        "labels the rest",
        "The teacher labels every unlabelled image, for the student only.",
    ),
    "student": (
        "Student",
        "learns from both",
        "A second model starts afresh, and learns from your labels and from the unlabelled images.",
    ),
    "proposing": (
        "Proposing",
        "labels for your review",
        "The student says what it sees on each unlabelled image, and how sure it is.",
    ),
}
_MEANWHILE = "What you label meanwhile stays as it is, and counts in the next round."
_HALTED = (RunState.PAUSED, RunState.CANCELLED, RunState.INTERRUPTED, RunState.QUEUED)


def round_view(
    run: RunSnapshot,
    *,
    remaining_s: float | None,
    pending: Pending | None = None,
    queue: Queue | None = None,
) -> RunView:
    """Return what the dock shows of a round's job; arguments as of `training_words.run_view`."""
    view = training_words.run_view(run, remaining_s=None, pending=pending, queue=queue)
    detail = ""
    if run.status.state in WORKING:
        left = "" if remaining_s is None else f"{training_words.duration(remaining_s)} left"
        detail = " · ".join(part for part in (_place(run.status), left) if part)
    words = view.sentence if pending is not None else _sentence(run, view.sentence)
    return replace(
        view,
        title=_title(run),
        sentence=words,
        detail=detail,
        fraction=run.status.fraction if run.status.phases else None,
        curves=CurveView(),
    )


def _title(run: RunSnapshot) -> str:
    model = run.status.model or (run.request.model if run.request is not None else "")
    method = method_label(run.request.method) if run.request is not None else ""
    parts = (MODEL_LABELS.get(model, model), method, moment(run.created_unix_s))
    return f"Round {number_of(run)}: {', '.join(part for part in parts if part)}"


def number_of(run: RunSnapshot) -> int:
    """Return the round's number, 0 if it does not tell."""
    number = run.request.facts.get("number") if run.request is not None else None
    return number if isinstance(number, int) else 0


def _sentence(run: RunSnapshot, otherwise: str) -> str:
    status = run.status
    if status.state is RunState.RUNNING:
        is_told = bool(status.phases)
        return f"The round is running. {_MEANWHILE}" if is_told else "Starting the round…"
    if status.state is RunState.PAUSED:
        return "The round is paused. Continue goes on where it stands."
    if status.state is RunState.FINISHED:
        return "The round has finished."
    if status.state is RunState.FAILED:
        return (
            f"The round failed: {status.reason or 'see the log.'} Resume goes on from there; "
            "nothing of your labels is lost."
        )
    hint = "Resume goes on where it stood; Next round begins a new one."
    if status.state is RunState.INTERRUPTED:
        return f"The round was interrupted (its process ended). {hint}"
    if status.state is RunState.CANCELLED:
        return f"The round was cancelled. {hint}"
    return otherwise


def _place(status: RunStatus) -> str:
    if status.phase not in status.phases:
        return "This takes some seconds."
    return f"Part {status.phases.index(status.phase) + 1} of {len(status.phases)}"


def phase_views(run: RunSnapshot) -> tuple[PhaseView, ...]:
    """Return the parts of a round, with how far the present one is."""
    status = run.status
    if status.state is RunState.FINISHED or not status.phases:
        return ()
    present = status.phases.index(status.phase) if status.phase in status.phases else -1
    views = []
    for place, phase in enumerate(status.phases):
        name, text, tooltip = PHASES.get(phase, (phase, "", ""))
        detail = _phase_detail(status) if place == present else ""
        words = " · ".join(part for part in (text, detail) if part)
        state = _phase_state(status.state, place, present)
        views.append(PhaseView(name, words, state, tooltip))
    return tuple(views)


def _phase_state(state: RunState, place: int, present: int) -> PhaseState:
    if place != present:
        return "done" if place < present else "todo"
    if state is RunState.FAILED:
        return "failed"
    return "halted" if state in _HALTED else "active"


def _phase_detail(status: RunStatus) -> str:
    if not status.num_steps:
        return ""
    if status.phase in ("labelling", "proposing"):
        return f"{status.step:,}/{counted(status.num_steps, 'image')}"
    if status.num_epochs:
        return f"epoch {min(status.epoch + 1, status.num_epochs)}/{status.num_epochs}"
    return f"{100 * status.step // status.num_steps} %"


def method_label(method: str) -> str:
    """Return a method as people write it."""
    known = {str(entry.key): entry.text for entry in METHODS}
    return known.get(method, method).partition(" (")[0]
