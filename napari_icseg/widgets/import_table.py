"""A file's classes, each with the project's class that it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QComboBox, QHeaderView, QTableWidget, QTableWidgetItem

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_icseg.widgets.import_view import ImportView, MapRow

_SWATCH_PX = 12
_HEADERS = ("Class in the file", "Objects", "Becomes")


class ImportTable(QTableWidget):
    """One row a class; `mapping()` says what was chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_HEADERS), parent)
        self.setHorizontalHeaderLabels(list(_HEADERS))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setShowGrid(False)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setToolTip("Which class of the project the objects of each class of the file get")
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)

    def set_view(self, view: ImportView) -> None:
        """Show the classes; a class of the project with the same name is chosen."""
        self.setRowCount(len(view.rows))
        for number, row in enumerate(view.rows):
            name = QTableWidgetItem(swatch(row.color), row.name)
            count = QTableWidgetItem(f"{row.num_objects:,}")
            count.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.setItem(number, 0, name)
            self.setItem(number, 1, count)
            self.setCellWidget(number, 2, _targets(row, view))
        self.resizeRowsToContents()

    def mapping(self) -> dict[str, str | None]:
        """The project's class for each of the file's; None leaves its objects out."""
        chosen: dict[str, str | None] = {}
        for number in range(self.rowCount()):
            item, box = self.item(number, 0), self.target_box(number)
            if item is not None:
                chosen[item.text()] = box.currentData() or None
        return chosen

    def target_box(self, row: int) -> QComboBox:
        """The choice of a row."""
        box = self.cellWidget(row, 2)
        assert isinstance(box, QComboBox)
        return box


def _targets(row: MapRow, view: ImportView) -> QComboBox:
    box = QComboBox()
    for name, color in view.targets:
        box.addItem(swatch(color), name, name)
    if not row.existing:
        box.addItem(swatch(row.color), f"{row.name} (new class)", row.name)
    box.addItem("Leave out", "")
    box.setCurrentIndex(box.findData(row.existing or row.name))
    box.setToolTip(f"What the objects of {row.name} become in the project")
    return box


def swatch(color: str) -> QIcon:
    """A square of a colour, #rrggbb."""
    picture = QPixmap(_SWATCH_PX, _SWATCH_PX)
    picture.fill(QColor(color))
    return QIcon(picture)
