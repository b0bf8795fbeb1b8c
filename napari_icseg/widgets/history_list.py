"""The history as a list: newest first, what was undone greyed, read as far as it is looked at."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QBrush, QColor
from qtpy.QtWidgets import QAbstractItemView, QListView, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE = 100
HEIGHT_PX = 132
HERE, NOT_HERE = "▸ ", "   "
_GREY = QColor("#8a8f98")


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One operation: when and where it was done, and what it did; id 0: before all of them."""

    id: int
    time: str
    text: str
    image: str = ""


START = HistoryLine(0, "", "before all of these")


class HistoryModel(QAbstractListModel):
    """The newest operations, and older ones when the user scrolls to them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fetch: Callable[[int | None, int], Sequence[HistoryLine]] = lambda _id, _num: ()
        self._lines: list[HistoryLine] = []
        self._cursor = 0
        self._is_whole = True

    @property
    def newest_id(self) -> int:
        """The newest operation in the list; 0 without one."""
        return self._lines[0].id if self._lines else 0

    def read(self, fetch: Callable[[int | None, int], Sequence[HistoryLine]], cursor: int) -> None:
        """Begins anew. All operations up to `cursor` are done, those above it undone."""
        self.beginResetModel()
        self._fetch, self._cursor = fetch, cursor
        self._lines = self._read_more(None)
        self._is_whole = len(self._lines) < PAGE
        if self._is_whole and self._lines:
            self._lines.append(START)
        self.endResetModel()

    def update(self, newer: Sequence[HistoryLine], cursor: int) -> None:
        """Takes over what happened: new operations (newest first), or another place in the list.

        New operations take the place of those that were undone.
        """
        if newer:
            row = self.cursor_row
            num_gone = len(self._lines) if row < 0 else row
            if num_gone:
                self.beginRemoveRows(QModelIndex(), 0, num_gone - 1)
                del self._lines[:num_gone]
                self.endRemoveRows()
            self.beginInsertRows(QModelIndex(), 0, len(newer) - 1)
            self._lines[:0] = newer
            if self._lines[-1] != START and self._is_whole:
                self._lines.append(START)
            self.endInsertRows()
        self._cursor = cursor
        if self._lines:
            self.dataChanged.emit(self.index(0), self.index(len(self._lines) - 1))

    def line(self, row: int) -> HistoryLine:
        """The line of a row."""
        return self._lines[row]

    def is_done(self, row: int) -> bool:
        """Whether the operation of a row is done, or was undone."""
        return self._lines[row].id <= self._cursor

    @property
    def cursor_row(self) -> int:
        """The row of the last operation that is done; -1 if it was not read yet."""
        row = bisect_left(self._lines, -self._cursor, key=lambda line: -line.id)
        return row if row < len(self._lines) else -1

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Qt's hook."""
        return 0 if parent is not None and parent.isValid() else len(self._lines)

    def canFetchMore(self, _parent: QModelIndex) -> bool:
        """Qt's hook: the view asks when it comes to the end."""
        return not self._is_whole

    def fetchMore(self, _parent: QModelIndex) -> None:
        """Qt's hook."""
        older = self._read_more(self._lines[-1].id if self._lines else None)
        self._is_whole = len(older) < PAGE
        added = [*older, START] if self._is_whole else older
        first = len(self._lines)
        self.beginInsertRows(QModelIndex(), first, first + len(added) - 1)
        self._lines.extend(added)
        self.endInsertRows()

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's hook."""
        line, row = self._lines[index.row()], index.row()
        if role == Qt.ItemDataRole.DisplayRole:
            mark = HERE if row == self.cursor_row else NOT_HERE
            return mark + "  ".join(part for part in (line.time, line.text, line.image) if part)
        if role == Qt.ItemDataRole.ForegroundRole and not self.is_done(row):
            return QBrush(_GREY)
        if role == Qt.ItemDataRole.ToolTipRole:
            if row == self.cursor_row:
                return "This is how the labels are now"
            return f"Click to {'undo back' if self.is_done(row) else 'redo up'} to here"
        return None

    def _read_more(self, before_id: int | None) -> list[HistoryLine]:
        return list(self._fetch(before_id, PAGE))


class HistoryList(QListView):
    """Emits `chosen(operation_id)` when the user clicks a place to go to; 0: before all."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.history = HistoryModel(self)
        self.setModel(self.history)
        self.setUniformItemSizes(True)
        self.setSpacing(1)
        self.setToolTip("What was done, the latest first; a click goes back or forth to there")
        self.setFixedHeight(HEIGHT_PX)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.clicked.connect(lambda index: self.chosen.emit(self.history.line(index.row()).id))

    def show_cursor(self) -> None:
        """Scrolls to where the project stands, if that was read."""
        row = self.history.cursor_row
        if row >= 0:
            self.scrollTo(self.history.index(row))
