"""The running (or chosen) training: what it does in words, its bar, its buttons and its log."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets.fold import Fold
from napari_icseg.widgets.relayout import Relayout
from napari_icseg.widgets.tones import set_toned_text
from napari_icseg.widgets.training_view import RunView

_BAR_STEPS = 1000


class RunPanel(QWidget):
    """One run in words and figures.

    Emits `pause_clicked`, `continue_clicked`, `cancel_clicked` and `resume_clicked` with its name.
    """

    pause_clicked = Signal(str)
    continue_clicked = Signal(str)
    cancel_clicked = Signal(str)
    resume_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = RunView()
        self._relayout = Relayout(self)
        self.title, self.sentence = _wrapped_label(), _wrapped_label()
        self.bar = QProgressBar()
        self.detail, self.warnings, self.queue = (_wrapped_label() for _ in range(3))
        self.pause, self.cancel = QPushButton("Pause"), QPushButton("Cancel")
        self.resume = QPushButton("Resume")
        self.resume.setToolTip("Go on from the last checkpoint")
        self._lay_out()
        self.pause.clicked.connect(self._on_pause_clicked)
        self.cancel.clicked.connect(lambda: self.cancel_clicked.emit(self._view.name))
        self.resume.clicked.connect(lambda: self.resume_clicked.emit(self._view.name))
        self.set_view(RunView())

    def set_view(self, view: RunView) -> None:
        """Show another snapshot."""
        if view != self._view:
            self._relayout.start()
        self._view = view
        for label, text in ((self.title, view.title), (self.detail, view.detail)):
            label.setText(text)
            label.setVisible(bool(text))
        self.queue.setText(view.queue)
        self.queue.setVisible(bool(view.queue))
        set_toned_text(self.sentence, view.sentence, view.tone)
        set_toned_text(self.warnings, "\n".join(f"⚠ {w}" for w in view.warnings), "warning")
        set_fraction(self.bar, view.fraction)
        self.bar.setVisible(view.has_progress)
        self._set_buttons(view)

    def _set_buttons(self, view: RunView) -> None:
        self.pause.setText("Continue" if view.can_continue else "Pause")
        self.pause.setToolTip(
            "Let the training go on"
            if view.can_continue
            else "Let the training wait, to have the machine for something else"
        )
        self.cancel.setText("Remove from queue" if view.is_waiting else "Cancel")
        self.cancel.setToolTip(
            "Do not start this training; Resume puts it back"
            if view.is_waiting
            else "Stop the training; it can be resumed later"
        )
        allowed = (
            (self.pause, view.can_pause or view.can_continue),
            (self.cancel, view.can_cancel),
            (self.resume, view.can_resume),
        )
        for button, is_allowed in allowed:
            button.setEnabled(is_allowed)
            button.setVisible(is_allowed)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.pause, self.cancel, self.resume):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (self.title, self.sentence, self.bar, self.detail, self.warnings):
            layout.addWidget(widget)
        layout.addLayout(buttons)
        layout.addWidget(self.queue)

    def _on_pause_clicked(self) -> None:
        if self._view.can_continue:
            self.continue_clicked.emit(self._view.name)
        else:
            self.pause_clicked.emit(self._view.name)


class LogPanel(Fold):
    """The run's log behind a header that opens it. Emits `toggled(is_open)`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setMinimumHeight(120)
        self.text.setToolTip("The end of the file log.txt in the run's folder")
        super().__init__(
            "Log", self.text, tooltip="What the training process writes", parent=parent
        )

    def set_text(self, text: str) -> None:
        """Replace the text; the view stays at the end unless the user has scrolled up."""
        if text == self.text.toPlainText():
            return
        scroll = self.text.verticalScrollBar()
        at_end, position = scroll.value() >= scroll.maximum() - 1, scroll.value()
        self.text.setPlainText(text)
        scroll.setValue(scroll.maximum() if at_end else position)


def set_fraction(bar: QProgressBar, fraction: float | None) -> None:
    """Set a bar to a share of 0..1; None lets it move to and fro."""
    if fraction is None:
        bar.setRange(0, 0)
        return
    bar.setRange(0, _BAR_STEPS)
    bar.setValue(round(fraction * _BAR_STEPS))


def _wrapped_label() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    # plain text: paths and reasons may hold characters that Qt would take for markup
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
