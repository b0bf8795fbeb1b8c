"""The classes as a short list: colour, key, name, objects on this image, eye and lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from qtpy.QtCore import QPoint, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets.class_icons import eye_icon, lock_icon
from napari_icseg.widgets.status_icons import color_icon

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtGui import QDropEvent

ROW_PX = 24
MAX_ROWS = 5
"""More classes are scrolled to: the list must not push the dock about."""
NAME, COUNT, EYE, LOCK = range(4)
WIDTHS_PX = {COUNT: 40, EYE: 26, LOCK: 26}
MENU = (
    ("rename", "Rename…"),
    ("recolor", "Colour…"),
    ("move_up", "Move up (drawn below)"),
    ("move_down", "Move down (drawn on top)"),
    ("delete", "Delete class…"),
)
_OVERLAP = (
    "Classes may overlap: a via lies on a metal track. The class further down is drawn on top; "
    "drag the rows to order them. Within a class, a painted pixel moves from one object to another."
)


class ClassRow(Protocol):
    """What the bar needs to know of a class; the project's ClassRecord has it."""

    @property
    def id(self) -> int:
        """The class's id in the project."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def color(self) -> str:
        """Its colour, "#rrggbb"."""

    @property
    def is_visible(self) -> bool:
        """Whether its objects are drawn."""

    @property
    def is_locked(self) -> bool:
        """Whether its objects are kept from edits."""


class ClassBar(QWidget):
    """Signals: `class_chosen(class_id)`, `add_requested()`, `visibility_asked(class_id)` and
    `lock_asked(class_id)` to switch them, `change_asked(change, class_id)` with a name of MENU,
    `order_asked(class_ids)` after a drag.
    """  # noqa: D205

    class_chosen = Signal(int)
    add_requested = Signal()
    visibility_asked = Signal(int)
    lock_asked = Signal(int)
    change_asked = Signal(str, int)
    order_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = _Rows()
        self._counts: Mapping[int, int] = {}
        self.add_button = QPushButton()
        self.add_button.setText("+ class")
        self.add_button.setToolTip("Add a class")
        self.add_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.rows)
        self.add_button.clicked.connect(lambda _checked=False: self.add_requested.emit())
        self.rows.itemClicked.connect(self._on_rows_item_clicked)
        self.rows.itemDoubleClicked.connect(self._on_rows_item_double_clicked)
        self.rows.customContextMenuRequested.connect(self._on_rows_menu_requested)
        self.rows.dropped.connect(lambda: self.order_asked.emit(self.rows.ids()))

    def set_classes(self, classes: Sequence[ClassRow], current_id: int | None) -> None:
        """Shows these classes; the first nine get the digits 1 to 9.

        The counts stay, and so does what is scrolled to.
        """
        scrolled_to = self.rows.verticalScrollBar().value()
        is_same = self.rows.ids() == [row.id for row in classes]
        self.rows.clear()
        for position, row in enumerate(classes):
            self.rows.addTopLevelItem(_build_item(position, row))
        self.rows.setFixedHeight(ROW_PX * min(max(1, len(classes)), MAX_ROWS) + 4)
        if current_id is not None:
            self.set_current(current_id)
        self.set_counts(self._counts)
        if is_same:
            self.rows.verticalScrollBar().setValue(scrolled_to)

    def set_counts(self, counts: Mapping[int, int]) -> None:
        """Shows how many objects of each class the image has."""
        self._counts = counts
        for item in self.rows.items():
            number = counts.get(_id_of(item), 0)
            item.setText(COUNT, f"{number:,}" if number else "")

    def set_current(self, class_id: int) -> None:
        """Marks one class without emitting."""
        for item in self.rows.items():
            if _id_of(item) == class_id:
                self.rows.setCurrentItem(item)
                self.rows.scrollToItem(item)

    def current_id(self) -> int | None:
        """The marked class."""
        item = self.rows.currentItem()
        return None if item is None else _id_of(item)

    def _on_rows_item_clicked(self, item: QTreeWidgetItem, column: int) -> None:
        class_id = _id_of(item)
        if column == EYE:
            self.visibility_asked.emit(class_id)
        elif column == LOCK:
            self.lock_asked.emit(class_id)
        else:
            self.class_chosen.emit(class_id)

    def _on_rows_item_double_clicked(self, item: QTreeWidgetItem, column: int) -> None:
        if column == NAME:
            self.change_asked.emit("rename", _id_of(item))

    def _on_rows_menu_requested(self, place: QPoint) -> None:
        item = self.rows.itemAt(place)
        if item is None:
            return
        menu, class_id = QMenu(self), _id_of(item)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for change, text in MENU:
            entry = menu.addAction(text)
            entry.triggered.connect(
                lambda _checked=False, change=change: self.change_asked.emit(change, class_id)
            )
        menu.popup(self.rows.viewport().mapToGlobal(place))


class _Rows(QTreeWidget):
    """The list itself. Emits `dropped()` after a row was dragged to another place."""

    dropped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setColumnCount(len(range(LOCK + 1)))
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setIconSize(QSize(14, 14))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setToolTip(_OVERLAP)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(1)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column, width in WIDTHS_PX.items():
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            self.setColumnWidth(column, width)
        self.setFixedHeight(ROW_PX + 4)

    def items(self) -> list[QTreeWidgetItem]:
        """All rows, from top to bottom."""
        found = (self.topLevelItem(row) for row in range(self.topLevelItemCount()))
        return [item for item in found if item is not None]

    def ids(self) -> list[int]:
        """The classes, from top to bottom."""
        return [_id_of(item) for item in self.items()]

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Qt's hook: a row was let go."""
        super().dropEvent(event)
        self.dropped.emit()


def _build_item(position: int, row: ClassRow) -> QTreeWidgetItem:
    digit = f"{position + 1}  " if position < 9 else ""
    key = f" (key {position + 1})" if position < 9 else ""
    item = QTreeWidgetItem([f"{digit}{row.name}", "", "", ""])
    item.setData(NAME, Qt.ItemDataRole.UserRole, row.id)
    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsDropEnabled)
    item.setSizeHint(NAME, QSize(0, ROW_PX))
    item.setIcon(NAME, color_icon(row.color))
    item.setToolTip(NAME, f"Accept objects as {row.name}{key}. {_OVERLAP}")
    item.setToolTip(COUNT, f"Objects of {row.name} on this image")
    item.setTextAlignment(COUNT, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    item.setIcon(EYE, eye_icon(is_open=row.is_visible))
    item.setToolTip(EYE, f"{'Hide' if row.is_visible else 'Show'} the objects of {row.name}")
    item.setIcon(LOCK, lock_icon(is_closed=row.is_locked))
    what = "Let objects be edited again" if row.is_locked else "Keep objects from every edit"
    item.setToolTip(LOCK, f"{what}: {row.name}")
    if not row.is_visible:
        font = item.font(NAME)
        font.setItalic(True)
        item.setFont(NAME, font)
    return item


def _id_of(item: QTreeWidgetItem) -> int:
    return int(item.data(NAME, Qt.ItemDataRole.UserRole))
