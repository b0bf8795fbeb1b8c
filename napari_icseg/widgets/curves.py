"""Live curves of a training: loss above, validation IoU below, over the same epochs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_icseg.widgets import tones

if TYPE_CHECKING:
    from napari_icseg.widgets.training_view import CurveView

# the palette of Okabe and Ito: told apart with any kind of colour vision, on dark and light
TRAIN_COLOR = "#e69f00"
VAL_COLOR = "#56b4e9"
IOU_COLOR = "#009e73"
_COLORS = {"steps": TRAIN_COLOR, "train": TRAIN_COLOR, "val": VAL_COLOR, "iou": IOU_COLOR}
_STEP_ALPHA = 110
_AXIS_WIDTH_PX = 46
_HEIGHT_PX = 226
_Points = tuple[tuple[float, ...], tuple[float, ...]]


class CurvesWidget(QWidget):
    """Two plots that share the epoch axis; `set_curves` replaces what they show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plots = pg.GraphicsLayoutWidget()
        self.loss_plot = self.plots.addPlot(row=0, col=0, axisItems=whole_number_axis())
        self.iou_plot = self.plots.addPlot(row=1, col=0, axisItems=whole_number_axis())
        self._shown: dict[str, _Points] = {}
        self._curves = _add_curves(self.loss_plot, self.iou_plot)
        _arrange(self.plots, self.loss_plot, self.iou_plot)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plots)
        self.setFixedHeight(_HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.apply_theme(foreground="#f0f1f2", background="#262930")

    def set_curves(self, view: CurveView) -> None:
        """Draw the curves that have changed; empty ones leave the plots empty."""
        shown: dict[str, _Points] = {
            "steps": (view.steps_epoch, view.steps_loss),
            "train": (view.epochs, view.train_loss),
            "val": (view.epochs, view.val_loss),
            "iou": (view.epochs, view.val_iou),
        }
        for name, points in shown.items():
            drawn = _finite(points)
            if self._shown.get(name) != drawn:
                self._curves[name].setData(*drawn)
                self._shown[name] = drawn
        self._place_iou_legend()

    def _place_iou_legend(self) -> None:
        """Keep the legend off the curve: below a good one, above a poor one."""
        _, iou = self._shown["iou"]
        is_poor = bool(iou) and max(iou) < 0.5
        corner = (1, 0) if is_poor else (1, 1)
        self.iou_plot.legend.anchor(corner, corner, offset=(-8, 4 if is_poor else -4))

    def apply_theme(self, *, foreground: str, background: str) -> None:
        """Take the colours (#rrggbb) of the window around."""
        self.plots.setBackground(background)
        for name, color in _COLORS.items():
            paint(
                self._curves[name], tones.readable(color, background, 3.0), is_pale=name == "steps"
            )
        for plot in (self.loss_plot, self.iou_plot):
            color_axes(plot, foreground)


def color_axes(plot: Any, foreground: str) -> None:
    """Give axes, and the legend if there is one, a colour (#rrggbb)."""
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(foreground)
        axis.setTextPen(foreground)
    if plot.legend is None:
        return
    plot.legend.setLabelTextColor(foreground)
    for _, label in plot.legend.items:
        label.setText(label.text, color=foreground)


def _finite(points: _Points) -> _Points:
    """Leave out what was not measured, or has become infinite: nothing can be drawn there."""
    kept = [(x, y) for x, y in zip(*points, strict=True) if math.isfinite(x) and math.isfinite(y)]
    return tuple(x for x, _ in kept), tuple(y for _, y in kept)


class WholeNumberAxis(pg.AxisItem):
    """There is no epoch or round 1.5 to put a number on."""

    def tickSpacing(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, float]]:
        """Hook of pyqtgraph: distances of ticks, wide ones first."""
        spacings = super().tickSpacing(minVal, maxVal, size)
        return [pair for pair in spacings if pair[0] >= 1.0] or [(1.0, 0.0)]


def whole_number_axis() -> dict[str, Any]:
    """Return the axis items of a plot whose x is counted."""
    return {"bottom": WholeNumberAxis("bottom")}


def _add_curves(loss_plot: Any, iou_plot: Any) -> dict[str, Any]:
    for plot in (loss_plot, iou_plot):
        # where a good run leaves room: losses fall, the IoU rises
        corner = (-8, 4) if plot is loss_plot else (-8, -4)
        plot.addLegend(offset=corner, labelTextSize="8pt", verSpacing=-6)
    pale = pg.mkColor(TRAIN_COLOR)
    pale.setAlpha(_STEP_ALPHA)
    return {
        "steps": loss_plot.plot(pen=pg.mkPen(pale, width=1)),
        "train": point_curve(loss_plot, TRAIN_COLOR, "training loss", "o"),
        "val": point_curve(loss_plot, VAL_COLOR, "validation loss", "s"),
        "iou": point_curve(iou_plot, IOU_COLOR, "validation IoU", "o"),
    }


def paint(curve: Any, color: str, *, is_pale: bool = False) -> None:
    """Give a curve and its points a colour (#rrggbb)."""
    shown = pg.mkColor(color)
    if is_pale:
        shown.setAlpha(_STEP_ALPHA)
    else:
        curve.setSymbolBrush(shown)
    curve.setPen(pg.mkPen(shown, width=1 if is_pale else 2))


def point_curve(plot: Any, color: str, name: str, symbol: str) -> Any:
    """Add a named line with a symbol at each point."""
    pen = pg.mkPen(color, width=2)
    return plot.plot(
        pen=pen, symbol=symbol, symbolSize=5, symbolBrush=color, symbolPen=None, name=name
    )


def _arrange(plots: Any, loss_plot: Any, iou_plot: Any) -> None:
    plots.ci.layout.setRowStretchFactor(0, 3)
    plots.ci.layout.setRowStretchFactor(1, 2)
    plots.ci.layout.setContentsMargins(2, 2, 6, 2)
    loss_plot.setLabel("left", "loss")
    iou_plot.setLabel("left", "IoU")
    iou_plot.setLabel("bottom", "epoch")
    iou_plot.setYRange(0.0, 1.0, padding=0.02)
    iou_plot.setXLink(loss_plot)
    loss_plot.getAxis("bottom").setStyle(showValues=False)
    still(plots, loss_plot, iou_plot)


def still(plots: Any, *each: Any) -> None:
    """Let plots be looked at only: the wheel scrolls the dock, a zoomed curve would get lost."""
    for plot in each:
        plot.getAxis("left").setWidth(_AXIS_WIDTH_PX)
        plot.showGrid(x=True, y=True, alpha=0.15)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
    plots.setFocusPolicy(Qt.FocusPolicy.NoFocus)
