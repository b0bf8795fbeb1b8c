"""Small icons for the status of an image, drawn so that no font or file is needed."""

from __future__ import annotations

from functools import cache

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPen, QPixmap

SIZE_PX = 28
NEUTRAL = "#7d828b"
# each has a contrast of 3 or more on napari's dark and on its light ground
COLORS = {
    "unlabelled": "#7d828b",
    "in_progress": "#b2760c",
    "labelled": "#2c944a",
    "blank": "#4a88c2",
    "unreadable": "#d94a55",
}


@cache
def status_icon(status: str) -> QIcon:
    """The icon of "unlabelled", "in_progress", "labelled", "blank" or "unreadable"."""
    pixmap = QPixmap(SIZE_PX, SIZE_PX)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _DRAW[status](painter, QColor(COLORS[status]))
    painter.end()
    return QIcon(pixmap)


def color_icon(color: str) -> QIcon:
    """A filled square of a class's colour.

    Args:
        color: "#rrggbb".

    """
    pixmap = QPixmap(SIZE_PX, SIZE_PX)
    pixmap.fill(QColor(color))
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # else Qt tints it in a selected row
    return icon


@cache
def sort_icon() -> QIcon:
    """Lines of falling length: the order of a list."""
    pixmap, painter = _canvas()
    for row, right in ((7, 24), (14, 18), (21, 12)):
        painter.drawLine(_point(5, row), _point(right, row))
    painter.end()
    return QIcon(pixmap)


@cache
def thumbnails_icon() -> QIcon:
    """Two pictures with lines beside them."""
    pixmap, painter = _canvas()
    for top in (4, 16):
        painter.drawRect(QRectF(4, top, 8, 8))
        painter.drawLine(_point(17, top + 4), _point(25, top + 4))
    painter.end()
    return QIcon(pixmap)


@cache
def suggest_icon() -> QIcon:
    """A ring around a dot, as suggested images have on the map."""
    pixmap, painter = _canvas()
    painter.drawEllipse(QRectF(4, 4, 20, 20))
    painter.setBrush(QColor(NEUTRAL))
    painter.drawEllipse(QRectF(11, 11, 6, 6))
    painter.end()
    return QIcon(pixmap)


def _canvas() -> tuple[QPixmap, QPainter]:
    """An empty picture with a pen of a grey that can be seen in dark and light themes."""
    pixmap = QPixmap(SIZE_PX, SIZE_PX)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(NEUTRAL), 2.6))
    return pixmap, painter


def _ring(painter: QPainter, color: QColor) -> None:
    painter.setPen(QPen(color, 3.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(QRectF(5, 5, 18, 18))


def _half(painter: QPainter, color: QColor) -> None:
    _ring(painter, color)
    painter.setBrush(color)
    painter.drawPie(QRectF(5, 5, 18, 18), 90 * 16, 180 * 16)


def _disk(painter: QPainter, color: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawEllipse(QRectF(4, 4, 20, 20))
    painter.setPen(QPen(QColor("white"), 3.0))
    painter.drawPolyline([_point(9, 14), _point(13, 18), _point(19, 10)])


def _square(painter: QPainter, color: QColor) -> None:
    painter.setPen(QPen(color, 3.0))
    painter.drawRect(QRectF(5, 5, 18, 18))
    painter.drawLine(_point(5, 23), _point(23, 5))


def _cross(painter: QPainter, color: QColor) -> None:
    painter.setPen(QPen(color, 4.0))
    painter.drawLine(_point(6, 6), _point(22, 22))
    painter.drawLine(_point(6, 22), _point(22, 6))


def _point(x: float, y: float) -> QPointF:
    return QPointF(x, y)


_DRAW = {
    "unlabelled": _ring,
    "in_progress": _half,
    "labelled": _disk,
    "blank": _square,
    "unreadable": _cross,
}
