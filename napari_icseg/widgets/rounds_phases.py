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

_MARKS = {"todo": "○", "active": "▶", "halted": "‖", "failed": "✗", "done": "✓"}
_TONES: dict[str, Tone] = {
    **{"todo": "neutral", "active": "active", "halted": "neutral"},
    **{"failed": "bad", "done": "good"},
}
_MAX_PHASES = 4


class PhaseList(QWidget):
    """One line a phase: a mark, its name, what it does and how far it is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = [(QLabel(), QLabel(), QLabel()) for _ in range(_MAX_PHASES)]
        self._relayout = Relayout(self)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(2, 1)
        for number, (mark, name, text) in enumerate(self.rows):
            text.setWordWrap(True)  # else a long line makes the dock wider than its window
            for column, label in enumerate((mark, name, text)):
                grid.addWidget(label, number, column, Qt.AlignmentFlag.AlignTop)
        self.set_phases(())

    def set_phases(self, phases: Sequence[PhaseView]) -> None:
        """Show these phases; without any, nothing."""
        for number, labels in enumerate(self.rows):
            phase = phases[number] if number < len(phases) else None
            texts = ("", "", "") if phase is None else (_MARKS[phase.state], phase.name, phase.text)
            for label, text in zip(labels, texts, strict=True):
                label.setText(text)
                label.setVisible(bool(text))
                label.setToolTip("" if phase is None else phase.tooltip)
            set_toned_text(labels[0], texts[0], "neutral" if phase is None else _TONES[phase.state])
        self.setVisible(bool(phases))
        self._relayout.start()
