"""The scores of several models: sortable by each column, copied as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtGui import QFont, QKeySequence
from qtpy.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QKeyEvent
    from qtpy.QtWidgets import QWidget

    from napari_icseg.widgets.compare_view import CompareRow, CompareView, Score

_SORT_ROLE = Qt.ItemDataRole.UserRole
_UNKNOWN = "–"


class CompareTable(QTableView):
    """The table. Ctrl+C copies all of it, tab-separated, as spreadsheets read it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = _Model(self)
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(self.table)
        self.sorted.setSortRole(_SORT_ROLE)
        self.setModel(self.sorted)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setToolTip("One row a model; a click on a heading sorts, Ctrl+C copies the table")
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setStretchLastSection(True)

    def set_view(self, view: CompareView) -> None:
        """Show these rows, in their order until a column is clicked."""
        self.table.set_view(view)

    def copy(self) -> None:
        """Put the table, as it is sorted, on the clipboard."""
        QApplication.clipboard().setText(self.text())

    def text(self) -> str:
        """The table with a row of names, cells separated by tabs."""
        rows = [self.table.row_at(self._source(i)) for i in range(self.sorted.rowCount())]
        lines = [["Model", *(name for name, _ in self.table.metrics)]]
        lines += [[row.label, *map(_text, row.scores)] for row in rows]
        return "\n".join("\t".join(line) for line in lines) + "\n"

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Qt's hook: copy."""
        if event is not None and event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def _source(self, position: int) -> int:
        return int(self.sorted.mapToSource(self.sorted.index(position, 0)).row())


class _Model(QAbstractTableModel):
    """The rows as Qt sees them; the best of each column is bold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.metrics: tuple[tuple[str, str], ...] = ()
        self._rows: tuple[CompareRow, ...] = ()
        self._best: tuple[float | None, ...] = ()

    def set_view(self, view: CompareView) -> None:
        """Take other rows."""
        if (view.rows, view.metrics) == (self._rows, self.metrics):
            return
        self.beginResetModel()
        self._rows, self.metrics = view.rows, view.metrics
        self._best = tuple(_best(self._rows, i) for i in range(len(self.metrics)))
        self.endResetModel()

    def row_at(self, position: int) -> CompareRow:
        """The row at a position, before sorting."""
        return self._rows[position]

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Qt's hook."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Qt's hook."""
        return 0 if parent is not None and parent.isValid() else 1 + len(self.metrics)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Qt's hook."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        name, meaning = (
            ("Model", "Click a column to sort by it")
            if section == 0
            else (self.metrics[section - 1])
        )
        return {Qt.ItemDataRole.DisplayRole: name, Qt.ItemDataRole.ToolTipRole: meaning}.get(
            Qt.ItemDataRole(role)
        )

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """Qt's hook."""
        row, column = self._rows[index.row()], index.column()
        if column == 0:
            label = f"⚠ {row.label}" if row.note else row.label
            texts = {Qt.ItemDataRole.DisplayRole: label, _SORT_ROLE: row.label}
            return texts.get(Qt.ItemDataRole(role), self._tooltip(row, role))
        score = row.scores[column - 1]
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(score)
        if role == _SORT_ROLE:  # not measured sorts below everything measured
            return -2.0 if score.value is None else score.value
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole and self._is_best(score, column):
            font = QFont()
            font.setBold(True)
            return font
        return self._tooltip(row, role)

    def _is_best(self, score: Score, column: int) -> bool:
        return (
            len(self._rows) > 1
            and score.value is not None
            and (score.value == self._best[column - 1])
        )

    def _tooltip(self, row: CompareRow, role: int) -> str | None:
        return (row.note or row.label) if role == Qt.ItemDataRole.ToolTipRole else None


def _best(rows: Sequence[CompareRow], column: int) -> float | None:
    values = [value for row in rows if (value := row.scores[column].value) is not None]
    return max(values, default=None)


def _text(score: Score) -> str:
    if score.value is None:
        return _UNKNOWN
    sign = "+" if score.is_gain else ""
    text = f"{score.value:{sign}.3f}"
    if score.low is None or score.high is None:
        return text
    between = " to " if score.is_gain else "–"  # a dash would look like one more minus
    return f"{text} ({score.low:{sign}.3f}{between}{score.high:{sign}.3f})"
