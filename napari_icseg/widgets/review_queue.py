"""The images that wait for a decision, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.widgets.review_view import QueueRow

_HEADERS = (
    ("Waiting", "The images that wait, in the chosen order; a click shows one"),
    ("Conf.", "Mean probability of the image's pixels"),
    ("IoU", "The foreground IoU that is to be expected"),
)
_ROW_PX = 20
_NUMBER_PX = 52
_DISPLAY, _TOOLTIP = Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole
_NO_PARENT = QModelIndex()


class QueueModel(QAbstractTableModel):
    """The rows as a table; a row that was decided on is taken out alone."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[QueueRow] = []

    def set_rows(self, rows: Sequence[QueueRow]) -> None:
        """Show these rows; where one is gone, only that one is taken out."""
        pairs = zip(self.rows, rows, strict=False)
        gone = next((n for n, (old, new) in enumerate(pairs) if old is not new), len(rows))
        if len(rows) == len(self.rows) and gone == len(rows):
            return
        if len(rows) == len(self.rows) - 1 and self.rows[gone + 1 :] == list(rows[gone:]):
            self.beginRemoveRows(QModelIndex(), gone, gone)
            del self.rows[gone]
            self.endRemoveRows()
            return
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        """Qt's hook."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        """Qt's hook."""
        return 0 if parent.isValid() else len(_HEADERS)

    def data(self, index: QModelIndex, role: int = _DISPLAY) -> Any:
        """Qt's hook."""
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role == _DISPLAY:
            return (row.name, row.confidence, row.predicted_iou)[index.column()]
        if role == _TOOLTIP:
            return row.name
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column():
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> Any:
        """Qt's hook."""
        if orientation != Qt.Orientation.Horizontal or role not in (_DISPLAY, _TOOLTIP):
            return None
        return _HEADERS[section][role == _TOOLTIP]


class ReviewQueueTable(QWidget):
    """Emits `image_chosen(image_id)` when a row is clicked."""

    image_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model, self.view = QueueModel(), QTableView()
        self.view.setModel(self.model)
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.view.setShowGrid(False)
        self.view.setWordWrap(False)
        self.view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(_ROW_PX)
        header = self.view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        for column in (1, 2):
            self.view.setColumnWidth(column, _NUMBER_PX)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self.view.clicked.connect(self._on_view_clicked)

    def set_rows(self, rows: Sequence[QueueRow], current_id: int | None) -> None:
        """Show these, and select the one under review if it is among them."""
        self.model.set_rows(rows)
        place = next((n for n, row in enumerate(rows) if row.image_id == current_id), None)
        if place is None:
            self.view.clearSelection()
        elif self.view.currentIndex().row() != place or not self.view.selectedIndexes():
            self.view.selectRow(place)
            self.view.scrollTo(self.model.index(place, 0))

    def _on_view_clicked(self, index: QModelIndex) -> None:
        self.image_chosen.emit(self.model.rows[index.row()].image_id)
