"""The rows of the image list on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QPainter, QPalette
from qtpy.QtWidgets import QAbstractItemView, QTreeView

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent

    from napari_icseg.widgets.image_delegate import ImageDelegate
    from napari_icseg.widgets.image_model import ImageListModel

MIN_HEIGHT_PX = 120


class ImageView(QTreeView):
    """A list that says why it is empty.

    It is a tree view because a QListView lays all 100,000 rows out again whenever one of them
    changes.
    """

    def __init__(self, model: ImageListModel, delegate: ImageDelegate) -> None:
        super().__init__()
        self._empty_text = ""
        self.setModel(model)
        self.setItemDelegate(delegate)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        # the canvas keeps the keyboard: keys of the click loop work right after choosing an image
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumHeight(MIN_HEIGHT_PX)

    def set_empty_text(self, text: str) -> None:
        """What is said while there is no row."""
        self._empty_text = text

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Qt's hook."""
        super().paintEvent(event)
        model = self.model()
        if model is None or model.rowCount():
            return
        painter = QPainter(self.viewport())
        color = self.palette().color(QPalette.ColorRole.Text)
        color.setAlphaF(0.7)
        painter.setPen(color)
        area = self.viewport().rect().adjusted(8, 8, -8, -8)
        flags = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(area, int(flags), self._empty_text)
        painter.end()
