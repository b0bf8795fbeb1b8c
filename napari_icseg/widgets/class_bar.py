"""The classes: one button each, with its colour and its digit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QButtonGroup, QGridLayout, QPushButton, QWidget

from napari_icseg.widgets.status_icons import color_icon

if TYPE_CHECKING:
    from collections.abc import Sequence

NUM_COLUMNS = 3


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


class ClassBar(QWidget):
    """Emits `class_chosen(class_id)` and `add_requested()`."""

    class_chosen = Signal(int)
    add_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self.class_chosen)
        self.add_button = _build_button("+ class", "Add a class")
        self.add_button.clicked.connect(lambda _checked=False: self.add_requested.emit())
        self._grid.addWidget(self.add_button, 0, 0)

    def set_classes(self, classes: Sequence[ClassRow], current_id: int | None) -> None:
        """Shows these classes; the first nine get the digits 1 to 9."""
        self._clear()
        for position, row in enumerate(classes):
            button = _build_class_button(position, row)
            button.setChecked(row.id == current_id)
            self._group.addButton(button, row.id)
            self._grid.addWidget(button, position // NUM_COLUMNS, position % NUM_COLUMNS)
        self._grid.addWidget(
            self.add_button, len(classes) // NUM_COLUMNS, len(classes) % NUM_COLUMNS
        )

    def set_current(self, class_id: int) -> None:
        """Checks one button without emitting."""
        button = self._group.button(class_id)
        if button is not None:
            button.setChecked(True)

    def current_id(self) -> int | None:
        """The checked class."""
        checked = int(self._group.checkedId())
        return None if checked == -1 else checked

    def _clear(self) -> None:
        self._grid.removeWidget(self.add_button)
        for button in self._group.buttons():
            self._group.removeButton(button)
            self._grid.removeWidget(button)
            button.deleteLater()


def _build_class_button(position: int, row: ClassRow) -> QPushButton:
    digit = f"{position + 1}  " if position < 9 else ""
    key = f" (key {position + 1})" if position < 9 else ""
    button = _build_button(f"{digit}{row.name}", f"Accept objects as {row.name}{key}")
    button.setIcon(color_icon(row.color))
    button.setIconSize(QSize(12, 12))
    button.setCheckable(True)
    return button


def _build_button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton()
    button.setText(text)
    button.setToolTip(tooltip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    button.setMinimumHeight(26)
    policy = button.sizePolicy()
    policy.setHorizontalPolicy(policy.Policy.Expanding)
    button.setSizePolicy(policy)
    return button
