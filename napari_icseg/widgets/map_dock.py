"""The Map dock: suggest images, the map itself, its legend, and how the work goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets import tones
from napari_icseg.widgets.fields import EntryBox
from napari_icseg.widgets.map_canvas import MapCanvas
from napari_icseg.widgets.map_legend import MapLegend
from napari_icseg.widgets.tool_icons import tool_icon
from napari_icseg.widgets.training_view import Entry

if TYPE_CHECKING:
    from qtpy.QtGui import QPainter

    from napari_icseg.widgets.training_view import Tone

_MIN_WIDTH_PX = 340
_MAX_COUNT = 1000
WAYS = (
    Entry(
        None,
        "automatic",
        "By doubt as soon as a round's model has judged unlabelled images, else one of each kind",
    ),
    Entry("typical", "one of each kind", "The most typical image of each kind not labelled yet"),
    Entry("doubt", "model is unsure", "Different images of which the last round's model is unsure"),
)


@dataclass(frozen=True, slots=True)
class MapStatusView:
    """The line below the map, and the button behind it; an empty text hides either."""

    text: str = ""
    tone: Tone = "neutral"
    button: str = ""
    tooltip: str = ""
    """Of the button."""
    details: str = ""
    """Tooltip of the line."""


class MapDock(QWidget):
    """Signals: `suggest_clicked(num, way)`, `stop_clicked()`, `button_clicked()`.

    `way` is a key of WAYS. Points and the mouse: see `canvas`.
    """

    suggest_clicked = Signal(int, object)
    stop_clicked = Signal()
    button_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_suggesting = False
        self._build_controls()
        self.canvas = MapCanvas()
        self.legend = MapLegend()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(5)
        layout.addLayout(_row((self.suggest, 0), (self.count, 0), (self.way, 1), (self.fit, 0)))
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.legend)
        layout.addLayout(_row((self.status, 1), (self.button, 0)))
        self.setMinimumWidth(_MIN_WIDTH_PX)
        self.set_status(MapStatusView())
        self.set_suggesting(is_on=False, is_possible=False)
        self._connect()

    def set_status(self, view: MapStatusView) -> None:
        """Says how the work goes on, or what the map shows."""
        tones.set_toned_text(self.status, view.text, view.tone)
        self.status.setToolTip(view.details)
        self.button.setVisible(bool(view.button))
        if view.button:
            self.button.setText(view.button)
            self.button.setToolTip(view.tooltip)

    def set_suggesting(self, *, is_on: bool, is_possible: bool) -> None:
        """Offers to stop while images are looked for."""
        self._is_suggesting = is_on
        self.suggest.setText("Stop" if is_on else "Suggest")
        self.suggest.setToolTip(
            "Stop looking for images to label; what was computed is kept"
            if is_on
            else "Find the images that are worth labelling next: they get a ring here, and the "
            "image list shows them"
        )
        self.suggest.setEnabled(is_possible)

    def apply_theme(self, *, foreground: str, background: str) -> None:
        """Take the colours (#rrggbb) of the window around."""
        self.setStyleSheet(tones.style_sheet(tones.palette_for(background)))
        self.canvas.apply_theme(foreground=foreground, background=background)
        self.legend.apply_theme(foreground=foreground, background=background)
        self.fit.setIcon(tool_icon(_draw_frame, foreground))

    def _build_controls(self) -> None:
        self.suggest = QPushButton()
        self.suggest.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.count = QSpinBox()
        self.count.setRange(1, _MAX_COUNT)
        self.count.setValue(10)
        self.count.setToolTip("How many images to suggest")
        self.way = EntryBox("How images are chosen")
        self.way.set_entries(WAYS)
        self.fit = QToolButton()
        self.fit.setToolTip(
            "Show all images (a double click beside the points does it, too)\n"
            "On the map: a click opens an image, the wheel zooms, dragging moves"
        )
        self.fit.setAutoRaise(True)
        self.fit.setIconSize(QSize(18, 18))
        self.fit.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.button = QPushButton()
        self.button.setToolTip("Look at the images")
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def _connect(self) -> None:
        self.suggest.clicked.connect(self._on_suggest_clicked)
        self.button.clicked.connect(lambda _checked=False: self.button_clicked.emit())
        self.fit.clicked.connect(lambda _checked=False: self.canvas.show_all())

    def _on_suggest_clicked(self, _checked: bool = False) -> None:
        if self._is_suggesting:
            self.stop_clicked.emit()
        else:
            self.suggest_clicked.emit(self.count.value(), self.way.key())


def _draw_frame(painter: QPainter) -> None:
    """Four corners: all of it."""
    for x, y, dx, dy in ((3, 3, 4, 4), (17, 3, -4, 4), (3, 17, 4, -4), (17, 17, -4, -4)):
        painter.drawLine(QPointF(x, y), QPointF(x + dx, y))
        painter.drawLine(QPointF(x, y), QPointF(x, y + dy))


def _row(*widgets: tuple[QWidget, int]) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4)
    for widget, stretch in widgets:
        row.addWidget(widget, stretch)
    return row
