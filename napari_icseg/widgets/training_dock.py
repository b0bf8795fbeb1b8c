"""The Training dock: what to train, the run and its curves, the models, pre-filling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from napari_icseg.widgets import tones
from napari_icseg.widgets.curves import CurvesWidget
from napari_icseg.widgets.model_list import ModelList
from napari_icseg.widgets.training_prefill import PrefillPanel
from napari_icseg.widgets.training_setup import SetupPanel
from napari_icseg.widgets.training_status import LogPanel, RunPanel
from napari_icseg.widgets.training_view import RunView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.widgets.training_view import ModelRow

_MIN_WIDTH_PX = 340


class TrainingDock(QWidget):
    """Composes the panels; a controller connects to their signals and sets their views.

    Emits `use_clicked(name)` when the selected model is to pre-fill images; an empty name
    means that no model shall.
    """

    use_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setup = SetupPanel()
        self.run = RunPanel()
        self.curves = CurvesWidget()
        self.log = LogPanel()
        self.models = ModelList()
        self.no_models = QLabel("Trained models will be listed here.")
        self.use = QPushButton("Use to pre-fill")
        self.prefill = PrefillPanel()
        self._lay_out()
        self.setMinimumWidth(_MIN_WIDTH_PX)
        self.use.clicked.connect(self._on_use_clicked)
        self.models.selected.connect(self._update_use)
        self.set_run(RunView())
        self.set_models(())

    def set_run(self, view: RunView) -> None:
        """Show a run with its curves."""
        self.run.set_view(view)
        self.curves.set_curves(view.curves)
        self.curves.setVisible(bool(view.name))
        self.log.setVisible(bool(view.name))

    def set_models(self, rows: Sequence[ModelRow]) -> None:
        """Show the list of runs."""
        self.models.set_rows(rows)
        for widget in (self.models, self.use):
            widget.setVisible(bool(rows))
        self.no_models.setVisible(not rows)
        self._update_use()

    def apply_theme(self, *, foreground: str, background: str) -> None:
        """Take the colours (#rrggbb) of the window around."""
        palette = tones.palette_for(background)
        self.setStyleSheet(tones.style_sheet(palette))
        self.models.table.set_colors(palette)
        self.curves.apply_theme(foreground=foreground, background=background)

    def _lay_out(self) -> None:
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(5)
        layout.addWidget(self.setup)
        sections: tuple[tuple[str, tuple[QWidget, ...]], ...] = (
            ("Training", (self.run, self.curves, self.log)),
            ("Models", (self.no_models, self.models, self.use)),
            ("Pre-fill", (self.prefill,)),
        )
        for title, widgets in sections:
            layout.addWidget(_header(title))
            for widget in widgets:
                layout.addWidget(widget)
        layout.addStretch(1)
        area = QScrollArea()
        area.setWidget(body)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    def _update_use(self) -> None:
        row = self.models.selected_row()
        is_chosen = row is not None and row.is_chosen
        self.use.setText("Stop using it to pre-fill" if is_chosen else "Use to pre-fill")
        self.use.setEnabled(row is not None and (row.can_prefill or is_chosen))
        self.use.setToolTip(
            "Let the selected model propose objects for images that are not labelled yet"
            if row is not None
            else "Select a model in the list first"
        )

    def _on_use_clicked(self) -> None:
        row = self.models.selected_row()
        if row is not None:
            self.use_clicked.emit("" if row.is_chosen else row.name)


def _header(title: str) -> QLabel:
    label = QLabel(title)
    label.setStyleSheet("font-weight: bold; margin-top: 6px;")
    return label
