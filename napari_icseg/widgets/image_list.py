"""The list of a project's images: filter, search, order, thumbnails, selection and menu."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from qtpy.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPoint,
    QSize,
    Qt,
    Signal,
)
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets.image_delegate import ImageDelegate
from napari_icseg.widgets.image_menu import build_menu
from napari_icseg.widgets.image_model import STATUS_TEXT, SUGGESTED, TO_DO, ImageListModel
from napari_icseg.widgets.image_order import SORTS
from napari_icseg.widgets.image_view import ImageView
from napari_icseg.widgets.key_texts import with_keys
from napari_icseg.widgets.status_icons import sort_icon, suggest_icon, thumbnails_icon

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qtpy.QtGui import QKeyEvent, QPixmap

__all__ = ["STATUS_TEXT", "ImageList", "ImageListModel"]

FILTERS = {
    "All images": None,
    "To do": TO_DO,
    "Not labelled": ("unlabelled",),
    "In progress": ("in_progress",),
    "Labelled": ("labelled",),
    "Blank": ("blank",),
    "Suggested": SUGGESTED,
    "Cannot be read": ("unreadable",),
}
_EMPTY_TEXT = {"Suggested": "No image is suggested yet.\nThe button with the ring ◎ suggests some."}
MAX_THUMBNAILS = 512
"""Kept in memory: of 72 x 72 pixels, 10 MiB at most."""


class ImageList(QWidget):
    """A filter, a search field and the list.

    Signals: `image_chosen(image_id)` on a plain click, `action(name)` for the entries of the
    menu, `jump_asked(text)` on Enter in the search field, `order_asked(order)`,
    `thumbnails_toggled(is_on)`, `thumbnail_wanted(image_id)` when a row without one is painted.
    """

    image_chosen = Signal(int)
    action = Signal(str)
    jump_asked = Signal(str)
    order_asked = Signal(str)
    thumbnails_toggled = Signal(bool)
    thumbnail_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ImageListModel(self)
        self._shown_id: int | None = None
        self._kept_ids: set[int] = set()
        self._offered: frozenset[str] = frozenset()
        self._thumbnails: OrderedDict[int, QPixmap] = OrderedDict()
        self._build_controls()
        self.delegate = ImageDelegate(self.model, self._thumbnail_of, lambda: self._shown_id)
        self.view = ImageView(self.model, self.delegate)
        self.view.setToolTip("The images of the project; a click opens one")
        top = QHBoxLayout()
        top.setSpacing(4)
        for widget, stretch in ((self.filter, 0), (self.search, 1), (self.sort, 0)):
            top.addWidget(widget, stretch)
        top.addWidget(self.suggest)
        top.addWidget(self.thumbnails)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self.view, 1)
        self._connect()

    def select(self, image_id: int | None) -> None:
        """Marks an image as the one shown and highlights it, without emitting."""
        before, self._shown_id = self._shown_id, image_id
        for changed in {before, image_id} - {None}:
            self.model.touch(changed)  # type: ignore[arg-type]
        index = QModelIndex() if image_id is None else self.model.index_of(image_id)
        if not index.isValid():
            self.view.clearSelection()
            self.view.setCurrentIndex(QModelIndex())
            return
        self.view.setCurrentIndex(index)
        self.view.scrollTo(index)

    def reveal(self, image_id: int) -> None:
        """Takes away what hides an image: the search text first, then the status filter.

        A number has been used up when it was jumped to, so that the next image can be reached.
        """
        is_hidden = not self.model.index_of(image_id).isValid()
        if is_hidden or self.search.text().strip().isdecimal():
            self.search.clear()
        if not self.model.index_of(image_id).isValid():
            self.filter.setCurrentIndex(0)

    def show_suggested(self, reasons: Mapping[int, str]) -> None:
        """Marks the images to label next, most useful first, and shows only these.

        Without any, all images are shown again if only those suggested before were.
        """
        self.model.set_suggested(reasons)
        if reasons:
            self.search.clear()
            self.filter.setCurrentText("Suggested")
        elif FILTERS[self.filter.currentText()] == SUGGESTED:
            self.filter.setCurrentIndex(0)

    def selected_id(self) -> int | None:
        """The image shown, if it passes the filter."""
        shown = self._shown_id
        return shown if shown is not None and self.model.index_of(shown).isValid() else None

    def selected_ids(self) -> tuple[int, ...]:
        """All highlighted images of the project, in the order of the list."""
        ranges = sorted((r.top(), r.bottom()) for r in self.view.selectionModel().selection())
        rows = (row for first, last in ranges for row in range(first, last + 1))
        ids = (self.model.row_at(self.model.index(row)).id for row in rows)
        return tuple(image_id for image_id in ids if image_id >= 0)

    def select_all(self) -> None:
        """Highlights all images that pass the filter."""
        self.view.selectAll()

    def offer(self, actions: Iterable[str]) -> None:
        """Says which actions there are: the menu has the entries for these."""
        self._offered = frozenset(actions)

    def set_thumbnail(self, image_id: int, pixmap: QPixmap) -> None:
        """Hands in a thumbnail that was wanted."""
        self._thumbnails[image_id] = pixmap
        while len(self._thumbnails) > MAX_THUMBNAILS:
            self._thumbnails.popitem(last=False)
        self.model.touch(image_id)

    def forget_thumbnails(self) -> None:
        """Another project is coming."""
        self._thumbnails.clear()

    def set_thumbnails_on(self, *, is_on: bool) -> None:
        """Shows rows with thumbnails, or one line an image."""
        self.thumbnails.setChecked(is_on)

    def is_in_view(self, image_id: int) -> bool:
        """Whether a row can be seen now."""
        index = self.model.index_of(image_id)
        if not index.isValid() or not self.view.isVisible():
            return False
        return bool(self.view.visualRect(index).intersects(self.view.viewport().rect()))

    def focus_search(self) -> None:
        """Lets the user type a name, a number or a word of a note."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Qt's hook: Esc in the search field empties it and gives the keyboard back."""
        is_key = event is not None and event.type() == QEvent.Type.KeyPress
        if watched is None or event is None or not is_key or watched is not self.search:
            return False
        key: QKeyEvent = event
        if key.key() != Qt.Key.Key_Escape:
            return False
        self.search.clear()
        self.search.clearFocus()
        return True

    def _build_controls(self) -> None:
        self.filter = QComboBox()
        self.filter.addItems(list(FILTERS))
        self.filter.setMaximumWidth(126)
        self.filter.setToolTip("Show only images with this status")
        self.filter.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find or jump")
        with_keys(
            self.search,
            tooltip="Show only images whose name or note contains this text (key {find_image})\n"
            "Enter jumps to the image of that name or number, Esc shows all again",
        )
        self.search.setClearButtonEnabled(True)
        self.search.installEventFilter(self)
        self.sort = _tool_button("Order of the list")
        self.sort.setIcon(sort_icon())
        self.sort.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.sort.setMenu(self._build_sort_menu())
        self.suggest = _tool_button("Suggest which images to label next")
        self.suggest.setIcon(suggest_icon())
        self.suggest.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.thumbnails = _tool_button("Show thumbnails, or one line an image")
        self.thumbnails.setIcon(thumbnails_icon())
        self.thumbnails.setCheckable(True)

    def _build_sort_menu(self) -> QMenu:
        menu = QMenu(self)
        for order, text in SORTS.items():
            entry = menu.addAction(text)
            entry.setCheckable(True)
            entry.setChecked(order == self.model.order)
            entry.triggered.connect(lambda _checked=False, key=order: self.order_asked.emit(key))
        return menu

    def _connect(self) -> None:
        self.filter.currentTextChanged.connect(self._on_filter_changed)
        self.search.textChanged.connect(self._on_filter_changed)
        self.search.returnPressed.connect(self._on_search_return_pressed)
        self.view.clicked.connect(self._on_view_clicked)
        self.view.customContextMenuRequested.connect(self._on_view_menu_requested)
        self.thumbnails.toggled.connect(self._on_thumbnails_toggled)
        self.model.modelAboutToBeReset.connect(self._on_model_about_to_be_reset)
        self.model.modelReset.connect(self._on_model_reset)

    def _thumbnail_of(self, image_id: int) -> QPixmap | None:
        found = self._thumbnails.get(image_id)
        if image_id < 0:  # a file that was left out of the project
            return None
        if found is None:
            self.thumbnail_wanted.emit(image_id)
        else:
            self._thumbnails.move_to_end(image_id)
        return found

    def _on_filter_changed(self, _text: str) -> None:
        text = self.search.text()
        self.view.set_empty_text(
            f"No image here has “{text}” in its name or note.\nEsc in the field shows all."
            if text
            else _EMPTY_TEXT.get(self.filter.currentText(), "No image has this status now.")
        )
        self.model.set_filter(FILTERS[self.filter.currentText()], text)

    def _on_search_return_pressed(self) -> None:
        # Enter gives the keyboard back to the canvas
        self.search.clearFocus()
        self.jump_asked.emit(self.search.text())

    def _on_view_clicked(self, index: QModelIndex) -> None:
        # with Shift or Ctrl the user gathers images, and goes on looking at this one
        is_alone = len(self.view.selectedIndexes()) == 1
        if is_alone and self.view.selectionModel().isSelected(index):
            self.image_chosen.emit(self.model.row_at(index).id)

    def _on_view_menu_requested(self, position: QPoint) -> None:
        ids = self.selected_ids()
        if ids:
            menu = build_menu(
                self, num_images=len(ids), offered=self._offered, on_action=self.action.emit
            )
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(self.view.viewport().mapToGlobal(position))

    def _on_thumbnails_toggled(self, is_on: bool) -> None:
        self.delegate.has_thumbnails = is_on
        self.view.scheduleDelayedItemsLayout()
        shown = self._shown_id
        if shown is not None and self.model.index_of(shown).isValid():
            self.view.doItemsLayout()
            self.view.scrollTo(self.model.index_of(shown))
        self.thumbnails_toggled.emit(is_on)

    def _on_model_about_to_be_reset(self) -> None:
        self._kept_ids = set(self.selected_ids())

    def _on_model_reset(self) -> None:
        for entry, order in zip(self.sort.menu().actions(), SORTS, strict=True):
            entry.setChecked(order == self.model.order)
        self.sort.setToolTip(f"Order of the list: {SORTS[self.model.order].lower()}")
        kept, self._kept_ids = self._kept_ids, set()
        self.select(self._shown_id)
        if kept:
            # exactly those: what was taken out by hand must not come back into a batch
            self.view.clearSelection()
            self._highlight(kept)

    def _highlight(self, image_ids: Iterable[int]) -> None:
        indexes = (self.model.index_of(image_id) for image_id in image_ids)
        rows = sorted(index.row() for index in indexes if index.isValid())
        selection = QItemSelection()
        first = 0
        for place, row in enumerate(rows):
            if place + 1 == len(rows) or rows[place + 1] != row + 1:
                selection.select(self.model.index(rows[first]), self.model.index(row))
                first = place + 1
        flag = QItemSelectionModel.SelectionFlag.Select
        self.view.selectionModel().select(selection, flag)


def _tool_button(tooltip: str) -> QToolButton:
    button = QToolButton()
    button.setToolTip(tooltip)
    button.setAutoRaise(True)
    button.setIconSize(QSize(16, 16))
    button.setFixedSize(26, 24)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    # no arrow beside the icon: there is no room for it
    button.setStyleSheet(
        "QToolButton::menu-indicator { image: none; }"
        "QToolButton:checked { background: rgba(128, 128, 128, 90); }"
    )
    return button
