"""The Review dock: a key stroke for each proposal of a round, worst first."""

from __future__ import annotations

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtWidgets import QDockWidget, QFrame, QVBoxLayout, QWidget

from napari_icseg.widgets import tones
from napari_icseg.widgets.review_current import ReviewCurrent
from napari_icseg.widgets.review_overlays import ReviewOverlays
from napari_icseg.widgets.review_progress import ReviewProgress
from napari_icseg.widgets.review_queue import ReviewQueueTable

_MIN_WIDTH_PX = 340


class ReviewDock(QWidget):
    """Composes the panels; a controller connects to their signals and sets their views.

    Emits `front_changed(bool)` when it comes into sight or goes out of it, also behind
    another tab.
    """

    front_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.progress = ReviewProgress()
        self.current = ReviewCurrent()
        self.overlays = ReviewOverlays()
        self.queue = ReviewQueueTable()
        self.around: QDockWidget | None = None
        """The window of Qt that holds it, once it is shown."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        for widget in (self.progress, _line(), self.current, _line(), self.overlays):
            layout.addWidget(widget)
        layout.addWidget(self.queue, 100)
        layout.addStretch(1)  # for when nothing waits
        self.setMinimumWidth(_MIN_WIDTH_PX)

    def apply_theme(self, background: str) -> None:
        """Take the tones that can be read on a background (#rrggbb)."""
        self.setStyleSheet(tones.style_sheet(tones.palette_for(background)))

    def bring_to_front(self) -> None:
        """Show its tab."""
        if self.around is not None and isalive(self.around):
            self.around.show()
            self.around.raise_()

    def event(self, event: QEvent | None) -> bool:
        """Qt's hook: finds out in which window it is, when it is shown or hidden."""
        if event is not None and event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._find_around()
            if self.around is None:
                self.front_changed.emit(event.type() == QEvent.Type.Show)
        return bool(super().event(event))

    def _find_around(self) -> None:
        above = self.parentWidget()
        while above is not None and not isinstance(above, QDockWidget):
            above = above.parentWidget()
        if above is not None and above is not self.around:
            self.around = above
            above.visibilityChanged.connect(self.front_changed.emit)
            self.front_changed.emit(not above.visibleRegion().isEmpty())


def _line() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFrameShadow(QFrame.Shadow.Plain)
    line.setEnabled(False)
    line.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    return line
