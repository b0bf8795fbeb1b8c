"""The runs in the Training dock: which is shown, how it goes on, and the list of all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari_icseg.controllers import training_words as words
from napari_icseg.controllers.notify import show_error, show_info
from napari_icseg.controllers.session import PrefillRun
from napari_icseg.controllers.training_actions import RunActions
from napari_icseg.controllers.training_pace import Pace
from napari_icseg.controllers.training_preview import PreviewPresenter
from napari_icseg.controllers.training_queue import Queue
from napari_icseg.jobs.watcher import read_log_tail
from trainers.progress import WORKING, RunState

if TYPE_CHECKING:
    from napari_icseg.controllers.prefill import PrefillController
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.widgets.training_dock import TrainingDock
    from napari_icseg.widgets.training_view import RunView

BUILT_IN = "sam2-nano"
_NO_LABELLING_DOCK = "Open the Labelling dock first: its clicks are what the model answers."


class RunsPresenter:
    """Draws snapshots of all runs into the dock."""

    def __init__(
        self, session: ProjectSession, dock: TrainingDock, prefill: PrefillController
    ) -> None:
        self._session, self._dock, self._prefill = session, dock, prefill
        self._all: tuple[RunSnapshot, ...] = ()
        self._runs: dict[str, RunSnapshot] = {}
        self._paces: dict[str, Pace] = {}
        self._shown: str | None = None
        self._preview = PreviewPresenter(session.gui, dock.preview)
        self.actions = RunActions(session.gui, dock.run, self.find)
        self.actions.changed.connect(self.draw)
        self.actions.resumed.connect(self.show)
        dock.models.selected.connect(self.show)
        dock.use_clicked.connect(self._on_dock_use_clicked)
        dock.use_click_clicked.connect(self._on_dock_use_click_clicked)
        dock.log.toggled.connect(lambda _is_open: self._draw_log())
        prefill.changed.connect(self._draw_models)
        session.click_model_changed.connect(self._draw_models)
        self.draw()

    @property
    def snapshots(self) -> tuple[RunSnapshot, ...]:
        """The runs, oldest first: the trainings, and the finished rounds for their models."""
        return tuple(self._runs.values())

    def find(self, name: str) -> RunSnapshot | None:
        """Return a run by its name."""
        return self._runs.get(name)

    def set_runs(self, snapshots: tuple[RunSnapshot, ...]) -> None:
        """Take and draw the runs as they are now."""
        # a round that goes on is the Rounds dock's; here it only keeps others waiting
        listed = [run for run in snapshots if not run.is_round or words.can_prefill(run)]
        former, self._runs = self._runs, {run.name: run for run in listed}
        self._all = snapshots
        self.actions.see(listed)
        usable = [run for run in listed if words.can_prefill(run)]
        prefill_runs = tuple(
            PrefillRun(run.name, run.run_dir, words.run_label(run), words.can_click(run))
            for run in usable
        )
        if prefill_runs != self._session.prefill_runs:
            self._session.set_prefill_runs(prefill_runs)
        for run in listed:
            if run.name in former and former[run.name].status.state in WORKING:
                self._tell_end(run)
        self.draw()

    def clear(self) -> None:
        """Forget everything: another project is opened."""
        self._all, self._runs, self._paces, self._shown = (), {}, {}, None
        self.actions.clear()
        self._session.set_prefill_runs(())
        self.draw()

    def show(self, name: str) -> None:
        """Show this run's state and curves."""
        self._shown = name
        self.draw()

    def draw(self) -> None:
        """Draw everything anew."""
        run = self._run_to_show()
        self._dock.set_run(words.NO_RUN if run is None else self._view(run))
        self._preview.show(run)
        self._draw_models()
        self._draw_log()

    def close(self) -> None:
        """Stop listening; runs and a cancel on its way go on."""
        self._prefill.changed.disconnect(self._draw_models)
        self._session.click_model_changed.disconnect(self._draw_models, missing_ok=True)
        self.actions.close()
        self._preview.close()

    def _view(self, run: RunSnapshot) -> RunView:
        pace = self._paces.setdefault(run.name, Pace())
        return words.run_view(
            run,
            remaining_s=pace.remaining_s(run.status, time.monotonic()),
            pending=self.actions.pending(run.name),
            queue=Queue.of(self._all),
        )

    def _on_dock_use_clicked(self, name: str) -> None:
        self._prefill.choose(name or None)

    def _on_dock_use_click_clicked(self, name: str) -> None:
        run = self._runs.get(name)
        if not self._session.click_model:
            show_info(_NO_LABELLING_DOCK)
        else:
            self._session.click_model_asked.emit(BUILT_IN if run is None else str(run.run_dir))

    def _run_to_show(self) -> RunSnapshot | None:
        if self._shown in self._runs:
            return self._runs[self._shown]
        snapshots = list(self._runs.values())
        working = [run for run in snapshots if run.status.state in WORKING]
        return next(reversed(working or snapshots), None)

    def _draw_models(self) -> None:
        chosen, queue = self._prefill.chosen, Queue.of(self._all)
        click_model = self._session.click_model
        self._dock.set_models(
            [
                words.model_row(run, chosen=chosen, click_model=click_model, queue=queue)
                for run in self.snapshots
            ]
        )
        shown = self._run_to_show()
        if shown is not None:
            self._dock.select_model(shown.name)

    def _draw_log(self) -> None:
        run = self._run_to_show()
        if self._dock.log.is_open:
            self._dock.log.set_text("" if run is None else read_log_tail(run.run_dir))

    def _tell_end(self, run: RunSnapshot) -> None:
        state = run.status.state
        if state is RunState.FINISHED:
            self._prefill.follow_newest(run.name)
            show_info(f"{words.model_label(run)}: {words.sentence(run)}")
        elif state in (RunState.FAILED, RunState.INTERRUPTED):
            show_error(words.sentence(run))
