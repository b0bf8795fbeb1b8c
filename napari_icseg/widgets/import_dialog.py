"""What to import, what it would bring, and what its classes become. Not modal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
)

from napari_icseg.widgets.import_table import ImportTable
from napari_icseg.widgets.import_view import ImportView
from napari_icseg.widgets.tones import set_toned_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

MERGES = (
    ("skip", "Leave as they are"),
    ("add", "Add to their objects"),
    ("replace", "Replace their objects"),
)
_FILES = "Labels (*.json *.yaml *.yml);;All files (*)"
_DETAILS_PX = 76


class ImportDialog(QDialog):
    """Asks what to import and shows a preview; nothing is written before "Import".

    Signals: `source_changed()` when file, folder or format changed; `import_wanted()`.
    """

    source_changed = Signal()
    import_wanted = Signal()

    def __init__(self, formats: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import labels")
        self.setModal(False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._build(formats)
        self._lay_out()
        self._connect()
        self.set_view(ImportView("Choose a file, or a folder with labels."))

    @property
    def source(self) -> Path | None:
        """The file or folder, if one is named."""
        text = self.path.text().strip()
        return Path(text) if text else None

    @property
    def images_dir(self) -> Path | None:
        """Where images lie that the project does not have, if that was said."""
        text = self.images.text().strip()
        return Path(text) if text else None

    def set_source(self, path: Path) -> None:
        """Name a file or folder as if it had been chosen."""
        self.path.setText(str(path))
        self._read_again()

    def set_progress(self, done: int, total: int) -> None:
        """How much has been read."""
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    def set_view(self, view: ImportView) -> None:
        """Show what was found."""
        set_toned_text(self.summary, view.summary, view.tone)
        self.progress.setVisible(view.is_busy)
        if view.is_busy:
            self.progress.setRange(0, 0)
        self.table.set_view(view)
        self.table.setVisible(bool(view.rows))
        self.details.setPlainText("\n".join(view.details))
        self.details.setVisible(bool(view.details))
        self.merge.setEnabled(view.num_worked_on > 0)
        self.import_button.setEnabled(view.can_import)

    def _build(self, formats: Sequence[tuple[str, str]]) -> None:
        self.path = QLineEdit()
        self.path.setPlaceholderText("COCO or LabelMe file, data.yaml, or a folder")
        self.path.setToolTip("The labels: a file, or a folder of label files or masks")
        self.file_button = _button("File…", "Choose a COCO or LabelMe file, or a data.yaml")
        self.folder_button = _button("Folder…", "Choose a folder: YOLO, LabelMe, VOC, masks")
        self.images = QLineEdit()
        self.images.setPlaceholderText("the project's images, and those beside the labels")
        self.images.setToolTip("Where to look for images that the project does not have")
        self.images_button = _button("…", "Choose a folder with images")
        self.format = QComboBox()
        self.format.setToolTip("How the labels are written")
        self.format.addItem("Find out", "")
        for key, title in formats:
            self.format.addItem(title, key)
        self.merge = QComboBox()
        self.merge.setToolTip("What happens to images that have labels already")
        for key, title in MERGES:
            self.merge.addItem(title, key)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.summary.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.table = ImportTable()
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setFixedHeight(_DETAILS_PX)
        self.details.setToolTip("What is left out, and why")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.import_button = QPushButton("Import")
        self.import_button.setToolTip("Bring the labels into the project; one undo takes them back")
        self.buttons.addButton(self.import_button, QDialogButtonBox.ButtonRole.AcceptRole)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Labels", _row(self.path, self.file_button, self.folder_button))
        form.addRow("Images", _row(self.images, self.images_button))
        form.addRow("Format", self.format)
        form.addRow("Labelled images", self.merge)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.summary)
        layout.addWidget(self.progress)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.details)
        layout.addStretch(0)
        layout.addWidget(self.buttons)
        self.resize(560, 460)

    def _connect(self) -> None:
        self.path.editingFinished.connect(self._on_edited)
        self.path.returnPressed.connect(self._read_again)  # the file may have been mended
        self.images.editingFinished.connect(self._on_edited)
        self.format.currentIndexChanged.connect(lambda _index: self.source_changed.emit())
        self.file_button.clicked.connect(lambda _checked=False: self._ask_file())
        self.folder_button.clicked.connect(lambda _checked=False: self._ask_folder(self.path))
        self.images_button.clicked.connect(lambda _checked=False: self._ask_folder(self.images))
        self.buttons.accepted.connect(self.import_wanted)
        self.buttons.rejected.connect(self.close)
        self._asked = ("", "")

    def _on_edited(self) -> None:
        asked = (self.path.text(), self.images.text())
        if asked != self._asked:  # leaving a field says so again, though nothing changed
            self._read_again()

    def _read_again(self) -> None:
        self._asked = (self.path.text(), self.images.text())
        self.source_changed.emit()

    def _ask_file(self) -> None:
        text = QFileDialog.getOpenFileName(self, "Labels", self.path.text(), _FILES)[0]
        if text:
            self.set_source(Path(text))

    def _ask_folder(self, field: QLineEdit) -> None:
        text = QFileDialog.getExistingDirectory(self, "Choose a folder", field.text())
        if text:
            field.setText(text)
            self._read_again()


def _button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setAutoDefault(False)
    return button


def _row(field: QLineEdit, *buttons: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(field, 1)
    for button in buttons:
        row.addWidget(button)
    return row
