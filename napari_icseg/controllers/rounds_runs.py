"""The round that is under way in the Rounds dock: its parts, its log, what is asked of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_icseg.controllers import rounds_words as words
from napari_icseg.controllers.notify import show_error
from napari_icseg.controllers.training_actions import RunActions
from napari_icseg.controllers.training_pace import Pace
from napari_icseg.controllers.training_queue import Queue
from napari_icseg.jobs.watcher import read_log_tail
from napari_icseg.widgets.training_view import RunView
from trainers.progress import WORKING, RunState

if TYPE_CHECKING:
    from napari_icseg.controllers.gui_thread import GuiThread
    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.widgets.rounds_dock import RoundsDock

_BAD = (RunState.FAILED, RunState.INTERRUPTED)
NO_ROUND = RunView()


class RoundRunsPresenter:
    """Draws the newest round. Emits `finished(run)` for each finished one that it sees."""

    finished = Signal(object)

    def __init__(self, gui: GuiThread, dock: RoundsDock) -> None:
        self._dock = dock
        self._all: tuple[RunSnapshot, ...] = ()
        self._rounds: dict[str, RunSnapshot] = {}
        self._paces: dict[str, Pace] = {}
        self.actions = RunActions(gui, dock.run, self.find)
        self.actions.changed.connect(self.draw)
        dock.log.toggled.connect(lambda _is_open: self._draw_log())
        self.draw()

    @property
    def shown(self) -> RunSnapshot | None:
        """The round that works or waits, else the newest."""
        rounds = list(self._rounds.values())
        busy = [run for run in rounds if not run.status.state.is_over]
        return next(reversed(busy or rounds), None)

    @property
    def is_busy(self) -> bool:
        """Whether a round works or waits."""
        return self.shown is not None and not self.shown.status.state.is_over

    def find(self, name: str) -> RunSnapshot | None:
        """Return a round by its folder's name."""
        return self._rounds.get(name)

    def set_runs(self, snapshots: tuple[RunSnapshot, ...]) -> None:
        """Take and draw the jobs of the project as they are now, trainings included."""
        former, self._all = self._rounds, snapshots
        self._rounds = {run.name: run for run in snapshots if run.is_round}
        self.actions.see(snapshots)
        for run in self._rounds.values():
            state = run.status.state
            if run.name in former and former[run.name].status.state in WORKING and state in _BAD:
                show_error(self._view(run).sentence)
            if state is RunState.FINISHED:
                self.finished.emit(run)
        for name in former.keys() - self._rounds.keys():
            if former[name].status.state in WORKING:
                show_error(
                    f"The folder of {name.replace('-', ' ')} was removed while it ran. Your labels "
                    "are not touched: run the next round."
                )
        self.draw()

    def clear(self) -> None:
        """Forget everything: another project is opened."""
        self._all, self._rounds, self._paces = (), {}, {}
        self.actions.clear()
        self.draw()

    def draw(self) -> None:
        """Draw everything anew; what a finished round came to is told elsewhere."""
        run = self.shown
        if run is None or run.status.state is RunState.FINISHED:
            self._dock.set_run(NO_ROUND, ())
        else:
            self._dock.set_run(self._view(run), words.phase_views(run))
        self._draw_log()

    def close(self) -> None:
        """Stop listening; rounds, and a cancel on its way, go on."""
        self.actions.close()

    def _view(self, run: RunSnapshot) -> RunView:
        pace = self._paces.setdefault(run.name, Pace())
        return words.round_view(
            run,
            remaining_s=pace.remaining_s(run.status, time.monotonic()),
            pending=self.actions.pending(run.name),
            queue=Queue.of(self._all),
        )

    def _draw_log(self) -> None:
        run = self.shown
        if self._dock.log.is_open:
            self._dock.log.set_text("" if run is None else read_log_tail(run.run_dir))
