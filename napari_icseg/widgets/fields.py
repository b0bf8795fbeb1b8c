"""Boxes to choose and numbers to enter that leave a setting to the preset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QLocale, Qt
from qtpy.QtGui import QDoubleValidator
from qtpy.QtWidgets import QComboBox, QLabel, QLineEdit, QSpinBox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QWheelEvent

    from napari_icseg.widgets.training_view import Entry

AS_PRESET = "as the preset says"
_MAX_LR = 10.0
_NAME_PX = 60


def name_label(text: str) -> QLabel:
    """Return the name of a box; boxes below each other begin at the same place."""
    label = QLabel(text)
    label.setMinimumWidth(_NAME_PX)
    return label


class EntryBox(QComboBox):
    """A box of entries that the wheel does not change: scrolling the dock passes over it."""

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self._entries: tuple[Entry, ...] = ()
        self.setToolTip(tooltip)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(10)

    def set_entries(self, entries: Sequence[Entry]) -> None:
        """Offer these; what is chosen stays so if it is among them, else the first is chosen."""
        if tuple(entries) == self._entries:
            return
        chosen = self.key()
        blocked = self.blockSignals(True)
        self._entries = tuple(entries)
        self.clear()
        for position, entry in enumerate(self._entries):
            self.addItem(entry.text)
            self.setItemData(position, entry.tooltip, Qt.ItemDataRole.ToolTipRole)
        self.setCurrentIndex(max(0, self._position(chosen)))
        self.blockSignals(blocked)
        if self.key() != chosen:
            self.currentIndexChanged.emit(self.currentIndex())

    def entry(self) -> Entry | None:
        """What is chosen; None while nothing is offered."""
        index = int(self.currentIndex())
        return self._entries[index] if 0 <= index < len(self._entries) else None

    def key(self) -> object:
        """The key of what is chosen."""
        entry = self.entry()
        return None if entry is None else entry.key

    def choose(self, key: object) -> None:
        """Choose the entry with this key, if there is one."""
        if (position := self._position(key)) >= 0:
            self.setCurrentIndex(position)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Qt's hook: leave the wheel to the dock."""
        if event is not None:
            event.ignore()

    def _position(self, key: object) -> int:
        keys = [entry.key for entry in self._entries]
        return keys.index(key) if key in keys else -1


class PresetSpinBox(QSpinBox):
    """A whole number from 1 on; the lowest position of the box leaves it to the preset."""

    def __init__(self, maximum: int, tooltip: str) -> None:
        super().__init__()
        self.setRange(0, maximum)
        self.setSpecialValueText(AS_PRESET)
        self.setToolTip(f"{tooltip}; the lowest value: the preset's")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def number(self) -> int | None:
        """The number, or None for the preset's."""
        return int(self.value()) or None

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Qt's hook: leave the wheel to the dock."""
        if event is not None:
            event.ignore()


class RateField(QLineEdit):
    """A positive number such as 1e-4; an empty field leaves it to the preset."""

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self.setPlaceholderText(AS_PRESET)
        self.setToolTip(f"{tooltip}, for example 1e-4; empty: the preset's")
        validator = QDoubleValidator(0.0, _MAX_LR, 12, self)
        validator.setLocale(QLocale.c())
        self.setValidator(validator)

    def number(self) -> float | None:
        """The number, or None for the preset's (also while what is typed is no number)."""
        text = str(self.text()).strip()
        if not text or not self.hasAcceptableInput():
            return None
        return float(text) or None
