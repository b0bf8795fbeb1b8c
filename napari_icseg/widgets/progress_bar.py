"""A thin bar of the images' statuses: labelled, blank, in progress, and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPainterPath
from qtpy.QtWidgets import QWidget

from napari_icseg.widgets.status_icons import COLORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtGui import QPaintEvent

HEIGHT_PX = 6
STACKED = ("labelled", "blank", "in_progress")
"""From left to right; what is left of the bar is not labelled."""


class StackedBar(QWidget):
    """Shares of the images, in the colours of their icons."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shares: tuple[float, ...] = (0.0,) * len(STACKED)
        self.setFixedHeight(HEIGHT_PX)

    def set_counts(self, counts: Mapping[str, int], num_images: int) -> None:
        """Shows the number of images of each status of STACKED."""
        self._shares = tuple(counts.get(name, 0) / max(1, num_images) for name in STACKED)
        self.update()

    @property
    def shares(self) -> dict[str, float]:
        """What is shown, 0..1 of the bar each."""
        return dict(zip(STACKED, self._shares, strict=True))

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Qt's hook."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area, outline = QRectF(self.rect()), QPainterPath()
        outline.addRoundedRect(area, HEIGHT_PX / 2, HEIGHT_PX / 2)
        painter.setClipPath(outline)
        painter.fillRect(area, QColor(128, 128, 128, 70))
        left = area.left()
        for name, share in zip(STACKED, self._shares, strict=True):
            # a single image of 100,000 can be seen, too
            width = max(2.0, share * area.width()) if share else 0.0
            painter.fillRect(QRectF(left, area.top(), width, area.height()), QColor(COLORS[name]))
            left += width
        painter.setPen(Qt.PenStyle.NoPen)
        painter.end()
