"""The rows of the image list: filtered, sorted, with errors; made for 100,000 images."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, Qt

from napari_icseg.widgets.image_order import ADDED, find, matches, ordered
from napari_icseg.widgets.status_icons import status_icon

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtWidgets import QWidget

    from napari_icseg.widgets.image_order import ImageRow

STATUS_TEXT = {
    "unlabelled": "not labelled",
    "in_progress": "in progress",
    "labelled": "labelled",
    "blank": "blank",
    "unreadable": "cannot be read",
}
TO_DO = ("unlabelled", "in_progress")
SUGGESTED = ("suggested",)
"""Filter for the images that `set_suggested` names; they are then in its order."""
NOTE_MARK = "✎"
SUGGESTED_MARK = "◎"


class ImageListModel(QAbstractListModel):
    """All rows, the rows that pass the filter, and the images that could not be read."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._added: list[ImageRow] = []
        self._rows: list[ImageRow] = []
        """In the order of the list; those filtered out, too."""
        self._position_of: dict[int, int] = {}
        self._visible: list[int] = []
        """Positions in _rows, rising."""
        self._errors: dict[int, str] = {}
        self._counts: Counter[str] = Counter()
        self._statuses: tuple[str, ...] | None = None
        self._search = ""
        self._order = ADDED
        self._changed_unix_s: Mapping[int, float] = {}
        self._suggested: dict[int, str] = {}

    @property
    def order(self) -> str:
        """A key of `image_order.SORTS`."""
        return self._order

    def set_rows(self, rows: Sequence[ImageRow]) -> None:
        """Replaces everything; `rows` are in the order in which they were added."""
        self._added = list(rows)
        self._errors = {}
        self._counts = Counter(row.status.name.lower() for row in self._added)
        self._sort()

    def set_order(self, order: str, changed_unix_s: Mapping[int, float] | None = None) -> None:
        """Sorts anew. Rows that change later stay where they are until then.

        Args:
            order: A key of `image_order.SORTS`.
            changed_unix_s: When images were last changed, by id.

        """
        # rows changed since then are newer in the list than among the added ones
        newest = {row.id: row for row in self._rows}
        self._added = [newest.get(row.id, row) for row in self._added]
        self._order, self._changed_unix_s = order, changed_unix_s or {}
        self._sort()

    def update_row(self, row: ImageRow) -> None:
        """Replaces one row. It stays visible even if it no longer passes the filter."""
        position = self._position_of.get(row.id)
        if position is None:
            return
        self._counts[self._rows[position].status.name.lower()] -= 1
        self._counts[row.status.name.lower()] += 1
        self._rows[position] = row
        self._emit_changed(row.id)

    def set_suggested(self, reasons: Mapping[int, str]) -> None:
        """Marks the images to label next, most useful first, with the reasons in words."""
        self._suggested = dict(reasons)
        self.set_order(self._order, self._changed_unix_s)

    def is_suggested(self, row: ImageRow) -> bool:
        """Whether an image was suggested and is still to do."""
        return row.id in self._suggested and self.status_of(row) in TO_DO

    def touch(self, image_id: int) -> None:
        """Has a row painted again."""
        self._emit_changed(image_id)

    def count(self, status: str) -> int:
        """Images of a status, whether they pass the filter or not."""
        return self._counts[status]

    def set_error(self, image_id: int, reason: str | None) -> None:
        """Marks an image as unreadable, or as readable again with None."""
        if reason is None:
            self._errors.pop(image_id, None)
        else:
            self._errors[image_id] = reason
        self._emit_changed(image_id)

    def set_filter(self, statuses: tuple[str, ...] | None, search: str) -> None:
        """Shows only the given statuses (None: all) whose name or note contains the text."""
        is_other_order = SUGGESTED in (self._statuses, statuses) and statuses != self._statuses
        self._statuses, self._search = statuses, search.strip().lower()
        if is_other_order:
            self.set_order(self._order, self._changed_unix_s)
            return
        self.beginResetModel()
        self._refilter()
        self.endResetModel()

    def index_of(self, image_id: int) -> QModelIndex:
        """The index of an image; invalid if it is filtered out."""
        position = self._position_of.get(image_id)
        if position is None:
            return QModelIndex()
        row = _find_sorted(self._visible, position)
        return QModelIndex() if row is None else self.index(row)

    def row_of(self, image_id: int) -> ImageRow | None:
        """The row of an image, whether it passes the filter or not."""
        position = self._position_of.get(image_id)
        return None if position is None else self._rows[position]

    def neighbour(self, image_id: int | None, step: int) -> int | None:
        """The image `step` visible rows away, or None at the end of the list."""
        row = self._place(image_id, step)
        return self._rows[self._visible[row]].id if 0 <= row < len(self._visible) else None

    def next_to_do(self, image_id: int | None, step: int) -> tuple[int, bool] | None:
        """The next visible image (step +1, or -1: before) that is not done, round the end.

        Images that cannot be read are passed by. Returns its id and whether the search went
        round; None if there is no other.
        """
        num = len(self._visible)
        first = self._place(image_id, step)
        for place in range(first, first + step * num, step):
            row = self._rows[self._visible[place % num]]
            if row.id != image_id and row.id >= 0 and self.status_of(row) in TO_DO:
                return row.id, not 0 <= place < num
        return None

    def end(self, step: int) -> int | None:
        """The last (+1) or first (-1) visible image of the project."""
        places = reversed(self._visible) if step > 0 else iter(self._visible)
        return next((self._rows[p].id for p in places if self._rows[p].id >= 0), None)

    def find(self, text: str) -> int | None:
        """The image that a typed number or name means, see `image_order.find`."""
        rows = [row for row in self._rows if row.id >= 0]
        place = find(rows, text)
        return None if place is None else rows[place].id

    def row_at(self, index: QModelIndex) -> ImageRow:
        """The row behind a valid index."""
        return self._rows[self._visible[int(index.row())]]

    def status_of(self, row: ImageRow) -> str:
        """A key of STATUS_TEXT."""
        return "unreadable" if row.id in self._errors else row.status.name.lower()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Qt's hook: the number of visible rows."""
        return 0 if parent is not None and parent.isValid() else len(self._visible)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's hook: name, icon and tooltip of a row."""
        if not index.isValid():
            return None
        row = self.row_at(index)
        if role == Qt.ItemDataRole.DisplayRole:
            text = f"{row.path}   ({row.num_objects})" if row.num_objects else row.path
            text += f"   {SUGGESTED_MARK}" if self.is_suggested(row) else ""
            return f"{text}   {NOTE_MARK}" if row.notes else text
        if role == Qt.ItemDataRole.DecorationRole:
            return status_icon(self.status_of(row))
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tooltip(row)
        return None

    def _tooltip(self, row: ImageRow) -> str:
        reason = self._errors.get(row.id)
        if reason is not None:
            return f"{row.path}\ncannot be read: {reason}"
        noun = "object" if row.num_objects == 1 else "objects"
        text = f"{row.path}\n{STATUS_TEXT[self.status_of(row)]}, {row.num_objects} {noun}"
        text += f", {row.width} × {row.height} pixels" if row.width else ""
        if row.id in self._suggested:
            text += f"\n{SUGGESTED_MARK} suggested: {self._suggested[row.id]}"
        return f"{text}\n{NOTE_MARK} {row.notes}" if row.notes else text

    def _place(self, image_id: int | None, step: int) -> int:
        """The place among the visible rows `step` away from an image, also beyond the ends."""
        position = -1 if image_id is None else self._position_of.get(image_id, -1)
        row = bisect_right(self._visible, position) - 1 + step
        if step < 0 and position not in self._visible[row - step : row - step + 1]:
            row += 1
        return row

    def _passes(self, row: ImageRow) -> bool:
        if self._statuses == SUGGESTED:
            if row.id not in self._suggested:
                return False
        elif self._statuses is not None and self.status_of(row) not in self._statuses:
            return False
        return not self._search or matches(row, self._search)

    def _sort(self) -> None:
        self.beginResetModel()
        self._rows = ordered(self._added, self._order, self._changed_unix_s)
        if self._statuses == SUGGESTED:
            ranks = {image_id: rank for rank, image_id in enumerate(self._suggested)}
            self._rows.sort(key=lambda row: ranks.get(row.id, len(ranks)))
        self._position_of = {row.id: position for position, row in enumerate(self._rows)}
        self._refilter()
        self.endResetModel()

    def _refilter(self) -> None:
        if self._statuses is None and not self._search:
            self._visible = list(range(len(self._rows)))
        else:
            self._visible = [p for p, row in enumerate(self._rows) if self._passes(row)]

    def _emit_changed(self, image_id: int) -> None:
        index = self.index_of(image_id)
        if index.isValid():
            self.dataChanged.emit(index, index)


def _find_sorted(values: list[int], wanted: int) -> int | None:
    position = bisect_left(values, wanted)
    found = position < len(values) and values[position] == wanted
    return position if found else None
