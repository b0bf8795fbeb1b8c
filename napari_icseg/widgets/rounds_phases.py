"""The parts of a round that runs: done, at work, to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_icseg.widgets.relayout import Relayout
from napari_icseg.widgets.tones import set_toned_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.widgets.rounds_view import PhaseView
    from napari_icseg.widgets.training_view import Tone

_MARKS = {"todo": "○", "active": "▶", "done": "✓"}
_TONES: dict[str, Tone] = {"todo": "neutral", "active": "active", "done": "good"}
_MAX_PHASES = 4


class PhaseList(QWidget):
    """One line a phase: a mark, what it does, how far it is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = [(QLabel(), QLabel(), QLabel()) for _ in range(_MAX_PHASES)]
        self._relayout = Relayout(self)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(1, 1)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for number, (mark, text, detail) in enumerate(self.rows):
            grid.addWidget(mark, number, 0)
            grid.addWidget(text, number, 1)
            grid.addWidget(detail, number, 2, right)
        self.set_phases(())

    def set_phases(self, phases: Sequence[PhaseView]) -> None:
        """Show these phases; without any, nothing."""
        for number, (mark, text, detail) in enumerate(self.rows):
            phase = phases[number] if number < len(phases) else None
            set_toned_text(
                mark,
                _MARKS[phase.state] if phase else "",
                _TONES[phase.state] if phase else "neutral",
            )
            for label, words in (
                (text, phase.text if phase else ""),
                (detail, phase.detail if phase else ""),
            ):
                label.setText(words)
                label.setVisible(bool(words))
        self.setVisible(bool(phases))
        self._relayout.start()
