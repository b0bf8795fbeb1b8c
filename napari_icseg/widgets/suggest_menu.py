"""The menu of the button that suggests images to label."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

COUNTS = (10, 25, 50, 100)


class SuggestMenu(QMenu):
    """Emits `count_chosen(num)`, `stop_asked()` and `map_asked()`."""

    count_chosen = Signal(int)
    stop_asked = Signal()
    map_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.counts = {num: self.addAction(f"Suggest {num} images to label") for num in COUNTS}
        for num, entry in self.counts.items():
            entry.triggered.connect(partial(self._on_count_triggered, num))
        self.stop = self.addAction("Stop looking for some")
        self.stop.triggered.connect(lambda _checked=False: self.stop_asked.emit())
        self.addSeparator()
        self.map = self.addAction("Map of all images…")
        self.map.triggered.connect(lambda _checked=False: self.map_asked.emit())
        self.set_busy(is_busy=False)

    def set_busy(self, *, is_busy: bool) -> None:
        """Offers to stop instead of to suggest."""
        for entry in self.counts.values():
            entry.setVisible(not is_busy)
        self.stop.setVisible(is_busy)

    def _on_count_triggered(self, num: int, _checked: bool = False) -> None:
        self.count_chosen.emit(num)
