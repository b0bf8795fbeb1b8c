"""What can be done to the selected objects, as a row of icons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from napari_icseg.widgets.edit_icons import EDIT_DRAWINGS
from napari_icseg.widgets.key_texts import with_keys
from napari_icseg.widgets.tool_bar import STYLE
from napari_icseg.widgets.tool_icons import SIZE_PX, tool_icon

if TYPE_CHECKING:
    from collections.abc import Container

BUTTON_PX = 25


@dataclass(frozen=True, slots=True)
class EditEntry:
    """A button: its action and icon, and its tooltip."""

    action: str
    tooltip: str


ENTRIES = (
    EditEntry("merge", "Merge the selected objects into one ({merge})"),
    EditEntry("separate", "Make an object of each separate part ({separate})"),
    EditEntry("fill_holes", "Fill holes ({fill_holes})"),
    EditEntry("smooth", "Smooth the edge ({smooth})"),
    EditEntry("grow", "Grow by a pixel, up to others of the class ({grow})"),
    EditEntry("shrink", "Shrink by a pixel ({shrink})"),
    EditEntry("keep_largest", "Keep the largest part only ({keep_largest})"),
    EditEntry("snap_to_edge", "Move the edge to the grey-level edge within 3 px ({snap_to_edge})"),
    EditEntry(
        "copy_to_next",
        "Copy the selected objects, or all, to the next image and go there ({copy_to_next})",
    ),
    EditEntry("delete", "Delete the selected objects ({delete})"),
)


class EditBar(QWidget):
    """Emits `triggered(action)`. Its buttons are there all the time: nothing jumps."""

    triggered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setStyleSheet(STYLE)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self.count = QLabel()
        self.count.setToolTip("Objects selected: Ctrl+click, Ctrl+Shift+click adds, Ctrl+drag")
        # as wide as it may get, so that nothing is pushed out of the dock
        self.count.setFixedWidth(self.count.fontMetrics().horizontalAdvance("99,999"))
        self.count.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._buttons = {entry.action: self._build(entry) for entry in ENTRIES}
        for button in self._buttons.values():
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.count)
        self._draw_icons()
        self.set_selected(0, ())

    def set_selected(self, num: int, possible: Container[str]) -> None:
        """Says how many objects are selected, and greys out what can do nothing with them."""
        self.count.setText(f"{num:,}" if num else "")
        for action, button in self._buttons.items():
            button.setEnabled(action in possible)

    def button(self, action: str) -> QToolButton:
        """The button of an action."""
        return self._buttons[action]

    def changeEvent(self, event: QEvent | None) -> None:
        """Qt's hook: another theme, other colours."""
        super().changeEvent(event)
        if event is not None and event.type() in (
            QEvent.Type.StyleChange,
            QEvent.Type.PaletteChange,
        ):
            self._draw_icons()

    def _draw_icons(self) -> None:
        # not yet there when Qt styles the bar while it is made
        for action, button in getattr(self, "_buttons", {}).items():
            color = button.palette().buttonText().color().name()
            button.setIcon(tool_icon(EDIT_DRAWINGS[action], color))

    def _build(self, entry: EditEntry) -> QToolButton:
        button = QToolButton()
        button.setFixedSize(BUTTON_PX, BUTTON_PX)
        button.setIconSize(QSize(SIZE_PX - 2, SIZE_PX - 2))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        with_keys(button, tooltip=entry.tooltip)
        action = entry.action
        button.clicked.connect(lambda _checked=False: self.triggered.emit(action))
        return button
