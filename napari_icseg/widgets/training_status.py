"""The running (or chosen) training: what it does in words, its bar, Cancel, Resume and log."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets.tones import set_toned_text
from napari_icseg.widgets.training_view import RunView

_BAR_STEPS = 1000


class RunPanel(QWidget):
    """One run in words and figures. Emits `cancel_clicked`, `resume_clicked`, `log_toggled`."""

    cancel_clicked = Signal(str)
    resume_clicked = Signal(str)
    log_toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = ""
        self.title = _wrapped_label()
        self.sentence = _wrapped_label()
        self.bar = QProgressBar()
        self.detail = _wrapped_label()
        self.warnings = _wrapped_label()
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop the training; it can be resumed later")
        self.resume = QPushButton("Resume")
        self.resume.setToolTip("Go on from the last checkpoint")
        self._lay_out()
        self.cancel.clicked.connect(self._on_cancel_clicked)
        self.resume.clicked.connect(self._on_resume_clicked)
        self.set_view(RunView())

    def set_view(self, view: RunView) -> None:
        """Show another snapshot."""
        self._name = view.name
        self.title.setText(view.title)
        self.title.setVisible(bool(view.title))
        set_toned_text(self.sentence, view.sentence, view.tone)
        self.detail.setText(view.detail)
        self.detail.setVisible(bool(view.detail))
        set_toned_text(self.warnings, "\n".join(view.warnings), "warning")
        set_fraction(self.bar, view.fraction)
        self.bar.setVisible(view.has_progress)
        self.cancel.setEnabled(view.can_cancel)
        self.resume.setEnabled(view.can_resume)
        self.cancel.setVisible(bool(view.name))
        self.resume.setVisible(bool(view.name))

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.resume)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (self.title, self.sentence, self.bar, self.detail, self.warnings):
            layout.addWidget(widget)
        layout.addLayout(buttons)

    def _on_cancel_clicked(self) -> None:
        self.cancel_clicked.emit(self._name)

    def _on_resume_clicked(self) -> None:
        self.resume_clicked.emit(self._name)


class LogPanel(QWidget):
    """The run's log behind a header that opens it. Emits `toggled(is_open)`."""

    toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.header = QToolButton()
        self.header.setText("Log")
        self.header.setCheckable(True)
        self.header.setArrowType(Qt.ArrowType.RightArrow)
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setToolTip("What the training process writes")
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setMinimumHeight(120)
        self.text.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.header)
        layout.addWidget(self.text)
        self.header.toggled.connect(self._on_header_toggled)

    @property
    def is_open(self) -> bool:
        """Whether the text is shown."""
        return bool(self.header.isChecked())

    def set_text(self, text: str) -> None:
        """Replace the text; the view stays at the end unless the user has scrolled up."""
        if text == self.text.toPlainText():
            return
        scroll = self.text.verticalScrollBar()
        at_end, position = scroll.value() >= scroll.maximum() - 1, scroll.value()
        self.text.setPlainText(text)
        scroll.setValue(scroll.maximum() if at_end else position)

    def _on_header_toggled(self, checked: bool) -> None:
        self.header.setArrowType(Qt.ArrowType.DownArrow if checked else Qt.ArrowType.RightArrow)
        self.text.setVisible(checked)
        self.toggled.emit(checked)


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
