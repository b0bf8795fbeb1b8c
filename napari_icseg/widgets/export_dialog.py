"""What to export, and where to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
)

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

FORMATS = (
    ("coco", "COCO, run-length masks", "One JSON file. Keeps holes and objects of several parts."),
    ("coco-polygons", "COCO, polygons", "One JSON file for tools that need polygons. Loses holes."),
    ("png", "PNG masks", "A class mask and an instance mask for each image."),
)
SCOPES = (("started", "all images with labels"), ("done", "only images marked as done or blank"))


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """A format of FORMATS, a scope of SCOPES, and the folder to write into."""

    format: str
    scope: str
    out_dir: Path


class ExportDialog(QDialog):
    """Asks for format, scope and folder; `choice()` after it was accepted."""

    def __init__(self, out_dir: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export labels")
        self.format = QComboBox()
        for key, text, _tooltip in FORMATS:
            self.format.addItem(text, key)
        self.explanation = QLabel()
        self.explanation.setWordWrap(True)
        self.scope = QComboBox()
        for key, text in SCOPES:
            self.scope.addItem(text, key)
        self.folder = QLineEdit(str(out_dir))
        self.browse = QPushButton("…")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
        self._lay_out()
        self.format.currentIndexChanged.connect(self._on_format_changed)
        self.browse.clicked.connect(self._on_browse_clicked)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._on_format_changed(0)

    def choice(self) -> ExportChoice:
        """What was chosen."""
        return ExportChoice(
            str(self.format.currentData()),
            str(self.scope.currentData()),
            Path(self.folder.text()),
        )

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        row = QHBoxLayout()
        row.addWidget(self.folder, 1)
        row.addWidget(self.browse)
        form.addRow("Format", self.format)
        form.addRow("", self.explanation)
        form.addRow("Images", self.scope)
        form.addRow("Folder", row)
        form.addRow(self.buttons)
        self.setMinimumWidth(460)

    def _on_format_changed(self, index: int) -> None:
        self.explanation.setText(FORMATS[index][2])

    def _on_browse_clicked(self, _checked: bool = False) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Export into", self.folder.text())
        if folder:
            self.folder.setText(folder)


def ask_export(parent: QWidget, out_dir: Path) -> ExportChoice | None:
    """Shows the dialog; None if it was cancelled."""
    dialog = ExportDialog(out_dir, parent)
    accepted = dialog.exec()
    choice = dialog.choice()
    dialog.deleteLater()
    return choice if accepted else None
