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

from napari_icseg.widgets.keeps_table import KeepsRow, KeepsTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

SCOPES = (("started", "all images with labels"), ("done", "only images marked as done or blank"))
_WIDTH_PX = 560


@dataclass(frozen=True, slots=True)
class FormatChoice:
    """A format that can be chosen: its key, what it is called and is, and what it keeps."""

    key: str
    title: str
    explanation: str
    keeps: tuple[KeepsRow, ...]


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """The key of a format, a scope of SCOPES, and the folder to write into."""

    format: str
    scope: str
    out_dir: Path


class ExportDialog(QDialog):
    """Asks for format, scope and folder; `choice()` after it was accepted."""

    def __init__(
        self,
        formats: Sequence[FormatChoice],
        suggested: ExportChoice,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export labels")
        self._formats = formats
        self.format = _combo([(each.key, each.title) for each in formats], suggested.format)
        self.format.setToolTip("What the files are for; below is what they keep of the labels.")
        self.explanation = QLabel()
        self.keeps = KeepsTable([row.feature for row in formats[0].keeps])
        self.scope = _combo(SCOPES, suggested.scope)
        self.scope.setToolTip("Images without any label are never written.")
        self.folder = QLineEdit(str(suggested.out_dir))
        self.folder.setToolTip("Files of the same names are replaced, others left alone.")
        self.browse = QPushButton("…")
        self.browse.setToolTip("Choose the folder")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        export = self.buttons.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
        export.setDefault(True)
        export.setToolTip("Writes the files; labelling goes on meanwhile")
        self._lay_out()
        self.format.currentIndexChanged.connect(self._on_format_changed)
        self.browse.clicked.connect(self._on_browse_clicked)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._on_format_changed(self.format.currentIndex())

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
        form.addRow("Keeps", self.keeps)
        form.addRow("Images", self.scope)
        form.addRow("Folder", row)
        form.addRow(self.buttons)
        self.setMinimumWidth(_WIDTH_PX)

    def _on_format_changed(self, index: int) -> None:
        chosen = self._formats[index]
        self.explanation.setText(chosen.explanation)
        self.keeps.show_rows(chosen.keeps)

    def _on_browse_clicked(self, _checked: bool = False) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Export into", self.folder.text())
        if folder:
            self.folder.setText(folder)


def ask_export(
    parent: QWidget, formats: Sequence[FormatChoice], suggested: ExportChoice
) -> ExportChoice | None:
    """Shows the dialog; None if it was cancelled."""
    dialog = ExportDialog(formats, suggested, parent)
    accepted = dialog.exec()
    choice = dialog.choice()
    dialog.deleteLater()
    return choice if accepted else None


def _combo(items: Sequence[tuple[str, str]], chosen: str) -> QComboBox:
    combo = QComboBox()
    for key, text in items:
        combo.addItem(text, key)
    combo.setCurrentIndex(max(combo.findData(chosen), 0))
    return combo
