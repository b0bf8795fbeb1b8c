"""Icons of the tools, drawn with the text's colour of the palette, so that they suit any theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

if TYPE_CHECKING:
    from collections.abc import Callable

    Drawing = Callable[[QPainter], None]

SIZE_PX = 20
_SCALE = 2
"""Pictures have twice the pixels, for sharp screens."""


def tool_icon(icon: str | Drawing, color: str) -> QIcon:
    """An icon in a colour "#rrggbb": a name of `DRAWINGS`, or a function that draws it."""
    picture = QPixmap(SIZE_PX * _SCALE, SIZE_PX * _SCALE)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(_SCALE, _SCALE)
    painter.setPen(QPen(QColor(color), 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    (DRAWINGS[icon] if isinstance(icon, str) else icon)(painter)
    painter.end()
    picture.setDevicePixelRatio(_SCALE)
    tool = QIcon(picture)
    tool.addPixmap(_faded(picture), QIcon.Mode.Disabled)
    return tool


def _faded(picture: QPixmap) -> QPixmap:
    faded = QPixmap(picture.size())
    faded.setDevicePixelRatio(picture.devicePixelRatio())
    faded.fill(Qt.GlobalColor.transparent)
    painter = QPainter(faded)
    painter.setOpacity(0.3)
    painter.drawPixmap(0, 0, picture)
    painter.end()
    return faded


def _click(painter: QPainter) -> None:
    painter.setBrush(painter.pen().color())
    arrow = [(5, 3), (5, 15), (8.2, 12.2), (10.4, 17), (12.4, 16), (10.2, 11.4), (14.4, 11.2)]
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in arrow]))


def _box(painter: QPainter) -> None:
    pen = painter.pen()
    pen.setStyle(Qt.PenStyle.DashLine)
    painter.setPen(pen)
    painter.drawRect(QRectF(3.5, 4.5, 13, 11))


def _scribble(painter: QPainter) -> None:
    path = QPainterPath(QPointF(3, 14))
    path.cubicTo(6, 2, 8, 2, 9, 9)
    path.cubicTo(10, 17, 13, 17, 17, 5)
    painter.drawPath(path)


def _knife(painter: QPainter) -> None:
    painter.drawLine(QPointF(4, 16), QPointF(16, 4))
    painter.drawRect(QRectF(3, 5, 5, 5))
    painter.drawRect(QRectF(12, 11, 5, 5))


def _brush(painter: QPainter) -> None:
    painter.drawLine(QPointF(9, 11), QPointF(16.5, 3.5))
    painter.setBrush(painter.pen().color())
    painter.drawEllipse(QPointF(6.4, 13.6), 3.2, 3.2)


def _eraser(painter: QPainter) -> None:
    corners = [(3, 12), (11, 4), (16, 9), (8, 17)]
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
    painter.drawLine(QPointF(7, 8), QPointF(12, 13))


def _polygon(painter: QPainter) -> None:
    corners = [(4, 7), (11, 3), (17, 9), (13, 16), (5, 15)]
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
    painter.setBrush(painter.pen().color())
    for x, y in corners:
        painter.drawEllipse(QPointF(x, y), 1.2, 1.2)


def _hover(painter: QPainter) -> None:
    path = QPainterPath(QPointF(2.5, 10))
    path.quadTo(10, 1, 17.5, 10)
    path.quadTo(10, 19, 2.5, 10)
    painter.drawPath(path)
    painter.setBrush(painter.pen().color())
    painter.drawEllipse(QPointF(10, 10), 2.2, 2.2)


def _refine(painter: QPainter) -> None:
    painter.drawEllipse(QPointF(8.5, 11), 5.5, 5.5)
    painter.drawLine(QPointF(15, 2.5), QPointF(15, 8.5))
    painter.drawLine(QPointF(12, 5.5), QPointF(18, 5.5))


DRAWINGS: dict[str, Drawing] = {
    "click": _click,
    "box": _box,
    "scribble": _scribble,
    "knife": _knife,
    "brush": _brush,
    "eraser": _eraser,
    "polygon": _polygon,
    "hover": _hover,
    "refine": _refine,
}
