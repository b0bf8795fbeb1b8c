"""Models side by side on one image; panes move and zoom together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyqtgraph as pg
from qtpy.QtCore import QRectF, Qt
from qtpy.QtWidgets import QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_icseg.widgets.error_marks import MARKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from qtpy.QtGui import QContextMenuEvent

    from trainers.metrics.error_places import ErrorPlace

_SIZE_PX = (1180, 520)
_MARK_PX = 16
_NOTHING = "Choose models in the Results dock."
_HINT = "The wheel zooms and dragging moves all panes together; a right click shows all again."


@dataclass(frozen=True, eq=False)
class Pane:
    """What one pane shows: a title, an RGBA picture over the image, and marks."""

    title: str
    overlay: NDArray[np.uint8] | None = None
    places: tuple[ErrorPlace, ...] = ()


class ResultsWindow(QDialog):
    """Not modal: it follows the image that is labelled and the rows that are chosen."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Models side by side")
        self.view = pg.GraphicsLayoutWidget()
        self.hint = QLabel(_HINT)
        self.panes: tuple[Pane, ...] = ()
        self._boxes: list[Any] = []
        self._shape_hw = (1, 1)
        self._titles = QHBoxLayout()
        self._titles.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(self._titles)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.hint)

    def show_panes(
        self,
        name: str,
        image: NDArray[Any],
        shape_hw: tuple[int, int],
        limits: tuple[float, float],
        panes: Sequence[Pane],
    ) -> None:
        """Draw an image once for each pane.

        Args:
            name: of the image.
            image: grey values (h, w); overlays have that shape, too.
            shape_hw: of the whole image, in whose pixels places are.
            limits: what is black and what is white.
            panes: from left to right.

        """
        self.setWindowTitle(f"{name}: models side by side")
        is_same = len(self._boxes) == len(panes) and self._shape_hw == shape_hw
        self._shape_hw = shape_hw
        seen = self._boxes[0].viewRect() if is_same else self._whole()
        self.panes = tuple(panes)
        self._name_panes([pane.title for pane in panes])
        self.view.clear()
        self._boxes = [self._add(pane, image, limits) for pane in panes]
        for box in self._boxes[1:]:
            box.setXLink(self._boxes[0])
            box.setYLink(self._boxes[0])
        self._boxes[0].setRange(rect=seen, padding=0)

    def look_at(self, row: float, col: float, radius_px: float) -> None:
        """Zoom to a place."""
        if self._boxes:
            self._boxes[0].setRange(
                xRange=(col - radius_px, col + radius_px),
                yRange=(row - radius_px, row + radius_px),
                padding=0,
            )

    def show_in_front(self) -> None:
        """Show the window, in front."""
        if not self.isVisible():
            self.resize(*_SIZE_PX)
        self.show()
        self.raise_()

    def apply_theme(self, *, background: str) -> None:
        """Take the colour (#rrggbb) of the window around."""
        self.view.setBackground(background)

    def show_all(self) -> None:
        """Zoom out until the whole image is seen."""
        if self._boxes:
            self._boxes[0].setRange(rect=self._whole(), padding=0.02)

    def contextMenuEvent(self, _event: QContextMenuEvent | None) -> None:
        """Qt's hook: a right click."""
        self.show_all()

    def show_nothing(self) -> None:
        """Forget all pictures: there is nothing to compare now."""
        self.panes, self._boxes = (), []
        self.view.clear()
        self._name_panes([_NOTHING])

    def _whole(self) -> QRectF:
        return QRectF(0.0, 0.0, float(self._shape_hw[1]), float(self._shape_hw[0]))

    def _name_panes(self, titles: Sequence[str]) -> None:
        while (item := self._titles.takeAt(0)) is not None:
            item.widget().hide()  # Qt deletes it only when it comes to that
            item.widget().deleteLater()
        for title in titles:
            label = QLabel(title)
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom)
            self._titles.addWidget(label, 1)

    def _add(self, pane: Pane, image: NDArray[Any], limits: tuple[float, float]) -> Any:
        box = self.view.addViewBox(lockAspect=True, invertY=True, enableMenu=False)
        box.disableAutoRange()
        for pixels, levels in ((image, limits), (pane.overlay, (0, 255))):
            if pixels is not None:
                item = pg.ImageItem(pixels, axisOrder="row-major", levels=levels)
                item.setRect(self._whole())
                box.addItem(item)
        box.addItem(_marks(pane.places))
        for place in pane.places:
            letter = pg.TextItem(MARKS[place.kind].letter, MARKS[place.kind].color, anchor=(0, 1))
            letter.setPos(place.col + 0.5, place.row + 0.5)
            box.addItem(letter, ignoreBounds=True)
        return box


def _marks(places: Sequence[ErrorPlace]) -> Any:
    """Return rings around the places; their centres are the pixels' centres."""
    return pg.ScatterPlotItem(
        x=[place.col + 0.5 for place in places],
        y=[place.row + 0.5 for place in places],
        pen=[pg.mkPen(MARKS[place.kind].color, width=2) for place in places],
        brush=None,
        size=_MARK_PX,
        symbol="o",
        data=[MARKS[place.kind].meaning for place in places],
        hoverable=True,
        tip=lambda x, y, data: str(data),
    )
