"""The Training dock: what to train, the run and its curves, the models, pre-filling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from napari_icseg.widgets import sections, tones
from napari_icseg.widgets.compare_window import CompareWindow
from napari_icseg.widgets.curves import CurvesWidget
from napari_icseg.widgets.model_list import ModelList
from napari_icseg.widgets.preview import PreviewPanel
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

    Emits `use_clicked(name)` when the selected model is to pre-fill images, and
    `use_click_clicked(name)` when it is to answer clicks; an empty name means that it no longer
    shall. Emits `compare_clicked(names)`; with fewer than two names all finished are meant.
    """

    use_clicked = Signal(str)
    use_click_clicked = Signal(str)
    compare_clicked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setup = SetupPanel()
        self.run = RunPanel()
        self.curves = CurvesWidget()
        self.preview = PreviewPanel()
        self.log = LogPanel()
        self.models = ModelList()
        self.no_models = QLabel("Trained models will be listed here.")
        self.use = QPushButton("Use to pre-fill")
        self.use_click = QPushButton("Use for clicking")
        self.compare = QPushButton("Compare…")
        self.uses = QWidget()
        self.compare_window = CompareWindow(self)
        self.prefill = PrefillPanel()
        self._lay_out()
        self.setMinimumWidth(_MIN_WIDTH_PX)
        self.use.clicked.connect(self._on_use_clicked)
        self.use_click.clicked.connect(self._on_use_click_clicked)
        self.compare.clicked.connect(self._on_compare_clicked)
        self.models.view.selectionModel().selectionChanged.connect(self._update_uses)
        self.set_run(RunView())
        self.set_models(())

    def set_run(self, view: RunView) -> None:
        """Show a run with its curves."""
        self.run.set_view(view)
        self.curves.set_curves(view.curves)
        self.curves.setVisible(bool(view.curves.steps_epoch or view.curves.epochs))
        self.log.setVisible(bool(view.name))

    def set_models(self, rows: Sequence[ModelRow]) -> None:
        """Show the list of runs."""
        self.models.set_rows(rows)
        for widget in (self.models, self.uses):
            widget.setVisible(bool(rows))
        self.no_models.setVisible(not rows)
        self._update_uses()

    def select_model(self, name: str) -> None:
        """Highlight a run in the list, as if the user had, but without telling anybody."""
        self.models.select(name)
        self._update_uses()

    def apply_theme(self, *, foreground: str, background: str) -> None:
        """Take the colours (#rrggbb) of the window around."""
        palette = tones.palette_for(background)
        self.setStyleSheet(tones.style_sheet(palette))
        self.models.table.set_colors(palette)
        self.curves.apply_theme(foreground=foreground, background=background)

    def _lay_out(self) -> None:
        grid = QGridLayout(self.uses)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.addWidget(self.use, 0, 0)
        grid.addWidget(self.use_click, 0, 1)
        grid.addWidget(self.compare, 1, 0, 1, 2)
        parts: tuple[tuple[str, tuple[QWidget, ...]], ...] = (
            ("Training", (self.run, self.curves, self.preview, self.log)),
            ("Models", (self.no_models, self.models, self.uses)),
            ("Pre-fill", (self.prefill,)),
        )
        sections.fill(self, self.setup, parts)

    def _update_uses(self) -> None:
        """Say what the selected model, or the selected models, can be used for."""
        row = self.models.selected_row()
        is_chosen = row is not None and row.is_chosen
        self.use.setText("Stop pre-filling" if is_chosen else "Use to pre-fill")
        self.use.setEnabled(row is not None and (row.can_prefill or is_chosen))
        self.use.setToolTip(
            "Let the selected model propose objects for images that are not labelled yet"
            if row is not None
            else "Select a model in the list first"
        )
        is_used = row is not None and row.is_clicked_with
        self.use_click.setText("Stop using it for clicks" if is_used else "Use for clicking")
        self.use_click.setEnabled(row is not None and (row.can_click or is_used))
        self.use_click.setToolTip(
            "Let the selected model answer your clicks, in place of the built-in one"
            if row is not None and row.can_click
            else "Only a SAM-SEG model can answer clicks, after its first epoch"
        )
        self._update_compare()

    def _update_compare(self) -> None:
        num = len(self.models.selected_names())
        self.compare.setText(f"Compare {num} models…" if num > 1 else "Compare all finished…")
        self.compare.setToolTip(
            "Score models on the same images, in one table. "
            "Select some of them with Ctrl or Shift; else all finished ones are compared"
        )

    def _on_use_clicked(self) -> None:
        row = self.models.selected_row()
        if row is not None:
            self.use_clicked.emit("" if row.is_chosen else row.name)

    def _on_use_click_clicked(self) -> None:
        row = self.models.selected_row()
        if row is not None:
            self.use_click_clicked.emit("" if row.is_clicked_with else row.name)

    def _on_compare_clicked(self) -> None:
        self.compare_clicked.emit(self.models.selected_names())
