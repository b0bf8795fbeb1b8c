"""Marks of electrical errors over the canvas, by Qt alone: napari's scene is not drawn anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import QWidget

from napari_icseg.controllers.napari_window import camera_of, canvas_of
from napari_icseg.widgets.error_marks import MARKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtCore import QObject
    from qtpy.QtGui import QPaintEvent

    from trainers.metrics.error_places import ErrorPlace

_RADIUS_PX, _LETTER_PX = 11.0, 13
_SHADOW = QColor(0, 0, 0, 200)


class ErrorPane:
    """Shows rings with letters, of one size on the screen, where the camera has their pixels."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._pane: _Pane | None = None
        camera = camera_of(viewer)
        self._events = (camera.events.zoom, camera.events.center)
        for event in self._events:
            event.connect(self._on_camera_moved)

    @property
    def widget(self) -> QWidget | None:
        """What draws the marks, once there were any."""
        return self._pane

    @property
    def places(self) -> tuple[ErrorPlace, ...]:
        """What is marked now."""
        pane = self._pane
        return pane.places if pane is not None and isalive(pane) and pane.isVisible() else ()

    def show(self, places: Sequence[ErrorPlace]) -> None:
        """Mark these places in place of those before; none hides the marks."""
        if not places:
            if self._pane is not None and isalive(self._pane):
                self._pane.hide()
            return
        if self._pane is None or not isalive(self._pane):
            self._pane = _Pane(canvas_of(self._viewer), camera_of(self._viewer))
        self._pane.places = tuple(places)
        self._pane.fit()
        self._pane.show()
        self._pane.update()

    def close(self) -> None:
        """Take the widget out of the canvas and stop following the camera."""
        for event in self._events:
            event.disconnect(self._on_camera_moved)
        if self._pane is not None and isalive(self._pane):
            self._pane.setParent(None)
            self._pane.deleteLater()
        self._pane = None

    def _on_camera_moved(self, _event: object = None) -> None:
        if self._pane is not None and isalive(self._pane) and self._pane.isVisible():
            self._pane.fit()
            self._pane.update()


class _Pane(QWidget):
    """Draws the marks and lets the mouse through."""

    def __init__(self, canvas: QWidget, camera: Any) -> None:
        super().__init__(canvas)
        self._camera = camera
        canvas.installEventFilter(self)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.places: tuple[ErrorPlace, ...] = ()

    def fit(self) -> None:
        """Cover the whole canvas, whatever size it has by now."""
        if self.size() != self.parentWidget().size():
            self.resize(self.parentWidget().size())

    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:
        """Qt's hook: napari tells nobody that its canvas has another size."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self.fit()
            self.update()
        return False

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Qt's hook."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPixelSize(_LETTER_PX)
        font.setBold(True)
        painter.setFont(font)
        for place in self.places:
            mark, middle = MARKS[place.kind], self.on_screen(place)
            beside = middle + QPointF(_RADIUS_PX - 1, -_RADIUS_PX + 2)
            for color, width in ((_SHADOW, 4.0), (QColor(mark.color), 2.0)):
                painter.setPen(QPen(color, width))
                painter.drawEllipse(middle, _RADIUS_PX, _RADIUS_PX)
            for color, shift in ((_SHADOW, QPointF(1, 1)), (QColor(mark.color), QPointF())):
                painter.setPen(color)
                painter.drawText(beside + shift, mark.letter)
        painter.end()

    def on_screen(self, place: ErrorPlace) -> QPointF:
        """Return where a pixel's centre lies in the canvas; integers are pixel centres."""
        _, center_row, center_col = self._camera.center
        x = self.width() / 2 + (place.col - center_col) * self._camera.zoom
        y = self.height() / 2 + (place.row - center_row) * self._camera.zoom
        return QPointF(x, y)
