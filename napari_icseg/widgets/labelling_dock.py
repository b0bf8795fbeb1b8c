"""The Labelling dock: the start page, or the image list, classes, candidate and buttons."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets.action_buttons import (
    CLICK_BUTTONS,
    IMAGE_BUTTONS,
    ActionButtons,
)
from napari_icseg.widgets.class_bar import ClassBar
from napari_icseg.widgets.image_list import ImageList
from napari_icseg.widgets.labelling_header import LabellingHeader
from napari_icseg.widgets.labelling_models import LabellingModels
from napari_icseg.widgets.labelling_start import LabellingStart
from napari_icseg.widgets.labelling_status import LabellingStatus
from napari_icseg.widgets.shortcut_list import ShortcutList
from napari_icseg.widgets.tool_bar import ToolBar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.widgets.class_bar import ClassRow
    from napari_icseg.widgets.image_order import ImageRow

WIDTH_PX = 350


class Slot(StrEnum):
    """Places in the dock, from top to bottom, into which features put their widgets."""

    UNDER_IMAGES = "under_images"
    TOOLS = "tools"
    UNDER_CLASSES = "under_classes"
    UNDER_CANDIDATE = "under_candidate"
    EDIT = "edit"
    PROPOSALS = "proposals"
    UNDER_MODELS = "under_models"
    FOLDS = "folds"


class LabellingDock(QWidget):
    """Lays out the parts and passes their signals on.

    Signals: `action(name)` for every button and menu entry (the names of
    `widgets.shortcuts.SHORTCUTS` and `labelling_header.MENU`), `image_chosen(image_id)`,
    `class_chosen(class_id)`.
    """

    action = Signal(str)
    image_chosen = Signal(int)
    class_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start = LabellingStart()
        self.header = LabellingHeader()
        self.images = ImageList()
        self.image_buttons = ActionButtons(IMAGE_BUTTONS)
        self.tool_bar = ToolBar()
        self.classes = ClassBar()
        self.status = LabellingStatus()
        self.click_buttons = ActionButtons(CLICK_BUTTONS)
        self.models = LabellingModels()
        self.shortcuts = ShortcutList()
        self._slots = {slot: _build_slot() for slot in Slot}
        self._pages = QStackedWidget()
        self._pages.addWidget(self.start)
        self._pages.addWidget(self._build_work_page())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self._pages)
        self.setMinimumWidth(WIDTH_PX)
        # else napari gives half of the height to an empty stretch
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._connect()

    def show_start(self) -> None:
        """Shows the page with "Open folder…"."""
        self._pages.setCurrentIndex(0)

    def show_work(self) -> None:
        """Shows the page with the image list."""
        self._pages.setCurrentIndex(1)

    def is_working(self) -> bool:
        """Whether the page with the image list is shown."""
        return bool(self._pages.currentIndex() == 1)

    def put(self, slot: Slot, widget: QWidget) -> None:
        """Adds a feature's widget at the end of a slot."""
        self._slots[slot].addWidget(widget)

    def set_rows(self, rows: Sequence[ImageRow]) -> None:
        """Fills the image list."""
        self.images.model.set_rows(rows)

    def set_classes(self, classes: Sequence[ClassRow], current_id: int | None) -> None:
        """Fills the class bar."""
        self.classes.set_classes(classes, current_id)

    def set_history(self, *, undo: str | None, redo: str | None) -> None:
        """Greys Undo and Redo where there is nothing (None), else says what they do."""
        for name, text in (("undo", undo), ("redo", redo)):
            self.click_buttons.set_enabled(name, enabled=text is not None)
            word = name.capitalize()
            self.click_buttons.set_tooltip(
                name, f"{word}: {text} (key {{{name}}})" if text else f"Nothing to {name}"
            )

    def _build_work_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 4, 0)
        layout.setSpacing(6)
        layout.addWidget(self.header)
        layout.addWidget(self.images, 1)
        layout.addWidget(self.image_buttons)
        layout.addLayout(self._slots[Slot.UNDER_IMAGES])
        layout.addWidget(self.tool_bar)
        layout.addLayout(self._slots[Slot.TOOLS])
        layout.addWidget(_build_title("Class of the next object"))
        layout.addWidget(self.classes)
        layout.addLayout(self._slots[Slot.UNDER_CLASSES])
        layout.addWidget(self.status)
        layout.addLayout(self._slots[Slot.UNDER_CANDIDATE])
        layout.addWidget(self.click_buttons)
        layout.addLayout(self._slots[Slot.EDIT])
        layout.addLayout(self._slots[Slot.PROPOSALS])
        layout.addWidget(self.models)
        layout.addLayout(self._slots[Slot.UNDER_MODELS])
        layout.addLayout(self._slots[Slot.FOLDS])
        layout.addWidget(self.shortcuts)
        return _scrollable(page)

    def _connect(self) -> None:
        for source in (self.start, self.header, self.images):
            source.action.connect(self.action)
        for buttons in (
            self.image_buttons,
            self.tool_bar,
            self.click_buttons,
        ):
            buttons.triggered.connect(self.action)
        self.images.image_chosen.connect(self.image_chosen)
        self.classes.class_chosen.connect(self.class_chosen)
        self.classes.add_requested.connect(lambda: self.action.emit("add_class"))
        self.models.prefill_requested.connect(lambda: self.action.emit("prefill"))
        self.models.cancel_requested.connect(lambda: self.action.emit("cancel_download"))


def _build_slot() -> QVBoxLayout:
    layout = QVBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    return layout


def _build_title(text: str) -> QLabel:
    title = QLabel(text)
    title.setStyleSheet("QLabel { font-weight: bold; margin-top: 4px; }")
    return title


def _scrollable(page: QWidget) -> QScrollArea:
    """Small screens scroll the page instead of cutting it off."""
    area = QScrollArea()
    area.setWidget(page)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area
