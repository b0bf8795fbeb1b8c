"""The card beside a point of the map: thumbnail, name and what is known of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from napari_icseg.widgets.map_view import Card

THUMBNAIL_PX = 72
_TEXT_WIDTH_PX = 170
_GAP_PX = 14


class MapCard(QFrame):
    """Lies over the canvas and takes no mouse events."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.picture = QLabel()
        self.picture.setFixedSize(THUMBNAIL_PX, THUMBNAIL_PX)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.title = QLabel()
        self.text = QLabel()
        for label in (self.title, self.text):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setFixedWidth(_TEXT_WIDTH_PX)
        self.title.setStyleSheet("font-weight: bold;")
        self.text.setWordWrap(True)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.text)
        words.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(8)
        layout.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words)
        self.hide()

    def show_card(self, card: Card, at: QPoint) -> None:
        """Shows a card beside a point of the parent, where there is room."""
        width = _TEXT_WIDTH_PX
        cut = self.title.fontMetrics().elidedText(card.title, Qt.TextElideMode.ElideMiddle, width)
        self.title.setText(cut)
        self.text.setText("\n".join(card.lines))
        # a wrapped label knows its height only when its font is known, which is so when it is shown
        self.text.ensurePolished()
        self.text.setMinimumHeight(0)  # else it is not less than before
        self.text.setFixedHeight(max(0, self.text.heightForWidth(width)))
        self.layout().activate()
        self.resize(self.sizeHint())
        self.move(self._place(at))
        self.show()
        self.raise_()

    def set_picture(self, pixmap: QPixmap | None) -> None:
        """Shows the image's thumbnail; None while there is none."""
        self.picture.setPixmap(pixmap if pixmap is not None else QPixmap())

    def apply_theme(self, *, foreground: str, background: str) -> None:
        """Take the colours (#rrggbb) of the window around."""
        rim = QColor(foreground)
        rim.setAlphaF(0.45)
        self.setStyleSheet(
            f"MapCard {{ background: {background}; "
            f"border: 1px solid {rim.name(QColor.NameFormat.HexArgb)}; border-radius: 3px; }}"
            f"QLabel {{ background: transparent; color: {foreground}; }}"
        )

    def _place(self, at: QPoint) -> QPoint:
        """Right of and below the point, else left or above, always inside the parent."""
        room = self.parentWidget().rect()
        x, y = at.x() + _GAP_PX, at.y() + _GAP_PX
        if x + self.width() > room.width():
            x = at.x() - _GAP_PX - self.width()
        if x < 0:
            x = max(0, (room.width() - self.width()) // 2)
        if y + self.height() > room.height():
            y = at.y() - _GAP_PX - self.height()
        return QPoint(x, max(0, y))
