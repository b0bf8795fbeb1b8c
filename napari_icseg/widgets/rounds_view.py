"""What the Rounds dock shows: frozen snapshots that a controller makes and the widgets draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from napari_icseg.widgets.training_view import Tone

PhaseState = Literal["todo", "active", "halted", "failed", "done"]


@dataclass(frozen=True)
class PhaseView:
    """One part of a round: its name, what it does and how far that is."""

    name: str
    text: str
    state: PhaseState
    tooltip: str = ""


@dataclass(frozen=True)
class ScoreRow:
    """Scores of one model on the validation split, as they are written."""

    label: str
    iou: str
    pixel_accuracy: str
    tooltip: str = ""
    tone: Tone = "neutral"
    accuracy_tone: Tone = "neutral"


@dataclass(frozen=True)
class ResultView:
    """What a finished round changed; without a title nothing is shown."""

    title: str = ""
    tone: Tone = "neutral"
    scores: tuple[ScoreRow, ...] = ()
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    num_waiting: int = 0
    failure: str = ""
    """Why its proposals are not in the project, and what to do."""
    busy_text: str = ""
    """Shown beside a bar while the proposals are read; empty otherwise."""
    busy_fraction: float | None = None


@dataclass(frozen=True)
class RoundRow:
    """One round in the list of all; a score that was not measured is None."""

    number: int
    model: str
    num_labels: int
    iou: float | None
    pixel_accuracy: float | None
    teacher_iou: float | None = None
    tooltip: str = ""
    is_gone: bool = False
    """Its folder was removed: its model cannot be used any more."""
