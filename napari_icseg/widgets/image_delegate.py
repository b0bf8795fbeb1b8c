"""How a row of the image list with a thumbnail is painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, QRect, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette
from qtpy.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from napari_icseg.widgets.image_model import NOTE_MARK, STATUS_TEXT, SUGGESTED_MARK
from napari_icseg.widgets.status_icons import status_icon

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QPixmap

    from napari_icseg.widgets.image_model import ImageListModel
    from napari_icseg.widgets.image_order import ImageRow

THUMBNAIL_PX = 34
ROW_PX = 38
COMPACT_ROW_PX = 18
_ICON_PX = 14
_GAP_PX = 6
_SHOWN = QColor("#5b8def")


class ImageDelegate(QStyledItemDelegate):
    """Two lines beside a thumbnail: the name; status, objects and note. Or one line.

    Args:
        model: whose rows are painted.
        thumbnail_of: gives an image's thumbnail, or None while there is none yet.
        shown_id: gives the image on the canvas, which gets a bar at its left.

    """

    def __init__(
        self,
        model: ImageListModel,
        thumbnail_of: Callable[[int], QPixmap | None],
        shown_id: Callable[[], int | None],
    ) -> None:
        super().__init__(model)
        self._model = model
        self._thumbnail_of = thumbnail_of
        self._shown_id = shown_id
        self.has_thumbnails = False

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex) -> QSize:
        """Qt's hook: all rows are of one height."""
        return QSize(100, ROW_PX if self.has_thumbnails else COMPACT_ROW_PX)

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Qt's hook."""
        if painter is None:
            return
        row = self._model.row_at(index)
        painter.save()
        self._paint_ground(painter, option, row)
        if self.has_thumbnails:
            self._paint_two_lines(painter, option, row)
        else:
            self._paint_line(painter, option, row)
        painter.restore()

    def _paint_ground(self, painter: QPainter, option: QStyleOptionViewItem, row: ImageRow) -> None:
        plain = QStyleOptionViewItem(option)
        plain.text = ""
        style = option.widget.style() if option.widget is not None else QApplication.style()
        element = QStyle.PrimitiveElement.PE_PanelItemViewItem
        style.drawPrimitive(element, plain, painter, option.widget)
        if row.id == self._shown_id():
            bar = QRect(option.rect)
            bar.setWidth(3)
            painter.fillRect(bar, _SHOWN)

    def _paint_line(self, painter: QPainter, option: QStyleOptionViewItem, row: ImageRow) -> None:
        area = option.rect.adjusted(_GAP_PX, 0, -_GAP_PX, 0)
        icon = QRect(area.left(), area.center().y() - _ICON_PX // 2 + 1, _ICON_PX, _ICON_PX)
        status_icon(self._model.status_of(row)).paint(painter, icon)
        mark = SUGGESTED_MARK if self._model.is_suggested(row) else ""
        about = " ".join(filter(None, [_number(row), mark, NOTE_MARK if row.notes else ""]))
        width = QFontMetrics(option.font).horizontalAdvance(about)
        right = QRect(area.right() - width, area.top(), width + 1, area.height())
        painter.setFont(option.font)
        _text(painter, right, about, _color(option, dim=True))
        left = area.adjusted(_ICON_PX + _GAP_PX, 0, -width - _GAP_PX * bool(width), 0)
        _text(painter, left, row.path, _color(option, dim=False))

    def _paint_two_lines(
        self, painter: QPainter, option: QStyleOptionViewItem, row: ImageRow
    ) -> None:
        area = option.rect.adjusted(_GAP_PX, 1, -_GAP_PX, -1)
        place = QRect(area.left(), area.center().y() - THUMBNAIL_PX // 2 + 1, *[THUMBNAIL_PX] * 2)
        self._paint_thumbnail(painter, place, row)
        lines = area.adjusted(THUMBNAIL_PX + _GAP_PX + 2, 1, 0, -1)
        half = lines.height() // 2
        top = QRect(lines.left(), lines.top(), lines.width(), half)
        bottom = QRect(lines.left(), lines.top() + half, lines.width(), half)
        painter.setFont(option.font)
        _text(painter, top, row.path, _color(option, dim=False))
        icon = QRect(bottom.left(), bottom.center().y() - _ICON_PX // 2 + 1, _ICON_PX, _ICON_PX)
        status_icon(self._model.status_of(row)).paint(painter, icon)
        painter.setFont(_smaller(option.font))
        mark = f"{SUGGESTED_MARK} suggested" if self._model.is_suggested(row) else ""
        about = [STATUS_TEXT[self._model.status_of(row)], mark, _objects(row), _note(row)]
        text = " · ".join(filter(None, about))
        _text(
            painter,
            bottom.adjusted(_ICON_PX + 4, 0, 0, 0),
            text,
            _color(option, dim=True),
            elide=Qt.TextElideMode.ElideRight,
        )

    def _paint_thumbnail(self, painter: QPainter, place: QRect, row: ImageRow) -> None:
        pixmap = self._thumbnail_of(row.id)
        if pixmap is None or pixmap.isNull():
            painter.fillRect(place, QColor(128, 128, 128, 40))
            return
        size = pixmap.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(place.topLeft(), size)
        target.moveCenter(place.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(target, pixmap)


def _text(
    painter: QPainter,
    area: QRect,
    text: str,
    color: QColor,
    *,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle,
) -> None:
    painter.setPen(color)
    cut = painter.fontMetrics().elidedText(text, elide, area.width())
    painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, cut)


def _color(option: QStyleOptionViewItem, *, dim: bool) -> QColor:
    color = QColor(option.palette.color(QPalette.ColorRole.Text))
    color.setAlphaF(0.7 if dim else 1.0)
    return color


def _smaller(font: QFont) -> QFont:
    smaller = QFont(font)
    if font.pixelSize() > 0:
        smaller.setPixelSize(max(9, round(font.pixelSize() * 0.9)))
    else:
        smaller.setPointSizeF(max(7.0, font.pointSizeF() * 0.9))
    return smaller


def _number(row: ImageRow) -> str:
    return f"{row.num_objects:,}" if row.num_objects else ""


def _objects(row: ImageRow) -> str:
    if not row.num_objects:
        return ""
    return "1 object" if row.num_objects == 1 else f"{row.num_objects:,} objects"


def _note(row: ImageRow) -> str:
    return f"{NOTE_MARK} {' '.join(row.notes.split())}" if row.notes else ""
