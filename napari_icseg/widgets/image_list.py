"""The list of a project's images with their status; made for 100,000 rows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from qtpy.QtCore import QAbstractListModel, QModelIndex, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets.status_icons import status_icon

if TYPE_CHECKING:
    import enum
    from collections.abc import Sequence


class ImageRow(Protocol):
    """What the list needs to know of an image; the project's ImageRecord has it."""

    @property
    def id(self) -> int:
        """The image's id in the project."""

    @property
    def path(self) -> str:
        """Path relative to the project, with forward slashes."""

    @property
    def status(self) -> enum.Enum:
        """UNLABELLED, IN_PROGRESS, LABELLED or BLANK; only the name is read."""

    @property
    def num_objects(self) -> int:
        """Accepted objects in the image."""


STATUS_TEXT = {
    "unlabelled": "not labelled",
    "in_progress": "in progress",
    "labelled": "labelled",
    "blank": "blank",
    "unreadable": "cannot be read",
}
FILTERS = {
    "All images": None,
    "To do": ("unlabelled", "in_progress"),
    "Not labelled": ("unlabelled",),
    "In progress": ("in_progress",),
    "Labelled": ("labelled",),
    "Blank": ("blank",),
    "Cannot be read": ("unreadable",),
}


class ImageListModel(QAbstractListModel):
    """All rows, the rows that pass the filter, and the images that could not be read."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ImageRow] = []
        self._position_of: dict[int, int] = {}
        self._visible: list[int] = []
        self._errors: dict[int, str] = {}
        self._counts: Counter[str] = Counter()
        self._statuses: tuple[str, ...] | None = None
        self._search = ""

    def set_rows(self, rows: Sequence[ImageRow]) -> None:
        """Replaces everything; the order is kept."""
        self._rows = list(rows)
        self._position_of = {row.id: position for position, row in enumerate(self._rows)}
        self._errors = {}
        self._counts = Counter(row.status.name.lower() for row in self._rows)
        self._refilter()

    def update_row(self, row: ImageRow) -> None:
        """Replaces one row. It stays visible even if it no longer passes the filter."""
        position = self._position_of.get(row.id)
        if position is None:
            return
        self._counts[self._rows[position].status.name.lower()] -= 1
        self._counts[row.status.name.lower()] += 1
        self._rows[position] = row
        self._emit_changed(row.id)

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
        """Shows only the given statuses (None: all) whose path contains the text."""
        self._statuses, self._search = statuses, search.lower()
        self._refilter()

    def index_of(self, image_id: int) -> QModelIndex:
        """The index of an image; invalid if it is filtered out."""
        position = self._position_of.get(image_id)
        if position is None:
            return QModelIndex()
        row = _find_sorted(self._visible, position)
        return QModelIndex() if row is None else self.index(row)

    def neighbour(self, image_id: int | None, step: int) -> int | None:
        """The image `step` visible rows away, or None at the end of the list."""
        position = -1 if image_id is None else self._position_of.get(image_id, -1)
        row = bisect_right(self._visible, position) - 1 + step
        if step < 0 and position not in self._visible[row - step : row - step + 1]:
            row += 1
        return self._rows[self._visible[row]].id if 0 <= row < len(self._visible) else None

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
            return f"{row.path}   ({row.num_objects})" if row.num_objects else row.path
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
        return f"{row.path}\n{STATUS_TEXT[self.status_of(row)]}, {row.num_objects} {noun}"

    def _passes(self, row: ImageRow) -> bool:
        if self._statuses is not None and self.status_of(row) not in self._statuses:
            return False
        return not self._search or self._search in row.path.lower()

    def _refilter(self) -> None:
        self.beginResetModel()
        if self._statuses is None and not self._search:
            self._visible = list(range(len(self._rows)))
        else:
            self._visible = [p for p, row in enumerate(self._rows) if self._passes(row)]
        self.endResetModel()

    def _emit_changed(self, image_id: int) -> None:
        index = self.index_of(image_id)
        if index.isValid():
            self.dataChanged.emit(index, index)


class ImageList(QWidget):
    """A filter, a search field and the list. Emits `image_chosen(image_id)` on a click."""

    image_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ImageListModel(self)
        self.filter = QComboBox()
        self.filter.addItems(list(FILTERS))
        self.filter.setToolTip("Show only images with this status")
        self.filter.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find by name")
        self.search.setToolTip("Show only images whose name contains this text")
        self.search.setClearButtonEnabled(True)
        self.view = _build_view(self.model)
        top = QHBoxLayout()
        top.addWidget(self.filter)
        top.addWidget(self.search, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self.view, 1)
        self.filter.currentTextChanged.connect(self._on_filter_changed)
        self.search.textChanged.connect(self._on_filter_changed)
        # Enter gives the keyboard back to the canvas
        self.search.returnPressed.connect(self.search.clearFocus)
        self.view.clicked.connect(self._on_view_clicked)

    def select(self, image_id: int | None) -> None:
        """Highlights an image without emitting."""
        index = QModelIndex() if image_id is None else self.model.index_of(image_id)
        if not index.isValid():
            self.view.clearSelection()
            return
        self.view.setCurrentIndex(index)
        self.view.scrollTo(index)

    def selected_id(self) -> int | None:
        """The highlighted image."""
        index = self.view.currentIndex()
        return self.model.row_at(index).id if index.isValid() else None

    def _on_filter_changed(self, _text: str) -> None:
        selected = self.selected_id()
        self.model.set_filter(FILTERS[self.filter.currentText()], self.search.text())
        self.select(selected)

    def _on_view_clicked(self, index: QModelIndex) -> None:
        self.image_chosen.emit(self.model.row_at(index).id)


def _build_view(model: ImageListModel) -> QTreeView:
    # a QListView lays all 100,000 rows out again whenever one of them changes
    view = QTreeView()
    view.setModel(model)
    view.setHeaderHidden(True)
    view.setRootIsDecorated(False)
    view.setUniformRowHeights(True)
    view.setIconSize(QSize(14, 14))
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    # the canvas keeps the keyboard: keys of the click loop work right after choosing an image
    view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    view.setMinimumHeight(90)
    return view


def _find_sorted(values: list[int], wanted: int) -> int | None:
    position = bisect_left(values, wanted)
    found = position < len(values) and values[position] == wanted
    return position if found else None
