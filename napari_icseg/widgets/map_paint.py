"""Painting of the map: points, rings around suggested images, marks of single ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QPen

from napari_icseg.widgets.map_sprites import SHOWN, sprite
from napari_icseg.widgets.map_view import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt
    from qtpy.QtCore import QSize
    from qtpy.QtGui import QPainter

_RING_GAP_PX, _SHOWN_GAP_PX, _HOVER_GAP_PX = 3.5, 7.0, 1.5


@dataclass(frozen=True, slots=True)
class Look:
    """Colours "#rrggbb" and the diameter of points in pixels."""

    foreground: str
    background: str
    point_px: float


def point_px(num: int, zoom: float) -> float:
    """The diameter of points: many are small, and grow when one looks nearer."""
    size = 11.0 if num <= 300 else 9.0 if num <= 2000 else 6.0
    return min(13.0, size * float(zoom**0.25))


def paint_points(
    painter: QPainter,
    places_px: npt.NDArray[np.float64],
    kinds: npt.NDArray[np.uint8],
    size: QSize,
    look: Look,
) -> None:
    """Paint all points (N, 2) that are inside a canvas of a size, kind by kind."""
    ratio, side = painter.device().devicePixelRatioF(), look.point_px
    x, y = places_px.T
    inside = (x > -side) & (x < size.width() + side) & (y > -side) & (y < size.height() + side)
    for number, kind in enumerate(KINDS):
        picture = sprite(kind, side, look.background, ratio)
        half = picture.width() / ratio / 2
        for left, top in (places_px[inside & (kinds == number)] - half).tolist():
            painter.drawPixmap(QPointF(left, top), picture)


def paint_rings(painter: QPainter, places_px: npt.NDArray[np.float64], look: Look) -> None:
    """Paint a ring around each place (N, 2): these images are suggested."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(look.foreground), 1.8))
    radius = look.point_px / 2 + _RING_GAP_PX
    for x, y in places_px.tolist():
        painter.drawEllipse(QPointF(x, y), radius, radius)


def paint_hovered(
    painter: QPainter, at: tuple[float, float], others: Iterable[tuple[float, float]], look: Look
) -> None:
    """Mark the point under the mouse, with lines to the images that show nearly the same."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(look.foreground), 1.2, Qt.PenStyle.DotLine))
    for other in others:
        painter.drawLine(QPointF(*at), QPointF(*other))
    painter.setPen(QPen(QColor(look.foreground), 1.4))
    radius = look.point_px / 2 + _HOVER_GAP_PX
    painter.drawEllipse(QPointF(*at), radius, radius)


def paint_shown(painter: QPainter, at: tuple[float, float], look: Look) -> None:
    """Mark the image that is on the napari canvas."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(SHOWN), 3.0))
    radius = look.point_px / 2 + _SHOWN_GAP_PX
    painter.drawEllipse(QPointF(*at), radius, radius)
