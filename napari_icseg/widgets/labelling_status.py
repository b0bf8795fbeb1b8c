"""What the click loop says: the candidate, what to do next, and what is being computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_icseg.widgets.candidate_chips import CandidateChips
from napari_icseg.widgets.keymap import ACTIVE_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

# edges, with a contrast of 3 or more on napari's dark and on its light ground
HINT_COLORS = {"info": "#4f80dd", "done": "#2c944a", "warning": "#b2760c", "error": "#d94a55"}


class LabellingStatus(QWidget):
    """The candidate, what is being computed, a chip a candidate, a hint with a coloured edge."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.candidate = QLabel()
        self.candidate.setToolTip("The mask shown, how many there are, and the model's own score")
        self.chips = CandidateChips()
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self.hint.setMinimumHeight(42)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        # words, no moving bar: without a graphics card each of its frames draws the whole canvas
        self.busy = QLabel()
        # its colour is that of the theme, see `tones`
        self.busy.setProperty("tone", "active")
        self.busy.setProperty("isLong", "true")
        # the candidate's words come first, and nothing widens the dock
        self.busy.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.busy.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        # of fixed height: nothing may jump under the mouse when the words come and go
        self.candidate.setFixedHeight(20)
        top = QHBoxLayout()
        top.addWidget(self.candidate)
        top.addWidget(self.busy, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self.chips)
        layout.addWidget(self.hint)
        self.set_candidate("")
        self.set_hint("", "info")
        self.set_busy("")

    def set_candidate(self, text: str) -> None:
        """Shows a line such as "net 1/3 · score 0.93"; empty: no candidate."""
        shown = ACTIVE_KEYS.fill(text)
        self.candidate.setText(f"<b>{shown or 'No candidate'}</b>")

    def set_candidates(self, texts: Sequence[str], index: int) -> None:
        """Shows a chip for each candidate; `index` is the one on the canvas."""
        self.chips.set_candidates(texts, index)

    def set_hint(self, text: str, kind: str) -> None:
        """Shows what to do next.

        Args:
            text: One or two lines; `{accept}` and other actions stand for their keys.
            kind: "info", "done", "warning" or "error".

        """
        self.hint.setText(ACTIVE_KEYS.fill(text))
        self.hint.setStyleSheet(
            f"QLabel {{ border: none; border-left: 3px solid {HINT_COLORS[kind]};"
            " padding: 2px 6px; background: rgba(128, 128, 128, 30); }"
        )

    def set_busy(self, text: str) -> None:
        """Shows what is being computed, for example "Embedding the image…"; empty: nothing."""
        self.busy.setText(text)
