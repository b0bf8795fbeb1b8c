"""All results as a table that can be sorted by each column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QVBoxLayout, QWidget

from napari_icseg.widgets import tones
from napari_icseg.widgets.model_list import TABLE_STYLE
from napari_icseg.widgets.results_view import COLUMNS, STATE_COLUMN, TEXT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_icseg.widgets.results_view import ResultRow
    from napari_icseg.widgets.training_view import Tone

SORT_ROLE = Qt.ItemDataRole.UserRole
_ROW_PX = 20
_MAX_SELECTED = 2
_IOU_COLUMN = next(at for at, column in enumerate(COLUMNS) if column.title == "IoU")


class ResultsModel(QAbstractTableModel):
    """The rows as Qt sees them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[ResultRow, ...] = ()
        self._colors: Mapping[Tone, str] = tones.DARK

    def set_colors(self, colors: Mapping[Tone, str]) -> None:
        """Use these colours for the states."""
        self._colors = colors
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)

    def set_rows(self, rows: Sequence[ResultRow]) -> None:
        """Replace all rows."""
        self.beginResetModel()
        self.rows = tuple(rows)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Qt's hook."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Qt's hook."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Qt's hook: column names and what they mean."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].title
        return COLUMNS[section].meaning if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's hook: text, sort key, colour and alignment of a cell."""
        if not index.isValid():
            return None
        row, column = self.rows[index.row()], COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == SORT_ROLE:
            return column.sort_key(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tooltip(row)
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() not in TEXT_COLUMNS:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == STATE_COLUMN:
            color = self._colors.get(row.tone)
            return None if color is None else QColor(color)
        return None


class ResultsTable(QWidget):
    """Emits `selected(keys)`: one row, or the two that were chosen last, the earlier first."""

    selected = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ResultsModel(self)
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(self.model)
        self.sorted.setSortRole(SORT_ROLE)
        self.view = _build_view(self.sorted)
        self._chosen: tuple[str, ...] = ()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self.view.selectionModel().selectionChanged.connect(self._on_selection_changed)

    @property
    def chosen(self) -> tuple[str, ...]:
        """Keys of the rows that are looked at, at most two."""
        return self._chosen

    def set_rows(self, rows: Sequence[ResultRow]) -> None:
        """Show these; what is chosen stays chosen if it is still there."""
        if tuple(rows) == self.model.rows:
            return
        is_first = not self.model.rows
        blocked = self.view.selectionModel().blockSignals(True)
        self.model.set_rows(rows)
        self.choose(tuple(key for key in self._chosen if self._position(key) is not None))
        self.view.selectionModel().blockSignals(blocked)
        if is_first:
            self.view.resizeColumnsToContents()

    def choose(self, keys: Sequence[str]) -> None:
        """Highlight these rows; emits if that changes what is chosen."""
        selection = self.view.selectionModel()
        blocked = selection.blockSignals(True)
        selection.clear()
        flags = selection.SelectionFlag.Select | selection.SelectionFlag.Rows
        for key in keys:
            if (position := self._position(key)) is not None:
                index = self.sorted.mapFromSource(self.model.index(position, 0))
                selection.setCurrentIndex(index, flags)
                self.view.scrollTo(index)
        selection.blockSignals(blocked)
        self.view.viewport().update()
        self._take(tuple(keys)[-_MAX_SELECTED:])

    def _position(self, key: str) -> int | None:
        return next((at for at, row in enumerate(self.model.rows) if row.key == key), None)

    def _on_selection_changed(self) -> None:
        indexes = self.view.selectionModel().selectedRows()
        now = [self.model.rows[self.sorted.mapToSource(index).row()].key for index in indexes]
        kept = [key for key in self._chosen if key in now]
        chosen = (*kept, *(key for key in now if key not in kept))[-_MAX_SELECTED:]
        if len(now) > _MAX_SELECTED:
            self.choose(chosen)
        else:
            self._take(chosen)

    def _take(self, chosen: tuple[str, ...]) -> None:
        if chosen != self._chosen:
            self._chosen = chosen
            self.selected.emit(chosen)


def _tooltip(row: ResultRow) -> str:
    seed = "" if row.seed is None else f"seed {row.seed}"
    scored = f"Scored on: {row.tested_on}"
    lines = (row.title, seed, scored, f"From: {row.source}", row.setup, row.reason)
    return "\n".join(filter(None, lines))


def _build_view(model: QSortFilterProxyModel) -> QTableView:
    view = QTableView()
    view.setToolTip("Click a model to see it on the image; Ctrl+click a second one to compare")
    view.setModel(model)
    view.setSortingEnabled(True)
    view.sortByColumn(_IOU_COLUMN, Qt.SortOrder.DescendingOrder)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setStyleSheet(TABLE_STYLE)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(_ROW_PX)
    header = view.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    header.setHighlightSections(False)
    return view
