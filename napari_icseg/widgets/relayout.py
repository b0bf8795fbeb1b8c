"""Room that Qt forgets to give back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


class Relayout(QTimer):
    """Lays a widget, and its parent, out anew when the events at hand are done.

    Qt goes on keeping room for a wrapped text that was hidden: the parent's layout has
    remembered the widget's height. `start` asks for it.
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self.setSingleShot(True)
        self.setInterval(0)
        self.timeout.connect(self._on_timeout)

    def _on_timeout(self) -> None:
        for widget in (self._widget, self._widget.parentWidget()):
            layout = None if widget is None else widget.layout()
            if layout is not None:
                layout.invalidate()
                layout.activate()
