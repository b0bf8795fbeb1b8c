"""The list of a project's trained models, sortable by each of its columns."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QVBoxLayout, QWidget

from napari_icseg.widgets import tones

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_icseg.widgets.training_view import ModelRow, Tone

COLUMNS = (
    ("Model", "When its training was started, and the kind of model"),
    ("IoU", "Foreground intersection over union on the validation tiles"),
    ("Dice", "Foreground Dice score on the validation tiles"),
    ("Acc.", "Pixel accuracy: the share of validation pixels that get the right class"),
    ("State", "Where the training stands"),
)
_SCORE_COLUMNS = (1, 2, 3)
_STATE_COLUMN = 4
_SORT_ROLE = Qt.ItemDataRole.UserRole
_ROW_PX = 22
_HEADER_PX = 24
_MIN_ROWS, _MAX_ROWS = 3, 7
_STYLE = """
QTableView, QHeaderView::section { font-size: 8pt; }
QHeaderView::section { padding: 1px; margin: 0px; border: none; }
QHeaderView::up-arrow, QHeaderView::down-arrow { width: 7px; height: 7px; }
QTableView::item { padding: 0px; }
"""


class ModelTable(QAbstractTableModel):
    """The rows as Qt sees them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[ModelRow, ...] = ()
        self._colors: Mapping[Tone, str] = tones.DARK

    def set_colors(self, colors: Mapping[Tone, str]) -> None:
        """Use these colours for the states; views are asked to draw anew."""
        self._colors = colors
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)

    def set_rows(self, rows: Sequence[ModelRow]) -> None:
        """Replace the rows; where only values changed, selection and scrolling stay."""
        if tuple(rows) == self._rows:
            return
        same = [row.name for row in rows] == [row.name for row in self._rows]
        if same:
            self._rows = tuple(rows)
            if rows:
                last = self.index(len(rows) - 1, len(COLUMNS) - 1)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self._rows = tuple(rows)
        self.endResetModel()

    def row_at(self, index: QModelIndex) -> ModelRow:
        """The row behind a valid index."""
        return self._rows[int(index.row())]

    def position(self, name: str) -> int | None:
        """Where the run of that name is, or None."""
        return next((i for i, row in enumerate(self._rows) if row.name == name), None)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Qt's hook."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

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
            return COLUMNS[section][0]
        return COLUMNS[section][1] if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's hook: text, sort key, colour and font of a cell."""
        if not index.isValid():
            return None
        row, column = self.row_at(index), int(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return _texts(row)[column]
        if role == _SORT_ROLE:
            return _sort_keys(row)[column]
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._color(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column not in (0, _STATE_COLUMN):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tooltip(row)
        return None

    def _color(self, row: ModelRow, column: int) -> QColor | None:
        """The state has its tone; a chosen model's name is lit up."""
        lit: dict[int, Tone] = {
            0: "active" if row.is_chosen or row.is_clicked_with else "neutral",
            _STATE_COLUMN: row.tone,
        }
        color = self._colors.get(lit.get(column, "neutral"))
        return None if color is None else QColor(color)


class ModelList(QWidget):
    """The table. Emits `selected(name)` when the user chooses a row, alone or with others."""

    selected = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = ModelTable(self)
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(self.table)
        self.sorted.setSortRole(_SORT_ROLE)
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
    view.setStyleSheet(_STYLE)
    for column in _SCORE_COLUMNS:
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(column, view.fontMetrics().horizontalAdvance("0.000") + 14)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setFixedHeight(_height_px(0))
    return view


def _texts(row: ModelRow) -> tuple[str, ...]:
    used = "✓ " if row.is_chosen or row.is_clicked_with else ""
    warned = "⚠ " if row.has_warnings else ""
    scores = (row.iou, row.dice, row.pixel_accuracy)
    name = f"{warned}{used}{_started(row.created_unix_s)} {row.label}"
    return name, *map(_score_text, scores), row.state


def _started(unix_s: float) -> str:
    """Return the time of day, or the day if it was not today: the column is narrow."""
    started, now = time.localtime(unix_s), time.localtime()
    is_today = (started.tm_year, started.tm_yday) == (now.tm_year, now.tm_yday)
    return time.strftime("%H:%M" if is_today else "%d %b", started)


def _score_text(score: float | None) -> str:
    return "–" if score is None else f"{score:.3f}"


def _sort_keys(row: ModelRow) -> tuple[float | str, ...]:
    # not measured sorts below everything measured
    scores = (-1.0 if s is None else s for s in (row.iou, row.dice, row.pixel_accuracy))
    return row.created_unix_s, *scores, row.state


def _tooltip(row: ModelRow) -> str:
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.created_unix_s))
    uses = (
        "Chosen to pre-fill images" if row.is_chosen else "",
        "Answers your clicks" if row.is_clicked_with else "",
        "It gave warnings: select it to read them" if row.has_warnings else "",
    )
    state = f"{row.state}, {row.epochs} epochs" if row.epochs else row.state
    lines = (f"{row.label}, started {started}", state, f"Folder: {row.name}", *uses)
    return "\n".join(filter(None, lines))
