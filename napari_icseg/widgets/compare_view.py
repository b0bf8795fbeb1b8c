"""What the window that compares models shows: frozen snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_icseg.widgets.training_view import Entry, Tone


@dataclass(frozen=True)
class Score:
    """One number of a model; `low` and `high` are its 95 % interval where there is one."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    is_gain: bool = False
    """A difference, which has a sign."""


@dataclass(frozen=True)
class CompareRow:
    """One model."""

    label: str
    scores: tuple[Score, ...]
    note: str = ""
    """What speaks against its scores; empty if nothing does."""


@dataclass(frozen=True)
class CompareView:
    """Everything the window shows."""

    models: str = ""
    """Which models are compared."""
    images: tuple[Entry, ...] = ()
    """On which images they can be compared."""
    can_start: bool = False
    is_busy: bool = False
    fraction: float | None = None
    """0..1; None while nothing can be said."""
    status: str = ""
    tone: Tone = "neutral"
    metrics: tuple[tuple[str, str], ...] = ()
    """Names of the columns, and what they mean."""
    rows: tuple[CompareRow, ...] = ()
