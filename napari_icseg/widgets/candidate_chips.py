"""The candidates as a row of chips: what Tab will show, and their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QToolButton, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CHIPS = 3
HEIGHT_PX = 22
STYLE = """
QToolButton { border: 1px solid rgba(128, 128, 128, 120); border-radius: 10px; padding: 0 10px;
              background: transparent; }
QToolButton:hover { background: rgba(128, 128, 128, 70); }
QToolButton:checked { background: rgba(91, 141, 239, 150); border-color: #5b8def; }
"""
"""napari's themes do not show that a tool button is pressed in."""


class CandidateChips(QWidget):
    """Up to three chips. Emits `chosen(index)` on a click. Its height never changes."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT_PX)
        self.setStyleSheet(STYLE)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self._chips = [self._build_chip(index) for index in range(MAX_CHIPS)]
        for chip in self._chips:
            row.addWidget(chip)
        row.addStretch(1)

    def set_candidates(self, texts: Sequence[str], index: int) -> None:
        """Shows one chip a candidate; that of the mask on the canvas is pressed in."""
        for number, chip in enumerate(self._chips):
            is_there = number < len(texts)
            if is_there:
                chip.setText(texts[number])
            chip.setChecked(is_there and number == index)
            chip.setVisible(is_there)

    def texts(self) -> list[str]:
        """What the chips say."""
        return [chip.text() for chip in self._chips if not chip.isHidden()]

    def chip(self, index: int) -> QToolButton:
        """The chip of a candidate."""
        return self._chips[index]

    def _build_chip(self, index: int) -> QToolButton:
        chip = QToolButton()
        chip.setCheckable(True)
        chip.setFixedHeight(HEIGHT_PX)
        chip.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        chip.setToolTip(
            "A mask that the prompts may mean, and the overlap (IoU) the model expects of it"
        )
        chip.setVisible(False)
        chip.clicked.connect(lambda _checked=False: self.chosen.emit(index))
        return chip
