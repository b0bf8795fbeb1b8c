"""What the Training dock shows: frozen snapshots that a controller makes and the widgets draw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from qtpy.QtGui import QImage

Tone = Literal["neutral", "active", "good", "warning", "bad"]


@dataclass(frozen=True)
class Entry:
    """One entry of a box to choose from; `key` is what it means."""

    key: object
    text: str
    tooltip: str = ""


@dataclass(frozen=True)
class ModelOption:
    """A model that can be trained, and its presets; the first is the default."""

    name: str
    label: str
    explanation: str
    """One line on what it is good for."""
    presets: tuple[str, ...]
    has_sam: bool = False
    """Whether a SAM-2, which can be chosen, is a part of it."""


@dataclass(frozen=True)
class TrainingChoice:
    """What the user asked for; None leaves a number to the preset."""

    model: str
    preset: str
    epochs: int | None
    class_id: int | None = None
    """The only class; None for all."""
    split: str | None = None
    """The only images; None for all."""
    device: str = "auto"
    batch_size: int | None = None
    lr: float | None = None
    sam: str | None = None
    """The SAM-2 inside; None for the preset's."""


@dataclass(frozen=True)
class SetupView:
    """The upper part: what there is to train on, and whether training can start."""

    summary: str = ""
    problem: str = ""
    """Why training cannot start, and what to do; empty if it can."""
    can_train: bool = False
    busy_text: str = ""
    """Shown beside the bar while the labels are written; empty when nothing is written."""
    busy_fraction: float | None = None
    train_text: str = "Retrain on everything labelled"
    """On the button."""
    train_tooltip: str = "Train on every image that is labelled or marked as blank"
    classes: tuple[Entry, ...] = ()
    """Keys are class ids, the first None for all; a single one leaves nothing to choose."""
    splits: tuple[Entry, ...] = ()
    """Keys are splits, the first None for all images."""


@dataclass(frozen=True)
class CurveView:
    """Curves over epochs (fractions of an epoch for single steps); all of one length each."""

    steps_epoch: tuple[float, ...] = ()
    steps_loss: tuple[float, ...] = ()
    epochs: tuple[float, ...] = ()
    train_loss: tuple[float, ...] = ()
    val_loss: tuple[float, ...] = ()
    val_iou: tuple[float, ...] = ()


@dataclass(frozen=True)
class RunView:
    """The run in the middle of the dock."""

    name: str = ""
    title: str = ""
    sentence: str = ""
    tone: Tone = "neutral"
    detail: str = ""
    fraction: float | None = None
    """0..1; None while nothing can be said yet: the bar then moves to and fro."""
    has_progress: bool = False
    can_pause: bool = False
    can_continue: bool = False
    can_cancel: bool = False
    can_resume: bool = False
    is_waiting: bool = False
    """Cancelling then takes it out of the queue."""
    queue: str = ""
    """Which other runs wait; empty if none does."""
    curves: CurveView = field(default_factory=CurveView)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class PreviewView:
    """Predictions on some validation tiles; without a picture nothing is shown."""

    image: QImage | None = None
    caption: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    """Colour (#rrggbb) and name of each class."""


@dataclass(frozen=True)
class ModelRow:
    """One row of the model list; a metric that was not measured is None."""

    name: str
    label: str
    created_unix_s: float
    state: str
    tone: Tone
    epochs: str
    """Done and planned, "3/20"; empty before the first."""
    pixel_accuracy: float | None
    iou: float | None
    dice: float | None
    can_prefill: bool
    is_chosen: bool
    can_click: bool = False
    """Its model can answer clicks."""
    is_clicked_with: bool = False
    has_warnings: bool = False


@dataclass(frozen=True)
class PrefillView:
    """The lower part: the model that pre-fills tiles, and what it has proposed."""

    chosen_label: str = ""
    status: str = ""
    tone: Tone = "neutral"
    can_prefill: bool = False
    num_proposals: int = 0
    is_automatic: bool = False
