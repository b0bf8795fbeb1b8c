"""All rounds of a project so far: a small curve and a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets import curves, tones
from napari_icseg.widgets.model_list import TABLE_STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.widgets.rounds_view import RoundRow

_LINES = {
    "with unlabelled": (curves.IOU_COLOR, "o", "●"),
    "labels alone": (curves.TRAIN_COLOR, "s", "■"),
}
"""Colour and symbol of each line, and the symbol as a letter."""
_CURVE_PX = 96
_ROW_PX, _HEADER_PX, _MAX_ROWS = 22, 24, 6
_COLUMNS = (
    ("Round", "Its number; the newest is on top"),
    ("Model", "The kind of model"),
    ("Labels", "Images with labels that it learned from, or was measured with"),
    ("IoU", "Foreground intersection over union on the validation images"),
    ("Acc.", "Pixel accuracy: the share of validation pixels that get the right class"),
)


class RoundHistory(QWidget):
    """The curve of IoU by round (with and without unlabelled images), and the table."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plots = pg.GraphicsLayoutWidget()
        self.plot = self.plots.addPlot(axisItems=curves.whole_number_axis())
        self.lines = {
            name: curves.point_curve(self.plot, color, name, symbol)
            for name, (color, symbol, _mark) in _LINES.items()
        }
        curves.still(self.plots, self.plot)
        self.plot.getAxis("left").enableAutoSIPrefix(False)  # 0.6, not 600 thousandths
        # above and not inside: there is no corner that no line ever comes to
        self.legend = QLabel()
        self.legend.setToolTip("Foreground IoU of each round's two models on the validation images")
        self.plots.setFixedHeight(_CURVE_PX)
        self.table = _build_table()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.legend)
        layout.addWidget(self.plots)
        layout.addWidget(self.table)
        self.apply_theme(foreground="#f0f1f2", background="#262930")
        self.set_rows(())

    def set_rows(self, rows: Sequence[RoundRow]) -> None:
        """Show these rounds, given oldest first."""
        self._set_points("with unlabelled", [(row.number, row.iou) for row in rows])
        self._set_points("labels alone", [(row.number, row.teacher_iou) for row in rows])
        for widget in (self.legend, self.plots):
            widget.setVisible(len(rows) > 1)
        self.table.setRowCount(len(rows))
        for position, row in enumerate(reversed(rows)):
            for column, text in enumerate(_cells(row)):
                self.table.setItem(position, column, _item(text, row, column))
        num = min(max(len(rows), 1), _MAX_ROWS)
        self.table.setFixedHeight(_HEADER_PX + _ROW_PX * num + 2)

    def apply_theme(self, *, foreground: str, background: str) -> None:
        """Take the colours (#rrggbb) of the window around."""
        self.plots.setBackground(background)
        words = []
        for name, (color, _symbol, mark) in _LINES.items():
            shown = tones.readable(color, background, 3.0)
            curves.paint(self.lines[name], shown)
            words.append(f'<span style="color: {shown}">{mark}</span> {name}')
        self.legend.setText(f"IoU by round: {'&nbsp; '.join(words)}")
        curves.color_axes(self.plot, foreground)

    def _set_points(self, name: str, points: Sequence[tuple[int, float | None]]) -> None:
        known = [(x, y) for x, y in points if y is not None and math.isfinite(y)]
        self.lines[name].setData([x for x, _ in known], [y for _, y in known])


def _cells(row: RoundRow) -> tuple[str, ...]:
    scores = ("–" if value is None else f"{value:.3f}" for value in (row.iou, row.pixel_accuracy))
    return (str(row.number), row.model, f"{row.num_labels:,}", *scores)


def _item(text: str, row: RoundRow, column: int) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setToolTip(row.tooltip)
    item.setFlags(Qt.ItemFlag.ItemIsEnabled)
    if column != 1:
        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    if row.is_gone:
        font = item.font()
        font.setItalic(True)
        item.setFont(font)
    return item


def _build_table() -> QTableWidget:
    table: Any = QTableWidget(0, len(_COLUMNS))
    for column, (text, tooltip) in enumerate(_COLUMNS):
        head = QTableWidgetItem(text)
        head.setToolTip(tooltip)
        if column == 1:
            head.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.setHorizontalHeaderItem(column, head)
    table.setToolTip("The rounds so far, the newest on top; rest on one to see what it used")
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(_ROW_PX)
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
    table.setStyleSheet(TABLE_STYLE.replace("QTableView", "QTableWidget"))
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return table
