"""Icons of the edit bar, drawn into 20 x 20 units with the painter's pen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QPolygonF

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QPainter


def _filled(painter: QPainter) -> None:
    painter.setBrush(painter.pen().color())


def _lines(painter: QPainter, *corners: tuple[float, float]) -> None:
    painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in corners]))


def _merge(painter: QPainter) -> None:
    painter.drawRect(QRectF(3, 3, 9, 9))
    painter.drawRect(QRectF(8, 8, 9, 9))
    _filled(painter)
    painter.drawRect(QRectF(8, 8, 4, 4))


def _separate(painter: QPainter) -> None:
    painter.drawRect(QRectF(2.5, 6, 5.5, 8))
    painter.drawRect(QRectF(12, 6, 5.5, 8))
    pen = painter.pen()
    pen.setStyle(Qt.PenStyle.DotLine)
    painter.setPen(pen)
    _lines(painter, (10, 2.5), (10, 17.5))


def _fill_holes(painter: QPainter) -> None:
    painter.drawRect(QRectF(3, 3, 14, 14))
    _filled(painter)
    painter.drawEllipse(QPointF(10, 10), 3.2, 3.2)


def _smooth(painter: QPainter) -> None:
    _lines(painter, (2, 6), (5, 3), (7, 7), (10, 3), (13, 7), (15, 3), (18, 6))
    _lines(painter, (2, 14), (18, 14))


def _grow(painter: QPainter) -> None:
    painter.drawRect(QRectF(2.5, 2.5, 15, 15))
    _lines(painter, (6, 10), (14, 10))
    _lines(painter, (10, 6), (10, 14))


def _shrink(painter: QPainter) -> None:
    painter.drawRect(QRectF(2.5, 2.5, 15, 15))
    _lines(painter, (6, 10), (14, 10))


def _largest(painter: QPainter) -> None:
    painter.drawRect(QRectF(13.5, 13.5, 3.5, 3.5))
    painter.drawRect(QRectF(14, 3, 2.5, 2.5))
    _filled(painter)
    painter.drawRect(QRectF(2.5, 2.5, 9, 13))


def _snap(painter: QPainter) -> None:
    _lines(painter, (4, 3), (4, 10), (7, 14.5), (13, 14.5), (16, 10), (16, 3))
    _lines(painter, (8, 3), (8, 9.5), (12, 9.5), (12, 3))
    _lines(painter, (4, 6), (8, 6))
    _lines(painter, (12, 6), (16, 6))


def _copy(painter: QPainter) -> None:
    painter.drawRect(QRectF(2.5, 5, 8, 10))
    _lines(painter, (11.5, 10), (17.5, 10))
    _lines(painter, (14.5, 7), (17.5, 10), (14.5, 13))


def _delete(painter: QPainter) -> None:
    _lines(painter, (5, 5), (15, 15))
    _lines(painter, (15, 5), (5, 15))


EDIT_DRAWINGS: dict[str, Callable[[QPainter], None]] = {
    "merge": _merge,
    "separate": _separate,
    "fill_holes": _fill_holes,
    "smooth": _smooth,
    "grow": _grow,
    "shrink": _shrink,
    "keep_largest": _largest,
    "snap_to_edge": _snap,
    "copy_to_next": _copy,
    "delete": _delete,
}
