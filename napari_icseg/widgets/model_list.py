"""The list of a project's trained models, sortable by each of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSortFilterProxyModel, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QVBoxLayout, QWidget

from napari_icseg.widgets.model_table import SCORE_COLUMNS, SORT_ROLE, ModelTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.widgets.training_view import ModelRow

_ROW_PX = 22
_HEADER_PX = 24
_MIN_ROWS, _MAX_ROWS = 3, 7
TABLE_STYLE = """
QTableView, QHeaderView::section { font-size: 8pt; }
QHeaderView::section { padding: 1px; margin: 0px; border: none; }
QHeaderView::up-arrow, QHeaderView::down-arrow { width: 7px; height: 7px; }
QTableView::item { padding: 0px; }
"""


class ModelList(QWidget):
    """The table. Emits `selected(name)` when the user chooses a row, alone or with others."""

    selected = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = ModelTable(self)
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(self.table)
        self.sorted.setSortRole(SORT_ROLE)
        self.view = _build_view(self.sorted)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self.view.selectionModel().selectionChanged.connect(self._on_selection_changed)

    def set_rows(self, rows: Sequence[ModelRow]) -> None:
        """Show these runs; what is selected stays selected if it is still there."""
        names, current = self.selected_names(), self.selected_name()
        blocked = self.view.selectionModel().blockSignals(True)
        self.table.set_rows(rows)
        if self.selected_names() != names:
            self._select(names, current)
        self.view.selectionModel().blockSignals(blocked)
        self.view.setFixedHeight(_height_px(len(rows)))

    def select(self, name: str) -> None:
        """Highlight a run, and no other, without emitting."""
        if self.table.position(name) is None or self.selected_name() == name:
            return
        blocked = self.view.selectionModel().blockSignals(True)
        self._select((name,), name)
        self.view.selectionModel().blockSignals(blocked)
        self.view.viewport().update()

    def selected_names(self) -> tuple[str, ...]:
        """The highlighted runs, from top to bottom."""
        return tuple(row.name for row in self.selected_rows())

    def selected_rows(self) -> tuple[ModelRow, ...]:
        """The highlighted rows, from top to bottom."""
        found = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        return tuple(self._row_at(position) for position in found)

    def selected_name(self) -> str | None:
        """The run that was highlighted last, or None."""
        row = self.selected_row()
        return None if row is None else row.name

    def selected_row(self) -> ModelRow | None:
        """The row that was highlighted last, or None."""
        rows = [index.row() for index in self.view.selectionModel().selectedRows()]
        if not rows:
            return None
        current = self.view.currentIndex().row()
        return self._row_at(current if current in rows else rows[-1])

    def _row_at(self, position: int) -> ModelRow:
        return self.table.row_at(self.sorted.mapToSource(self.sorted.index(position, 0)))

    def _select(self, names: Sequence[str], current: str | None) -> None:
        """Highlight the runs that are there."""
        model = self.view.selectionModel()
        model.clear()
        flags = model.SelectionFlag.Select | model.SelectionFlag.Rows
        for name in sorted(names, key=lambda name: name == current):
            if (position := self.table.position(name)) is not None:
                index = self.sorted.mapFromSource(self.table.index(position, 0))
                model.setCurrentIndex(index, flags)

    def _on_selection_changed(self) -> None:
        name = self.selected_name()
        if name is not None:
            self.selected.emit(name)


def _height_px(num_rows: int) -> int:
    return _HEADER_PX + _ROW_PX * min(max(num_rows, _MIN_ROWS), _MAX_ROWS)


def _build_view(model: QSortFilterProxyModel) -> QTableView:
    view = QTableView()
    view.setToolTip("The trained models and those in training; choose one to see its curves")
    view.setModel(model)
    view.setSortingEnabled(True)
    view.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(_ROW_PX)
    header = view.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    header.setMinimumSectionSize(30)
    # six columns in a narrow dock: the theme's wide paddings would push half of them out
    view.setStyleSheet(TABLE_STYLE)
    for column in SCORE_COLUMNS:
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(column, view.fontMetrics().horizontalAdvance("0.000") + 14)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setFixedHeight(_height_px(0))
    return view
