"""How an image looks on the map: shape and colour say its status, as in the image list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPixmap, QPolygonF

from napari_icseg.widgets import tones
from napari_icseg.widgets.status_icons import COLORS

if TYPE_CHECKING:
    from collections.abc import Callable

WAITING = "#9a6fd8"
SHOWN = "#5b8def"
"""The image on the canvas; the image list has a bar of this colour."""
_MARGIN_PX = 1.5


def kind_color(kind: str, background: str) -> str:
    """The colour "#rrggbb" of a kind that can be seen on a background."""
    return tones.readable(COLORS.get(kind, WAITING), background, 3.0)


def sprite(kind: str, size_px: float, background: str, ratio: float = 1.0) -> QPixmap:
    """A picture of one point, `size_px` wide plus a small margin, in logical pixels.

    Args:
        kind: of `map_view.KINDS`.
        size_px: the point's diameter.
        background: "#rrggbb"; the rim has this colour, so that points over each other are seen.
        ratio: device pixels for each logical one.

    """
    side = size_px + 2 * _MARGIN_PX
    pixmap = QPixmap(round(side * ratio), round(side * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    area = QRectF(_MARGIN_PX, _MARGIN_PX, size_px, size_px)
    rim = QColor(background)
    rim.setAlphaF(0.7)
    _DRAW[kind](painter, area, QColor(kind_color(kind, background)), QPen(rim, 1.0))
    painter.end()
    return pixmap


def _disk(painter: QPainter, area: QRectF, color: QColor, rim: QPen) -> None:
    painter.setPen(rim)
    painter.setBrush(color)
    painter.drawEllipse(area)


def _ring(painter: QPainter, area: QRectF, color: QColor, _rim: QPen) -> None:
    width = max(1.2, area.width() * 0.2)
    inset = width / 2 + 0.5
    painter.setPen(QPen(color, width))
    faint = QColor(color)
    faint.setAlphaF(0.25)
    painter.setBrush(faint)
    painter.drawEllipse(area.adjusted(inset, inset, -inset, -inset))


def _half(painter: QPainter, area: QRectF, color: QColor, rim: QPen) -> None:
    _ring(painter, area, color, rim)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPie(area.adjusted(0.5, 0.5, -0.5, -0.5), 90 * 16, 180 * 16)


def _square(painter: QPainter, area: QRectF, color: QColor, rim: QPen) -> None:
    painter.setPen(rim)
    painter.setBrush(color)
    painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))


def _diamond(painter: QPainter, area: QRectF, color: QColor, rim: QPen) -> None:
    painter.setPen(rim)
    painter.setBrush(color)
    middle = area.center()
    corners = [
        QPointF(middle.x(), area.top() - 0.5),
        QPointF(area.right() + 0.5, middle.y()),
        QPointF(middle.x(), area.bottom() + 0.5),
        QPointF(area.left() - 0.5, middle.y()),
    ]
    painter.drawPolygon(QPolygonF(corners))


_DRAW: dict[str, Callable[[QPainter, QRectF, QColor, QPen], None]] = {
    "unlabelled": _ring,
    "in_progress": _half,
    "labelled": _disk,
    "blank": _square,
    "waiting": _diamond,
}
