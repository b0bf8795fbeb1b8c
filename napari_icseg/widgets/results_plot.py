"""Scores of all results over what sets them apart; a click on a point chooses its row."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import pyqtgraph as pg
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_icseg.widgets import tones
from napari_icseg.widgets.curves import color_axes, still
from napari_icseg.widgets.fields import EntryBox
from napari_icseg.widgets.results_plot_data import EPOCHS, X_ENTRIES, Y_ENTRIES, Line, lines_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_icseg.widgets.results_view import ResultRow

# Okabe and Ito without black and yellow: told apart with any kind of colour vision
_COLORS = ("#e69f00", "#56b4e9", "#009e73", "#d55e00", "#cc79a7", "#0072b2")
_SYMBOLS = "ostd+x"
_SIZE_PX, _CHOSEN_PX = 8, 14
_HEIGHT_PX = 210
_NO_CURVES = "Choose one or two models to see how their accuracy or IoU grew."
_NO_LINES = "No two results differ in this: choose another scale, or open an experiment."


class _Theme(NamedTuple):
    foreground: str = "#f0f1f2"
    background: str = "#262930"


class ResultsPlot(QWidget):
    """Signals: `point_clicked(key)`, and `axes_changed(x, y)` with keys of the entries."""

    point_clicked = Signal(str)
    axes_changed = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[ResultRow, ...] = ()
        self._chosen: tuple[str, ...] = ()
        self._curves: Mapping[str, Sequence[tuple[int, float]]] = {}
        self._theme = _Theme()
        self.y_box = EntryBox("Which score is drawn")
        self.y_box.set_entries(Y_ENTRIES)
        self.x_box = EntryBox("Over what it is drawn")
        self.x_box.set_entries(X_ENTRIES)
        self.view = pg.GraphicsLayoutWidget()
        self.view.setFixedHeight(_HEIGHT_PX)
        self.plot = self.view.addPlot()
        self.plot.addLegend(offset=(-6, -6), labelTextSize="8pt", verSpacing=-6)
        for side in ("left", "bottom"):
            self.plot.getAxis(side).enableAutoSIPrefix(False)
        self.message = QLabel()
        self.message.setWordWrap(True)
        still(self.view, self.plot)
        self._lay_out()
        for box in (self.x_box, self.y_box):
            box.currentIndexChanged.connect(self._on_axes_changed)

    def set_rows(self, rows: Sequence[ResultRow], chosen: tuple[str, ...]) -> None:
        """Draw these results; the chosen ones are larger."""
        if (tuple(rows), chosen) != (self._rows, self._chosen):
            self._rows, self._chosen = tuple(rows), chosen
            self._draw()

    def set_curves(self, curves: Mapping[str, Sequence[tuple[int, float]]]) -> None:
        """Take the (epoch, score) of the chosen rows, by key."""
        self._curves = curves
        if self.x_box.key() == EPOCHS:
            self._draw()

    def apply_theme(self, *, foreground: str, background: str) -> None:
        """Take the colours (#rrggbb) of the window around."""
        self._theme = _Theme(foreground, background)
        self.view.setBackground(background)
        self.plot.legend.setBrush(pg.mkBrush(f"{background}c0"))  # lines run below its words
        self._draw()

    def _draw(self) -> None:
        self.plot.clear()
        x, y = self.x_box.entry(), self.y_box.entry()
        if x is None or y is None:
            return
        lines = lines_of(self._rows, self._chosen, self._curves, str(x.key), str(y.key))
        for number, line in enumerate(lines):
            self._draw_line(line, number)
        self.plot.setLogMode(x=x.key == "lr", y=False)
        self.plot.setLabel("bottom", x.text)
        self.plot.setLabel("left", y.text)
        color_axes(self.plot, self._theme.foreground)
        self.plot.autoRange(padding=0.06)
        self.view.setVisible(bool(lines))
        empty = _NO_CURVES if x.key == EPOCHS else _NO_LINES
        tones.set_toned_text(self.message, "" if lines else empty, "neutral")

    def _draw_line(self, line: Line, number: int) -> None:
        color = tones.readable(_COLORS[number % len(_COLORS)], self._theme.background, 3.0)
        points = [(x, y, keys) for x, y, keys in line.points if math.isfinite(y)]
        chosen = set(self._chosen)
        sizes = [_SIZE_PX if chosen.isdisjoint(keys) else _CHOSEN_PX for _, _, keys in points]
        item: Any = self.plot.plot(
            [x for x, _, _ in points],
            [y for _, y, _ in points],
            pen=pg.mkPen(color, width=2) if line.is_joined else None,
            symbol=_SYMBOLS[number // len(_COLORS) % len(_SYMBOLS)],
            symbolSize=sizes,
            symbolBrush=color,
            symbolPen=None,
            name=line.title,
            data=[keys[0] for _, _, keys in points],
        )
        item.scatter.opts["hoverable"] = True
        item.sigPointsClicked.connect(self._on_points_clicked)

    def _on_points_clicked(self, _item: object, points: Sequence[Any], _event: object) -> None:
        for point in points[:1]:
            self.point_clicked.emit(point.data())

    def _on_axes_changed(self, _index: int) -> None:
        self._draw()
        self.axes_changed.emit(self.x_box.key(), self.y_box.key())

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.y_box, 1)
        row.addWidget(QLabel("by"))
        row.addWidget(self.x_box, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(row)
        layout.addWidget(self.view)
        layout.addWidget(self.message)
