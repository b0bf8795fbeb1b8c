"""What waits for a decision: how many proposals, a threshold for their scores, and buttons."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from napari_icseg.widgets.key_texts import with_keys
from napari_icseg.widgets.tones import set_toned_text

PERCENT = 100


@dataclass(frozen=True)
class ProposalView:
    """What the bar shows.

    Attributes:
        num: proposals of the image.
        num_chosen: those that the threshold lets through.
        focus: the focused one in words; empty without one.
        status: what the last search did, and its tone.
        is_busy: a search is going on.
        over_accepted: proposals may lie on accepted objects.

    """

    num: int = 0
    num_chosen: int = 0
    focus: str = ""
    status: str = ""
    tone: str = "neutral"
    is_busy: bool = False
    over_accepted: bool = False


class ProposalBar(QWidget):
    """Hidden while there is nothing to say.

    Signals: `triggered(action)`, `threshold_changed(score)` with 0..1, `cancelled()`,
    `over_toggled(is_on)`.
    """

    triggered = Signal(str)
    threshold_changed = Signal(float)
    cancelled = Signal()
    over_toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLabel()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.over = _button("Over accepted", "Propose also what is accepted already in its class")
        self.over.setCheckable(True)
        self.cancel = _button("Stop", "Stop finding objects")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, PERCENT)
        self.slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.slider.setToolTip("Lowest score: proposals below it are only dotted and not accepted")
        self.score = QLabel()
        self.score.setToolTip(self.slider.toolTip())
        # the theme's padding comes on top of the text
        self.score.setText("score ≥ 0.00")
        self.score.setMinimumWidth(self.score.fontMetrics().horizontalAdvance("score ≥ 0.00") + 24)
        self.previous = self._action("◀", "previous_proposal", "Previous proposal")
        self.next = self._action("▶", "next_proposal", "Next proposal")
        self.accept = self._action("", "accept_proposals", "Save them as objects of this image")
        self.reject = self._action("Discard", "reject_proposals", "Throw all that are left away")
        self._lay_out()
        self.slider.valueChanged.connect(self._on_slider_changed)
        self.cancel.clicked.connect(lambda _checked=False: self.cancelled.emit())
        self.over.clicked.connect(self.over_toggled)
        self._show_score()
        self.set_view(ProposalView())

    @property
    def threshold(self) -> float:
        """The lowest score that is accepted, 0..1."""
        return float(self.slider.value()) / PERCENT

    def set_view(self, view: ProposalView) -> None:
        """Show another snapshot."""
        self.setVisible(bool(view.num or view.status))
        self.text.setText(view.focus or f"{view.num} proposals (dashed) wait for you")
        self.text.setVisible(view.num > 0)
        set_toned_text(self.status, view.status, view.tone)  # type: ignore[arg-type]
        self.status.setVisible(bool(view.status))
        self.cancel.setVisible(view.is_busy)
        self.over.setChecked(view.over_accepted)
        every = view.num_chosen == view.num
        number = f"all {view.num}" if every else f"{view.num_chosen} of {view.num}"
        self.accept.setText(f"Accept {number}")
        self.accept.setEnabled(view.num_chosen > 0)
        for widget in (self.slider, self.score, self.previous, self.next, self.accept, self.reject):
            widget.setVisible(view.num > 0)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widgets in (
            (self.text, None, self.previous, self.next),
            (self.score, self.slider),
            (self.accept, self.reject),
            (self.status, self.cancel, self.over),
        ):
            row = QHBoxLayout()
            row.setSpacing(4)
            for widget in widgets:
                if widget is None:
                    row.addStretch(1)
                else:
                    stretch = 2 if widget is self.accept else 1
                    grows = widget in (self.slider, self.accept, self.reject, self.status)
                    row.addWidget(widget, stretch if grows else 0)
            layout.addLayout(row)
        for arrow in (self.previous, self.next):
            arrow.setFixedWidth(30)

    def _action(self, text: str, action: str, tooltip: str) -> QPushButton:
        button = with_keys(QPushButton(), text=text, tooltip=f"{tooltip} ({{{action}}})")
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda _checked=False: self.triggered.emit(action))
        return button

    def _on_slider_changed(self, _value: int) -> None:
        self._show_score()
        self.threshold_changed.emit(self.threshold)

    def _show_score(self) -> None:
        self.score.setText(f"score ≥ {self.threshold:.2f}")


def _button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button
