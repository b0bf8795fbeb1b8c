"""The page shown while no project is open."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

WELCOME = (
    "<h3>Label SEM images by clicks</h3>"
    "<p>Open a folder of images (PNG, TIFF, JPEG or BMP). A project file is made beside them;"
    " every accepted object is saved in it at once.</p>"
)


class LabellingStart(QWidget):
    """Says what can be opened. Emits `action("open_folder" | "open_project" | "open_sample")`."""

    action = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        welcome = QLabel(WELCOME)
        welcome.setWordWrap(True)
        self.open_folder = self._build(
            "Open folder…", "open_folder", "Label the images of a folder; makes a project there"
        )
        self.open_project = self._build(
            "Open project…", "open_project", "Go on with a .icseg project file"
        )
        self.open_sample = self._build(
            "Sample tiles", "open_sample", "Try it on small made-up SEM tiles"
        )
        self.message = QLabel()
        self.message.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        for widget in (welcome, self.open_folder, self.open_project, self.open_sample):
            layout.addWidget(widget)
        layout.addWidget(self.message)
        layout.addStretch(1)

    def set_busy(self, text: str) -> None:
        """Shows what is being opened and greys the buttons; empty: ready again."""
        self.message.setText(text)
        for button in (self.open_folder, self.open_project, self.open_sample):
            button.setEnabled(not text)

    def _build(self, text: str, action: str, tooltip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tooltip)
        button.setMinimumHeight(34)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.clicked.connect(lambda _checked=False: self.action.emit(action))
        return button
