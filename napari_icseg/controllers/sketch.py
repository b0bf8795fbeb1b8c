"""Lines drawn over the canvas while the mouse is dragged: a path, a rectangle, a polygon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from napari_icseg.controllers.napari_window import camera_of, canvas_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QPaintEvent

WIDTH_PX, HALO_PX = 2.0, 4.0
POSITIVE, NEGATIVE, NEUTRAL = "#26e640", "#ff3333", "#00e6ff"
"""Colours for what belongs to an object, what does not, and everything else."""


class CanvasSketch:
    """One line at a time over the canvas, in image points (row, col).

    It is a transparent Qt widget, so that a move of the mouse does not draw napari's scene
    again: without a graphics card that takes longer than the line may. It follows the camera.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._points_rc: tuple[tuple[float, float], ...] = ()
        self._pane: _Pane | None = None
        camera_of(viewer).events.connect(self._on_camera_moved)

    @property
    def points_rc(self) -> tuple[tuple[float, float], ...]:
        """What is shown; empty when nothing is."""
        return self._points_rc

    def show(
        self,
        points_rc: Sequence[tuple[float, float]],
        *,
        closed: bool = False,
        color: str = NEUTRAL,
    ) -> None:
        """Shows a line in place of the one before.

        Args:
            points_rc: (row, col) image pixels, float; may lie outside the image.
            closed: the last point is joined with the first, and the inside is shaded.
            color: "#rrggbb".

        """
        self._points_rc = tuple(points_rc)
        pane = self._ready_pane()
        pane.is_closed, pane.color = closed, QColor(color)
        self._place(pane)

    def show_box(
        self, start_rc: tuple[float, float], end_rc: tuple[float, float], *, color: str = NEUTRAL
    ) -> None:
        """Shows the rectangle with these two corners."""
        (top, left), (bottom, right) = start_rc, end_rc
        corners = ((top, left), (top, right), (bottom, right), (bottom, left))
        self.show(corners, closed=True, color=color)

    def clear(self) -> None:
        """Shows nothing."""
        self._points_rc = ()
        if self._pane is not None and isalive(self._pane):
            self._pane.hide()

    def close(self) -> None:
        """Takes the widget out of the canvas."""
        camera_of(self._viewer).events.disconnect(self._on_camera_moved)
        if self._pane is not None and isalive(self._pane):
            self._pane.setParent(None)
            self._pane.deleteLater()
        self._pane, self._points_rc = None, ()

    def _ready_pane(self) -> _Pane:
        if self._pane is None or not isalive(self._pane):
            self._pane = _Pane(canvas_of(self._viewer))
        return self._pane

    def _place(self, pane: _Pane) -> None:
        canvas, camera = canvas_of(self._viewer), camera_of(self._viewer)
        _, center_row, center_col = camera.center
        x0, y0 = canvas.width() / 2, canvas.height() / 2
        pane.line = QPolygonF(
            [
                QPointF(
                    x0 + (col - center_col) * camera.zoom, y0 + (row - center_row) * camera.zoom
                )
                for row, col in self._points_rc
            ]
        )
        if pane.size() != canvas.size():
            pane.resize(canvas.size())
        if not pane.isVisible():
            pane.show()
        pane.update()

    def _on_camera_moved(self, _event: object = None) -> None:
        if self._points_rc and self._pane is not None and isalive(self._pane):
            self._place(self._pane)


class _Pane(QWidget):
    """Draws a line in canvas pixels and lets the mouse through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.line = QPolygonF()
        self.is_closed = False
        self.color = QColor(NEUTRAL)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Qt's hook: a dark edge under the colour, so that it is seen on any grey."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.is_closed:
            fill = QColor(self.color)
            fill.setAlpha(36)
            painter.setBrush(fill)
        for color, width in ((QColor(0, 0, 0, 150), HALO_PX), (self.color, WIDTH_PX)):
            painter.setPen(QPen(color, width))
            if self.is_closed:
                painter.drawPolygon(self.line)
                painter.setBrush(Qt.BrushStyle.NoBrush)
            else:
                painter.drawPolyline(self.line)
        painter.end()
