"""The map: a point for each image; similar images lie together. Painted by QPainter alone.

points, window ──► layer (a pixmap, painted when they change) ──► screen
                   rings of the image shown and the one under the mouse ──┘
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPixmap
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_icseg.widgets.map_card import MapCard
from napari_icseg.widgets.map_paint import (
    Look,
    paint_hovered,
    paint_points,
    paint_rings,
    paint_shown,
    point_px,
)
from napari_icseg.widgets.map_view import NO_POINTS, MapPoints, MapWindow, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    from qtpy.QtGui import QMouseEvent, QPaintEvent, QResizeEvent, QWheelEvent

    from napari_icseg.widgets.map_view import Card

REACH_PX = 9.0
_DRAG_PX = 4
_WHEEL_STEP = 1.25
_TOOLTIP = (
    "Each point is an image; images that look alike lie together.\n"
    "Click: open the image. Wheel: zoom. Drag: move. Double click: all images."
)


class MapCanvas(QWidget):
    """Shows points; emits `chosen(image_id)` on a click, `hovered(image_id or None)`."""

    chosen = Signal(int)
    hovered = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.card = MapCard(self)
        self._points: MapPoints = NO_POINTS
        self._window = MapWindow((max(1, self.width()), max(1, self.height())))
        self._places_px: npt.NDArray[np.float64] = np.zeros((0, 2))
        self._suggested: frozenset[int] = frozenset()
        self._alike: tuple[int, ...] = ()
        self._shown_id: int | None = None
        self._hovered: int | None = None
        self._pressed: tuple[QPoint, QPoint] | None = None
        self._is_dragging = False
        self._layer: QPixmap | None = None
        self._text = ""
        self._foreground, self._background = "#f0f1f2", "#262930"
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Map of the images")
        self.setAccessibleDescription(_TOOLTIP)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(180)

    @property
    def points(self) -> MapPoints:
        """What is shown."""
        return self._points

    @property
    def window_shown(self) -> MapWindow:
        """The part of the map that is seen."""
        return self._window

    def set_points(self, points: MapPoints) -> None:
        """Shows other points, or the same with other kinds; what is seen of the map stays."""
        if points.places is not self._points.places:
            self._hover(None)
        self._points = points
        self._place()

    def set_suggested(self, image_ids: Iterable[int]) -> None:
        """Puts a ring around these images."""
        self._suggested = frozenset(image_ids)
        self._repaint_layer()

    def set_shown(self, image_id: int | None) -> None:
        """Marks the image that is on the napari canvas."""
        self._shown_id = image_id
        self.update()

    def set_text(self, text: str) -> None:
        """Says why there are no points."""
        self._text = text
        self.update()

    def show_card(self, image_id: int, card: Card, alike: Iterable[int]) -> None:
        """Shows a card at an image if the mouse is still there, and lines to those like it."""
        if self._hovered is None or int(self._points.ids[self._hovered]) != image_id:
            return
        self._alike = tuple(np.flatnonzero(np.isin(self._points.ids, list(alike))).tolist())
        self.card.show_card(card, QPoint(*np.rint(self._places_px[self._hovered]).astype(int)))
        self.update()

    def show_all(self) -> None:
        """Zooms out to all points."""
        self._see(MapWindow((self.width(), self.height())))

    def position_of(self, image_id: int) -> QPoint | None:
        """Where an image's point is, in pixels of this widget."""
        found = np.flatnonzero(self._points.ids == image_id)
        return QPoint(*np.rint(self._places_px[found[0]]).astype(int)) if len(found) else None

    def apply_theme(self, *, foreground: str, background: str) -> None:
        """Take the colours (#rrggbb) of the window around."""
        self._foreground, self._background = foreground, background
        self.card.apply_theme(foreground=foreground, background=background)
        self._repaint_layer()

    # mouse ----------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Qt's hook: zooms at the mouse."""
        if event is None or not len(self._points.ids):
            return
        at, steps = event.position(), event.angleDelta().y() / 120
        self._see(self._window.zoomed(_WHEEL_STEP**steps, (at.x(), at.y())))
        self._hover(self._nearest(at.toPoint()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Qt's hook."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            point = event.position().toPoint()
            self._pressed, self._is_dragging = (point, point), False

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Qt's hook: moves the map while the button is down, else looks what is there."""
        if event is None:
            return
        point = event.position().toPoint()
        if self._pressed is None:
            self._hover(self._nearest(point))
            return
        first, last = self._pressed
        self._is_dragging |= (point - first).manhattanLength() > _DRAG_PX
        if self._is_dragging:
            self._hover(None)
            self._pressed = (first, point)
            self._see(self._window.moved(point.x() - last.x(), point.y() - last.y()))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Qt's hook: a click that was no drag opens the image."""
        if event is None or self._pressed is None:
            return
        was_dragging, self._pressed, self._is_dragging = self._is_dragging, None, False
        found = self._nearest(event.position().toPoint())
        if not was_dragging and found is not None:
            self.chosen.emit(int(self._points.ids[found]))

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Qt's hook: all images, unless an image was meant."""
        if event is not None and self._nearest(event.position().toPoint()) is None:
            self.show_all()

    def leaveEvent(self, event: QEvent | None) -> None:
        """Qt's hook."""
        super().leaveEvent(event)
        self._hover(None)

    def _nearest(self, point: QPoint) -> int | None:
        return nearest(self._places_px, (point.x(), point.y()), REACH_PX)

    def _hover(self, found: int | None) -> None:
        if found == self._hovered:
            return
        self._hovered, self._alike = found, ()
        self.card.hide()
        is_over = found is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if is_over else Qt.CursorShape.ArrowCursor)
        self.hovered.emit(None if found is None else int(self._points.ids[found]))
        self.update()

    # painting -------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Qt's hook."""
        return QSize(320, 420)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Qt's hook."""
        super().resizeEvent(event)
        self._see(self._window.resized(self.width(), self.height()))

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Qt's hook."""
        painter = QPainter(self)
        if not len(self._points.ids):
            self._paint_text(painter)
        else:
            if self._layer is None:
                self._layer = self._painted_layer()
            painter.drawPixmap(0, 0, self._layer)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_marks(painter)
        painter.end()

    def _see(self, window: MapWindow) -> None:
        self._window = window
        self._place()

    def _place(self) -> None:
        self._places_px = self._window.to_px(self._points.places)
        self._repaint_layer()

    def _repaint_layer(self) -> None:
        self._layer = None
        self.update()

    def _look(self) -> Look:
        size = point_px(len(self._points.ids), self._window.zoom)
        return Look(self._foreground, self._background, size)

    def _painted_layer(self) -> QPixmap:
        ratio, look = self.devicePixelRatioF(), self._look()
        layer = QPixmap(self.size() * ratio)
        layer.setDevicePixelRatio(ratio)
        layer.fill(QColor(self._background))
        painter = QPainter(layer)
        paint_points(painter, self._places_px, self._points.kinds, self.size(), look)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_suggested = np.isin(self._points.ids, list(self._suggested))
        paint_rings(painter, self._places_px[is_suggested], look)
        painter.end()
        return layer

    def _paint_marks(self, painter: QPainter) -> None:
        look, places = self._look(), self._places_px
        if self._hovered is not None:
            others = [tuple(places[number]) for number in self._alike]
            paint_hovered(painter, tuple(places[self._hovered]), others, look)
        for number in np.flatnonzero(self._points.ids == self._shown_id):
            paint_shown(painter, tuple(places[number]), look)

    def _paint_text(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), QColor(self._background))
        color = QColor(self._foreground)
        color.setAlphaF(0.8)
        painter.setPen(color)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self.rect().adjusted(16, 16, -16, -16), int(flags), self._text)
