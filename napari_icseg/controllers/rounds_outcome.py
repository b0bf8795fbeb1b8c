"""What a finished round changed, in words and figures; pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_icseg.controllers import training_words
from napari_icseg.controllers.rounds_words import method_label
from napari_icseg.controllers.training_words import MODEL_LABELS, moment
from napari_icseg.controllers.wording import counted
from napari_icseg.widgets.rounds_view import ResultView, RoundRow, ScoreRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_icseg.controllers.rounds_record import RoundInfo
    from napari_icseg.project.records import RoundRecord
    from napari_icseg.widgets.training_view import Tone

_SOURCES = {
    "manual": "by hand",
    "accepted": "accepted",
    "edited": "edited",
    "blank": "blank",
}
LITTLE = 0.5
"""Share of a model's objects that counts, below which it is told."""
FEW_IMAGES = 10
"""With fewer to measure with, one image more or less right is points of difference."""


def result_view(
    info: RoundInfo, model: str, *, num_waiting: int, is_gone: bool = False
) -> ResultView:
    """Return what a finished round changed.

    Args:
        info: of the round.
        model: its kind.
        num_waiting: images whose proposals nobody has reviewed yet.
        is_gone: the round's folder was removed.

    """
    warnings = [*info.left_out]
    if info.is_new_validation:
        warnings.append("The validation images are new: scores of earlier rounds do not compare.")
    if info.kept_foreground is not None and info.kept_foreground < LITTLE:
        warnings.append(
            f"The first model was sure of only {info.kept_foreground:.0%} of its objects' pixels; "
            "the others did not count."
        )
    if is_gone:
        warnings.append(
            "The folder of this round was removed: its model and its marks of doubt are gone. "
            "Its proposals can still be reviewed."
        )
    title, tone = _headline(info)
    return ResultView(
        title=title,
        tone=tone,
        scores=_score_rows(info),
        lines=_lines(info, model, num_waiting),
        warnings=tuple(warnings),
        num_waiting=num_waiting,
    )


def _headline(info: RoundInfo) -> tuple[str, Tone]:
    change = _points((info.before or info.teacher).get("iou"), info.student.get("iou"))
    if change is None:
        return f"Round {info.number} has finished.", "neutral"
    than = "the last round" if info.before else "labels alone"
    if not change:
        return f"Round {info.number}: as good as {than}.", "neutral"
    word = "better" if change > 0 else "worse"
    words = f"Round {info.number}: IoU {abs(change):.1f} points {word} than {than}."
    return words, _tone(change)


def _score_rows(info: RoundInfo) -> tuple[ScoreRow, ...]:
    base = info.before or info.teacher
    rows = [
        _row("Last round", info.before, "The model of the round before, on the same images"),
        _row("Labels alone", info.teacher, "A model trained on the labels of this round only"),
        _row("This round", info.student, "The model trained on labels and on unlabelled images"),
    ]
    known = [row for row in rows if row is not None]
    change = _points(base.get("iou"), info.student.get("iou"))
    if known and change is not None:
        since = "the last round" if info.before else "labels alone"
        accuracy = _points(base.get("pixel_accuracy"), info.student.get("pixel_accuracy"))
        tooltip = f"This round against {since}, in points (hundredths), on the same images"
        texts, tones = (_signed(change), _signed(accuracy)), (_tone(change), _tone(accuracy))
        known.append(ScoreRow("Change (points)", *texts, tooltip, *tones))
    return tuple(known)


def _row(label: str, scores: Mapping[str, float], tooltip: str) -> ScoreRow | None:
    if not scores:
        return None
    iou, accuracy = _text(scores.get("iou")), _text(scores.get("pixel_accuracy"))
    return ScoreRow(label, iou, accuracy, tooltip)


def _text(score: float | None) -> str:
    return "–" if score is None else f"{score:.3f}"


def _points(before: float | None, after: float | None) -> float | None:
    """Return the change in hundredths, as exact as it is shown."""
    return None if before is None or after is None else round(100 * (after - before), 1)


def _signed(points: float | None) -> str:
    if points is None:
        return ""
    return f"{points:+.1f}".replace("-", "−") if points else "±0.0"


def _tone(points: float | None) -> Tone:
    if not points:
        return "neutral"
    return "good" if points > 0 else "warning"


def _lines(info: RoundInfo, model: str, num_waiting: int) -> tuple[str, ...]:
    sources = ", ".join(
        f"{info.sources[name]:,} {words}"
        for name, words in _SOURCES.items()
        if info.sources.get(name)
    )
    since = "since the last round" if info.number > 1 else "so far"
    return (
        f"{MODEL_LABELS.get(model, model)}, {method_label(info.method)}; "
        f"{_measured(len(info.validation))}.",
        f"Labels used: {info.num_labels:,} ({sources}).",
        f"Your work: {counted(info.num_actions, 'action')} {since}.",
        f"{_proposals(info, num_waiting)} {_took(info.seconds)}",
    )


def _measured(num_images: int) -> str:
    images = counted(num_images, "validation image")
    return f"only {images}: a few points may be chance" if num_images < FEW_IMAGES else images


def _proposals(info: RoundInfo, num_waiting: int) -> str:
    """Say what came of them; how many wait is on the button."""
    if not info.num_proposed:
        return "No proposals."
    rest = "" if num_waiting else ", all reviewed"
    return f"Proposals for {counted(info.num_proposed, 'image')}{rest}."


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
