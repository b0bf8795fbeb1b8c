"""Eye and lock, for rows of the class list; grey, so that they suit dark and light themes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

from napari_icseg.widgets.status_icons import NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE_PX = 32
OFF = "#5a5f68"
LOCKED = "#e0a030"


@cache
def eye_icon(*, is_open: bool) -> QIcon:
    """An eye; struck through if it is closed."""
    return _icon(lambda painter: _eye(painter, is_open=is_open), NEUTRAL if is_open else OFF)


@cache
def lock_icon(*, is_closed: bool) -> QIcon:
    """A padlock, orange if it is closed."""
    return _icon(lambda painter: _lock(painter, is_closed=is_closed), LOCKED if is_closed else OFF)


def _icon(draw: Callable[[QPainter], None], color: str) -> QIcon:
    picture = QPixmap(SIZE_PX, SIZE_PX)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(color), 2.6))
    draw(painter)
    painter.end()
    icon = QIcon(picture)
    # else Qt tints it in a selected row
    icon.addPixmap(picture, QIcon.Mode.Selected)
    return icon


def _eye(painter: QPainter, *, is_open: bool) -> None:
    path = QPainterPath(QPointF(3, 16))
    path.quadTo(16, 2, 29, 16)
    path.quadTo(16, 30, 3, 16)
    painter.drawPath(path)
    if is_open:
        painter.setBrush(painter.pen().color())
        painter.drawEllipse(QPointF(16, 16), 3.4, 3.4)
    else:
        painter.drawLine(QPointF(5, 27), QPointF(27, 5))


def _lock(painter: QPainter, *, is_closed: bool) -> None:
    shackle = QRectF(10, 5, 12, 18)
    painter.drawArc(shackle, (0 if is_closed else 40) * 16, 180 * 16)
    painter.setBrush(painter.pen().color())
    painter.drawRoundedRect(QRectF(7, 15, 18, 13), 2, 2)
