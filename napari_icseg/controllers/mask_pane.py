"""A mask shown faintly over the canvas, by Qt alone: napari's scene is not drawn anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.compat import isalive
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QImage, QPainter
from qtpy.QtWidgets import QWidget

from napari_icseg.controllers.napari_window import camera_of, canvas_of

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent

    from trainers.io.rle import RleMask

FILL_ARGB, EDGE_ARGB = 0x38B8A0FF, 0x90B8A0FF
"""A dim violet, alpha first: neither a class colour nor the candidate's."""


@dataclass(frozen=True, eq=False)
class MaskPicture:
    """A mask as a picture whose first pixel lies at (row, col) of the image."""

    image: QImage
    row: int
    col: int


def picture_of(mask: RleMask) -> MaskPicture:
    """Draw fill and edge of a mask; callable from any thread."""
    crop = mask.crop()
    padded = np.pad(crop, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    argb = np.where(crop, np.where(inner, FILL_ARGB, EDGE_ARGB), 0).astype(np.uint32)
    height, width = argb.shape
    image = QImage(argb.tobytes(), width, height, 4 * width, QImage.Format.Format_ARGB32)
    # a copy: Qt does not keep the bytes alive
    return MaskPicture(image.copy(), mask.row, mask.col)


class MaskPane:
    """Shows one picture at a time where the camera has its pixels now."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._pane: _Pane | None = None

    def show(self, picture: MaskPicture | None) -> None:
        """Shows a picture in place of the one before; None: nothing."""
        if picture is None:
            if self._pane is not None and isalive(self._pane):
                self._pane.hide()
            return
        canvas = canvas_of(self._viewer)
        if self._pane is None or not isalive(self._pane):
            self._pane = _Pane(canvas)
        self._pane.picture, self._pane.target = picture.image, self._target(picture)
        if self._pane.size() != canvas.size():
            self._pane.resize(canvas.size())
        self._pane.show()
        self._pane.update()

    def close(self) -> None:
        """Takes the widget out of the canvas."""
        if self._pane is not None and isalive(self._pane):
            self._pane.setParent(None)
            self._pane.deleteLater()
        self._pane = None

    def _target(self, picture: MaskPicture) -> QRectF:
        """Where the picture lies in the canvas's pixels."""
        canvas, camera = canvas_of(self._viewer), camera_of(self._viewer)
        _, center_row, center_col = camera.center
        # integers are pixel centres
        left = canvas.width() / 2 + (picture.col - 0.5 - center_col) * camera.zoom
        top = canvas.height() / 2 + (picture.row - 0.5 - center_row) * camera.zoom
        width, height = picture.image.width(), picture.image.height()
        return QRectF(left, top, width * camera.zoom, height * camera.zoom)


class _Pane(QWidget):
    """Draws a picture and lets the mouse through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.picture = QImage()
        self.target = QRectF()

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Qt's hook."""
        painter = QPainter(self)
        painter.drawImage(self.target, self.picture)
        painter.end()
