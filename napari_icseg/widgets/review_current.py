"""The image under review: what is known of it, and the buttons that decide."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from napari_icseg.widgets.action_buttons import ActionButton, ActionButtons
from napari_icseg.widgets.relayout import Relayout
from napari_icseg.widgets.review_view import CurrentView
from napari_icseg.widgets.tones import set_toned_text

_DECIDE = ("review_accept", "review_edit", "review_reject", "review_blank")
_WALK = ("review_back", "review_skip")
BUTTONS = (
    ActionButton(
        "review_accept",
        "Accept ({review_accept})",
        "The proposals become the image's labels, and it counts as labelled (key {review_accept})",
        0,
        0,
        6,
    ),
    ActionButton(
        "review_edit",
        "Edit ({review_edit})",
        "Correct them with the click tools; {mark_labelled} marks the image as done and goes on "
        "with the review (key {review_edit})",
        0,
        6,
        6,
    ),
    ActionButton(
        "review_reject",
        "Reject ({review_reject})",
        "Drop the proposals; the image stays unlabelled, and the next round may propose again "
        "(key {review_reject})",
        1,
        0,
        4,
    ),
    ActionButton(
        "review_blank",
        "Blank ({review_blank})",
        "There is nothing on this image: it trains as all background (key {review_blank})",
        1,
        4,
        4,
    ),
    ActionButton(
        "review_undo",
        "Undo ({review_undo})",
        "Take the last change back and show its image (key {review_undo})",
        1,
        8,
        4,
    ),
    ActionButton(
        "review_back",
        "‹ Before ({review_back})",
        "Go back to the image before that still waits (key {review_back})",
        2,
        0,
        6,
    ),
    ActionButton(
        "review_skip",
        "Later ({review_skip}) ›",
        "Decide later: go on to the next image (key {review_skip})",
        2,
        6,
        6,
    ),
)


class ReviewCurrent(QWidget):
    """Emits `action(name)` for its buttons, and a signal of its own for each of the others."""

    action = Signal(str)
    return_clicked = Signal()
    batch_clicked = Signal()
    next_round_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self.facts, self.hint = QLabel(), QLabel(), QLabel()
        self.name.setStyleSheet("font-weight: bold;")
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.buttons = ActionButtons(BUTTONS)
        self.go_on = _build_button("Go on with the review", "Show the image whose turn it is")
        self.batch = _build_button("", "See a sample of the surest proposals, then accept them all")
        self.next_round = _build_button("Next round…", "Open the Rounds dock")
        self._relayout = Relayout(self)
        self._lay_out()
        self.buttons.triggered.connect(self.action.emit)
        self.go_on.clicked.connect(lambda: self.return_clicked.emit())
        self.batch.clicked.connect(lambda: self.batch_clicked.emit())
        self.next_round.clicked.connect(lambda: self.next_round_clicked.emit())
        self.set_view(CurrentView())

    def set_view(self, view: CurrentView) -> None:
        """Show another snapshot."""
        is_laid_out = self._shape()
        self.name.setText(view.name)
        self.name.setVisible(bool(view.name))
        self.facts.setText(view.facts)
        self.facts.setVisible(bool(view.facts))
        set_toned_text(self.hint, view.hint, view.tone)
        for action in _DECIDE:
            self.buttons.set_enabled(action, enabled=view.can_decide)
        for action in _WALK:
            self.buttons.set_enabled(action, enabled=view.can_walk)
        self.buttons.set_enabled("review_undo", enabled=view.can_undo)
        self.buttons.setVisible(view.can_undo)
        self.go_on.setVisible(view.can_return)
        self.batch.setText(f"Accept the surest of {view.num_waiting:,} …")
        self.batch.setVisible(view.num_waiting > 1)
        self.next_round.setVisible(view.is_over)
        if self._shape() != is_laid_out:
            self._relayout.start()

    def _shape(self) -> tuple[bool, ...]:
        parts = (self.name, self.facts, self.hint, self.go_on, self.batch, self.next_round)
        return tuple(not part.isHidden() for part in parts)

    def _lay_out(self) -> None:
        for label in (self.facts, self.hint):
            label.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (
            *(self.name, self.facts, self.buttons, self.hint),
            *(self.go_on, self.batch, self.next_round),
        ):
            layout.addWidget(widget)


def _build_button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button
