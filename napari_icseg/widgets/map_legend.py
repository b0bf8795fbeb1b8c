"""The legend of the map: what its marks mean, and how many images have each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from napari_icseg.widgets.map_sprites import SHOWN, sprite
from napari_icseg.widgets.map_view import KIND_TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

SUGGESTED, ON_CANVAS = "suggested", "shown"
_TEXTS = {**KIND_TEXT, SUGGESTED: "suggested", ON_CANVAS: "on the canvas"}
_TOOLTIPS = {
    "unlabelled": "Nobody has labelled it",
    "in_progress": "It has labels, and is not marked as done",
    "labelled": "Marked as done",
    "blank": "Marked as blank: it shows no object",
    "waiting": "A round's proposal waits for your review",
    SUGGESTED: "Ringed images teach a model most when they are labelled next",
    ON_CANVAS: "The image that you see now",
}
_NUM_COLUMNS = 2
_ICON_PX = 16


class MapLegend(QWidget):
    """Marks with their meaning and count, in two columns."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.icons = {name: QLabel() for name in _TEXTS}
        self.labels = {name: QLabel(text) for name, text in _TEXTS.items()}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(0)
        for number, name in enumerate(_TEXTS):
            row = QHBoxLayout()
            row.setSpacing(4)
            row.addWidget(self.icons[name])
            row.addWidget(self.labels[name], 1)
            for label in (self.icons[name], self.labels[name]):
                label.setToolTip(_TOOLTIPS[name])
            self.icons[name].setFixedSize(_ICON_PX, _ICON_PX)
            grid.addLayout(row, number // _NUM_COLUMNS, number % _NUM_COLUMNS)
        self.set_counts({})

    def set_counts(self, counts: Mapping[str, int]) -> None:
        """Shows how many images there are of each kind, and how many suggested ones."""
        for name, label in self.labels.items():
            num = counts.get(name)
            label.setText(_TEXTS[name] if num is None else f"{_TEXTS[name]} {num:,}")

    def apply_theme(self, *, foreground: str, background: str) -> None:
        """Take the colours (#rrggbb) of the window around."""
        ratio = self.devicePixelRatioF()
        for name, icon in self.icons.items():
            icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
            if name in KIND_TEXT:
                icon.setPixmap(sprite(name, 11.0, background, ratio))
            else:
                icon.setPixmap(_ring(SHOWN if name == ON_CANVAS else foreground, ratio))


def _ring(color: str, ratio: float) -> QPixmap:
    pixmap = QPixmap(QSize(_ICON_PX, _ICON_PX) * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(color), 3.0 if color == SHOWN else 1.8))
    painter.drawEllipse(QPointF(_ICON_PX / 2, _ICON_PX / 2), 6.0, 6.0)
    painter.end()
    return pixmap
