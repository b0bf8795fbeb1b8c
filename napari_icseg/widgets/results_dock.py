"""The Results dock: all models in a table and a plot, and those chosen on the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets import tones
from napari_icseg.widgets.fields import EntryBox
from napari_icseg.widgets.results_plot import ResultsPlot
from napari_icseg.widgets.results_table import ResultsTable
from napari_icseg.widgets.results_window import ResultsWindow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.widgets.results_view import ResultRow, ShownView
    from napari_icseg.widgets.training_view import Entry

_MIN_WIDTH_PX = 340
_SEPARATOR = " &nbsp; "


class ResultsDock(QWidget):
    """All controls.

    Signals: `source_changed(key)`, `open_clicked`, `forget_clicked`, `selected(keys)`,
    `difference_changed(is_on)`, `hide_clicked`, `next_clicked(step)` and `compare_clicked`.
    """

    source_changed = Signal(object)
    open_clicked = Signal()
    forget_clicked = Signal()
    selected = Signal(object)
    difference_changed = Signal(bool)
    hide_clicked = Signal()
    next_clicked = Signal(int)
    compare_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = EntryBox("Whose results are listed")
        self.open = QPushButton("Open…")
        self.open.setToolTip("Open the folder of an experiment: what --out named, with results.csv")
        self.forget = QToolButton()
        self.forget.setText("×")
        self.forget.setToolTip("Take this experiment off the list; its folder stays as it is")
        self.table = ResultsTable()
        self.plot = ResultsPlot()
        self.window_ = ResultsWindow(self)
        self._build_shown()
        self._lay_out()
        self._connect()
        self.setMinimumWidth(_MIN_WIDTH_PX)

    def set_sources(self, entries: Sequence[Entry], *, can_forget: bool) -> None:
        """Offer these sources; what is chosen stays so."""
        self.source.set_entries(entries)
        self.forget.setEnabled(can_forget)

    def set_rows(self, rows: Sequence[ResultRow], message: str) -> None:
        """Show these results; a message stands in place of an empty table."""
        self.table.set_rows(rows)
        self.plot.set_rows(rows, self.table.chosen)
        self.table.setVisible(bool(rows))
        self.plot.setVisible(bool(rows))
        tones.set_toned_text(self.message, message, "neutral")

    def set_shown(self, view: ShownView) -> None:
        """Say what is on the image."""
        tones.set_toned_text(self.status, view.status, view.tone)
        self.lines.setText("<br>".join(view.lines))
        self.lines.setVisible(bool(view.lines))
        self.legend.setText(
            _SEPARATOR.join(
                f'<span style="color:{entry.color}">{entry.sign}</span>&nbsp;{entry.text}'
                for entry in view.legend
            )
        )
        self.legend.setVisible(bool(view.legend))
        has_errors = view.num_errors > 0
        for button in (self.previous, self.next):
            button.setEnabled(has_errors)
        self.compare.setEnabled(view.can_compare)
        self.hide_button.setEnabled(bool(view.lines) or view.is_busy)

    def apply_theme(self, *, foreground: str, background: str) -> None:
        """Take the colours (#rrggbb) of the window around."""
        palette = tones.palette_for(background)
        self.setStyleSheet(tones.style_sheet(palette))
        self.table.model.set_colors(palette)
        self.plot.apply_theme(foreground=foreground, background=background)
        self.window_.apply_theme(background=background)

    def _build_shown(self) -> None:
        self.message, self.status = QLabel(), QLabel()
        self.lines, self.legend = QLabel(), QLabel()
        for label in (self.message, self.status, self.lines, self.legend):
            label.setWordWrap(True)
            label.hide()
        self.difference = QCheckBox("Differences")
        self.difference.setChecked(True)
        self.difference.setToolTip(
            "Show what is right, added and missed, and where tracks are broken or linked,\n"
            "instead of what the model has found; labels are outlines meanwhile"
        )
        self.previous, self.next = QPushButton("◀"), QPushButton("Next error ▶")
        self.previous.setToolTip("Go to the open, short, false or missing track before")
        self.next.setToolTip("Go to the next open, short, false or missing track")
        self.previous.setMaximumWidth(34)
        self.compare = QPushButton("Side by side…")
        self.compare.setToolTip(
            "Show labels and chosen models beside each other, in a window of their own"
        )
        self.hide_button = QPushButton("Hide")
        self.hide_button.setToolTip("Take the models off the image; labels are shown again")
        for button in (self.open, self.forget, self.previous, self.next, self.compare):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.difference.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def _connect(self) -> None:
        self.source.currentIndexChanged.connect(
            lambda _index: self.source_changed.emit(self.source.key())
        )
        self.open.clicked.connect(lambda _checked=False: self.open_clicked.emit())
        self.forget.clicked.connect(lambda _checked=False: self.forget_clicked.emit())
        self.table.selected.connect(self._on_table_selected)
        self.plot.point_clicked.connect(lambda key: self.table.choose((key,)))
        self.difference.toggled.connect(self.difference_changed.emit)
        self.previous.clicked.connect(lambda _checked=False: self.next_clicked.emit(-1))
        self.next.clicked.connect(lambda _checked=False: self.next_clicked.emit(1))
        self.compare.clicked.connect(lambda _checked=False: self.compare_clicked.emit())
        self.hide_button.clicked.connect(lambda _checked=False: self.hide_clicked.emit())

    def _on_table_selected(self, keys: tuple[str, ...]) -> None:
        self.plot.set_rows(self.table.model.rows, keys)
        self.selected.emit(keys)

    def _lay_out(self) -> None:
        top, shown = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.source, 1)
        top.addWidget(self.open)
        top.addWidget(self.forget)
        for widget in (self.difference, self.previous, self.next):
            shown.addWidget(widget)
        shown.addStretch(1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.compare)
        buttons.addStretch(1)
        buttons.addWidget(self.hide_button)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.table)
        split.addWidget(self.plot)
        split.setStretchFactor(0, 1)
        split.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(5)
        layout.addLayout(top)
        layout.addWidget(self.message)
        layout.addWidget(split, 1)
        layout.addLayout(shown)
        for label in (self.status, self.lines, self.legend):
            layout.addWidget(label)
        layout.addLayout(buttons)
