"""What a round is doing and what it changed, in words and figures; pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_icseg.controllers import training_words
from napari_icseg.controllers.training_words import MODEL_LABELS, Pending, moment
from napari_icseg.controllers.wording import counted
from napari_icseg.widgets.rounds_view import PhaseView, ResultView, RoundRow, ScoreRow
from napari_icseg.widgets.training_view import CurveView, Entry
from trainers.progress import WORKING, RunState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_icseg.controllers.rounds_record import RoundInfo
    from napari_icseg.controllers.training_queue import Queue
    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.project.records import RoundRecord
    from napari_icseg.widgets.rounds_view import PhaseState
    from napari_icseg.widgets.training_view import RunView, Tone
    from trainers.progress import RunStatus

METHODS = (
    Entry(
        "confidence",
        "confidence (recommended)",
        "The first model's labels count where it is sure: pixels below a threshold that is "
        "chosen on the validation images teach nothing.",
    ),
    Entry(
        "mean_teacher",
        "mean teacher",
        "A running average of the model labels what it has not seen, again at every step. Best "
        "with few labels; the slowest.",
    ),
    Entry(
        "paper",
        "paper (as published)",
        "Every label of the first model counts as if a person had drawn it.",
    ),
)
PHASES = {
    "teacher": "Teacher: learns from the labels",
    "labelling": "Labelling: it labels the rest",
    "student": "Student: learns from both",
    "proposing": "Proposing: labels for your review",
}
_SOURCES = {
    "manual": "by hand",
    "accepted": "accepted proposals",
    "edited": "edited proposals",
    "blank": "blank",
}
_TONES: Mapping[str, Tone] = {"+": "good", "-": "warning", "±": "neutral"}
_MIN_CHANGE = 0.0005
"""A smaller difference is none when it is written with two digits."""


def method_label(method: str) -> str:
    """Return a method as people write it."""
    known = {str(entry.key): entry.text for entry in METHODS}
    return known.get(method, method).partition(" (")[0]


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
        title=f"Round {number_of(run)}: {view.title.replace(f', round {number_of(run)}', '')}",
        sentence=words,
        detail=detail,
        fraction=run.status.fraction if run.status.phases else None,
        curves=CurveView(),
    )


def number_of(run: RunSnapshot) -> int:
    """Return the round's number, 0 if it does not tell."""
    number = run.request.facts.get("number") if run.request is not None else None
    return number if isinstance(number, int) else 0


def _sentence(run: RunSnapshot, otherwise: str) -> str:
    status = run.status
    if status.state is RunState.RUNNING:
        return "The round is running…" if status.phases else "Starting the round…"
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
    return tuple(
        PhaseView(
            PHASES.get(name, name),
            _phase_state(place, present),
            _phase_detail(status) if place == present else "",
        )
        for place, name in enumerate(status.phases)
    )


def _phase_state(place: int, present: int) -> PhaseState:
    if place == present:
        return "active"
    return "done" if place < present else "todo"


def _phase_detail(status: RunStatus) -> str:
    if not status.num_steps:
        return ""
    if status.phase in ("labelling", "proposing"):
        return f"{status.step:,} of {counted(status.num_steps, 'image')}"
    if status.num_epochs:
        return f"epoch {min(status.epoch + 1, status.num_epochs)} of {status.num_epochs}"
    return f"{100 * status.step // status.num_steps} %"


def result_view(
    info: RoundInfo, model: str, *, num_waiting: int, can_review: bool = True, is_gone: bool = False
) -> ResultView:
    """Return what a finished round changed.

    Args:
        info: of the round.
        model: its kind.
        num_waiting: proposals that nobody has reviewed yet.
        can_review: there is a Review dock.
        is_gone: the round's folder was removed.

    """
    warnings = [*info.left_out]
    if info.is_new_validation:
        warnings.append("The validation images are new: scores of earlier rounds do not compare.")
    if is_gone:
        warnings.append(
            "The folder of this round was removed: its model and its marks of doubt are gone. "
            "Its proposals can still be reviewed."
        )
    return ResultView(
        title=_headline(info),
        scores=_score_rows(info),
        lines=_lines(info, model, num_waiting),
        warnings=tuple(warnings),
        num_waiting=num_waiting,
        can_review=can_review,
    )


def _headline(info: RoundInfo) -> str:
    before, after = (info.before or info.teacher).get("iou"), info.student.get("iou")
    if before is None or after is None:
        return f"Round {info.number} has finished."
    than = "the last round" if info.before else "labels alone"
    if abs(after - before) < _MIN_CHANGE:
        return f"Round {info.number}: as good as {than}."
    word = "better" if after > before else "worse"
    return f"Round {info.number}: {100 * abs(after - before):.1f} points {word} than {than}."


def _score_rows(info: RoundInfo) -> tuple[ScoreRow, ...]:
    base = info.before or info.teacher
    rows = [
        _row("Last round", info.before, "The model of the round before, on the same images"),
        _row("Labels alone", info.teacher, "A model trained on the labels of this round only"),
        _row("This round", info.student, "The model trained on labels and on unlabelled images"),
    ]
    known = [row for row in rows if row is not None]
    if known and (iou := _change(base.get("iou"), info.student.get("iou"))):
        since = "the last round" if info.before else "labels alone"
        accuracy = _change(base.get("pixel_accuracy"), info.student.get("pixel_accuracy"))
        tooltip = f"This round against {since}, in points (hundredths), on the same images"
        known.append(ScoreRow("Change (points)", iou, accuracy, tooltip, _TONES[iou[0]]))
    return tuple(known)


def _row(label: str, scores: Mapping[str, float], tooltip: str) -> ScoreRow | None:
    if not scores:
        return None
    iou, accuracy = _text(scores.get("iou")), _text(scores.get("pixel_accuracy"))
    return ScoreRow(label, iou, accuracy, tooltip)


def _text(score: float | None) -> str:
    return "–" if score is None else f"{score:.4f}"


def _change(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return ""
    points = 100 * (after - before)
    return "±0.00" if abs(points) < 0.005 else f"{points:+.2f}"


def _lines(info: RoundInfo, model: str, num_waiting: int) -> tuple[str, ...]:
    sources = ", ".join(
        f"{info.sources[name]:,} {words}"
        for name, words in _SOURCES.items()
        if info.sources.get(name)
    )
    since = "since the round before" if info.number > 1 else "so far"
    wait = counted(info.num_proposed, "proposal")
    reviewed = f", {counted(num_waiting, 'image')} to review" if num_waiting else ", all reviewed"
    return (
        f"{MODEL_LABELS.get(model, model)}, {method_label(info.method)}; "
        f"{counted(len(info.validation), 'validation image')}.",
        f"Labels used: {info.num_labels:,} ({sources}).",
        f"Your work {since}: {counted(info.num_actions, 'action')}.",
        f"{wait}{reviewed if info.num_proposed else ''}. {_took(info.seconds)}",
    )


def _took(seconds: float) -> str:
    return f"Took {training_words.duration(seconds).removeprefix('about ')}."


def round_row(record: RoundRecord, info: RoundInfo, *, is_gone: bool = False) -> RoundRow:
    """Return the round's row in the list of all."""
    gone = "\nIts folder was removed: its model cannot be used any more." if is_gone else ""
    lines = "\n".join(_lines(info, record.model, 0)[:3])
    return RoundRow(
        number=info.number,
        model=MODEL_LABELS.get(record.model, record.model),
        num_labels=info.num_labels,
        iou=info.student.get("iou"),
        pixel_accuracy=info.student.get("pixel_accuracy"),
        teacher_iou=info.teacher.get("iou"),
        tooltip=f"Round {info.number} of {moment(info.started_unix_s)}\n{lines}{gone}",
        is_gone=is_gone,
    )
