"""The Rounds dock: what the next round uses, how it goes on, what it changed, all so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel, QWidget

from napari_icseg.widgets import sections, tones
from napari_icseg.widgets.rounds_history import RoundHistory
from napari_icseg.widgets.rounds_method import MethodPanel
from napari_icseg.widgets.rounds_phases import PhaseList
from napari_icseg.widgets.rounds_result import ResultPanel
from napari_icseg.widgets.training_setup import SetupPanel
from napari_icseg.widgets.training_status import LogPanel, RunPanel
from napari_icseg.widgets.training_view import RunView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.widgets.rounds_view import PhaseView, ResultView, RoundRow

_MIN_WIDTH_PX = 340
_NO_ROUNDS = (
    "A round trains on your labels, labels the other images with that model, trains on both, and "
    "proposes labels for your review."
)


class RoundsDock(QWidget):
    """Composes the panels; a controller connects to their signals and sets their views."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.method = MethodPanel()
        self.setup = SetupPanel(extra=self.method)
        self.run = RunPanel()
        self.phases = PhaseList()
        self.log = LogPanel()
        self.result = ResultPanel()
        self.history = RoundHistory()
        self.no_rounds = QLabel(_NO_ROUNDS)
        self.no_rounds.setWordWrap(True)
        self.headers = sections.fill(
            self,
            self.setup,
            (
                ("This round", (self.run, self.phases, self.log)),
                ("What the last round changed", (self.result,)),
                ("Rounds so far", (self.no_rounds, self.history)),
            ),
        )
        self.setMinimumWidth(_MIN_WIDTH_PX)
        self.set_run(RunView(), ())
        self.set_rows(())

    def set_run(self, view: RunView, phases: Sequence[PhaseView]) -> None:
        """Show the round that is under way; without a name, none is."""
        self.run.set_view(view)
        self.phases.set_phases(phases)
        self.log.setVisible(bool(view.name))
        self.run.setVisible(bool(view.name))
        self.headers["This round"].setVisible(bool(view.name))

    def set_result(self, view: ResultView) -> None:
        """Show what the last round changed."""
        self.result.set_view(view)
        is_shown = bool(view.title or view.failure or view.busy_text)
        self.headers["What the last round changed"].setVisible(is_shown)

    def set_rows(self, rows: Sequence[RoundRow]) -> None:
        """Show all rounds, given oldest first."""
        self.history.set_rows(rows)
        self.history.setVisible(bool(rows))
        self.no_rounds.setVisible(not rows)

    def apply_theme(self, *, foreground: str, background: str) -> None:
        """Take the colours (#rrggbb) of the window around."""
        self.setStyleSheet(tones.style_sheet(tones.palette_for(background)))
        self.history.apply_theme(foreground=foreground, background=background)
