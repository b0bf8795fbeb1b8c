"""Predictions on some validation tiles: a picture as wide as the dock, larger on a click."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, QRect, QSize, Qt, Signal
from qtpy.QtGui import QPainter
from qtpy.QtWidgets import QDialog, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_icseg.widgets.training_view import PreviewView

if TYPE_CHECKING:
    from qtpy.QtGui import QImage, QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent

_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
_SCREEN_SHARE = 0.85
_MAX_ENLARGEMENT = 3.0
_MAX_HEIGHT_PX = 160
"""In the dock: a single tile as wide as the dock would push everything else out of it."""


class PreviewPanel(QWidget):
    """The picture with a caption that explains its colours; hidden while there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture = Picture(max_height_px=_MAX_HEIGHT_PX)
        self.picture.setToolTip("Click to enlarge (Enter)")
        self.caption = _caption()
        self.enlarged = Enlarged(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.picture)
        layout.addWidget(self.caption)
        self.picture.clicked.connect(self.enlarged.open_over)
        self.set_view(PreviewView())

    def set_view(self, view: PreviewView) -> None:
        """Show another snapshot, in the enlarged window too if it is open."""
        text = f"{escape(view.caption)} {_legend(view)}".strip()
        for picture, caption in (
            (self.picture, self.caption),
            (self.enlarged.picture, self.enlarged.caption),
        ):
            picture.set_image(view.image)
            caption.setText(text)
        self.setVisible(view.image is not None)
        if view.image is None:
            self.enlarged.close()


class Picture(QWidget):
    """An image scaled to the width of the widget, or to a largest height. Emits `clicked`."""

    clicked = Signal()

    def __init__(self, *, max_height_px: int | None = None) -> None:
        super().__init__()
        self._image: QImage | None = None
        self._max_height_px = max_height_px
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_image(self, image: QImage | None) -> None:
        """Show an image, or nothing."""
        self._image = image
        self._fit()
        self.update()

    def sizeHint(self) -> QSize:
        """Qt's hook: the image's own size."""
        return QSize(0, 0) if self._image is None else self._image.size()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Qt's hook: keep the image's proportions."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Qt's hook."""
        if self._image is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        painter.drawImage(QRect(QPoint((self.width() - size.width()) // 2, 0), size), self._image)
        if self.hasFocus():
            painter.setPen(self.palette().highlight().color())
            painter.drawRect(0, 0, self.width() - 1, self.height() - 1)
        painter.end()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Qt's hook."""
        if event is not None and self.rect().contains(event.pos()):
            self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Qt's hook: the keys that press a button."""
        if event is not None and event.key() in _KEYS:
            self.clicked.emit()
        else:
            super().keyPressEvent(event)

    def _fit(self) -> None:
        if self._image is None or self._image.width() == 0:
            self.setFixedHeight(0)
            return
        height = round(self.width() * self._image.height() / self._image.width())
        self.setFixedHeight(min(height, self._max_height_px or height))


class Enlarged(QDialog):
    """A window of its own with the picture; work goes on behind it. Esc or a click closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Predictions on validation images")
        self.picture = Picture()
        self.picture.setToolTip("Click to close (Esc)")
        self.caption = _caption()
        layout = QVBoxLayout(self)
        layout.addWidget(self.picture)
        layout.addWidget(self.caption)
        layout.addStretch(1)
        self.picture.clicked.connect(self.close)

    def open_over(self) -> None:
        """Show the window as large as the screen sensibly allows."""
        image = self.picture.sizeHint()
        screen = self.screen().availableGeometry()
        width = min(_MAX_ENLARGEMENT * image.width(), _SCREEN_SHARE * screen.width())
        height = width * image.height() / max(1, image.width())
        self.resize(round(width), round(height) + self.caption.heightForWidth(round(width)) + 40)
        self.show()
        self.raise_()
        self.activateWindow()


def _caption() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.RichText)
    return label


def _legend(view: PreviewView) -> str:
    return " ".join(
        f'<span style="color:{color}">■</span>&nbsp;{escape(name)}' for color, name in view.legend
    )
