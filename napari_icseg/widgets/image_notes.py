"""One line for the note on the image shown."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QWidget

_BREAK = " ⏎ "


class ImageNotes(QWidget):
    """Signals: `edited()` while the user types, `left()` when Enter or another place ends it.

    A note of several lines, as imports may bring, is shown in one and stays as it is.
    """

    edited = Signal()
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Note on this image")
        self.field.setMaxLength(10_000)
        self.field.setToolTip(
            "A note on this image, saved by itself; Enter goes back to the image.\n"
            "The search above the list finds it, and COCO files have it"
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.field)
        self.field.textEdited.connect(lambda _text: self.edited.emit())
        self.field.editingFinished.connect(self.left)

    @property
    def text(self) -> str:
        """The note."""
        return str(self.field.text()).replace(_BREAK, "\n")

    def begin(self) -> None:
        """Lets the user write, behind what is there."""
        self.field.setFocus()
        self.field.end(False)

    def show_text(self, text: str, *, can_edit: bool) -> None:
        """Shows a note, without emitting."""
        shown = text.replace("\r\n", "\n").replace("\n", _BREAK)
        if shown != self.field.text():
            self.field.setText(shown)
            self.field.setCursorPosition(0)
        self.field.setReadOnly(not can_edit)
