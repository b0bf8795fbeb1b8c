"""The runs in the Training dock: which is shown, how it goes on, cancel and resume."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari_icseg.controllers import training_words as words
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import show_error, show_info
from napari_icseg.controllers.session import PrefillRun
from napari_icseg.controllers.training_pace import Pace
from napari_icseg.jobs import runs
from napari_icseg.jobs.watcher import read_log_tail
from trainers.progress import RunState

if TYPE_CHECKING:
    from napari_icseg.controllers.prefill import PrefillController
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.jobs.runs import RunHandle
    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.widgets.training_dock import TrainingDock
    from trainers.progress import RunStatus


class RunsPresenter:
    """Draws snapshots of all runs into the dock, and carries out what is asked of one."""

    def __init__(
        self, session: ProjectSession, dock: TrainingDock, prefill: PrefillController
    ) -> None:
        self._session, self._dock, self._prefill = session, dock, prefill
        self._runs: dict[str, RunSnapshot] = {}
        self._paces: dict[str, Pace] = {}
        self._stopping: set[str] = set()
        self._shown: str | None = None
        self._acting = Background(session.gui, "resume")
        self._cancelling = Background(session.gui, "cancel")
        dock.run.cancel_clicked.connect(self.cancel)
        dock.run.resume_clicked.connect(self.resume)
        dock.models.selected.connect(self.show)
        dock.use_clicked.connect(self._on_dock_use_clicked)
        dock.log.toggled.connect(lambda _is_open: self._draw_log())
        prefill.changed.connect(self._draw_models)
        self.draw()

    @property
    def snapshots(self) -> tuple[RunSnapshot, ...]:
        """The runs, oldest first."""
        return tuple(self._runs.values())

    def set_runs(self, snapshots: tuple[RunSnapshot, ...]) -> None:
        """Take and draw the runs as they are now."""
        former, self._runs = self._runs, {run.name: run for run in snapshots}
        usable = [run for run in snapshots if words.can_prefill(run)]
        prefill_runs = tuple(
            PrefillRun(run.name, run.run_dir, words.run_label(run)) for run in usable
        )
        if prefill_runs != self._session.prefill_runs:
            self._session.set_prefill_runs(prefill_runs)
        for run in snapshots:
            if run.name in former and former[run.name].status.state is RunState.RUNNING:
                self._tell_end(run)
        self.draw()

    def clear(self) -> None:
        """Forget everything: another project is opened."""
        self._runs, self._paces, self._shown = {}, {}, None
        self._stopping.clear()
        self._session.set_prefill_runs(())
        self.draw()

    def show(self, name: str) -> None:
        """Show this run's state and curves."""
        self._shown = name
        self.draw()

    def draw(self) -> None:
        """Draw everything anew."""
        run = self._run_to_show()
        if run is None:
            self._dock.set_run(words.NO_RUN)
        else:
            pace = self._paces.setdefault(run.name, Pace())
            view = words.run_view(
                run,
                remaining_s=pace.remaining_s(run.status, time.monotonic()),
                is_stopping=run.name in self._stopping,
            )
            self._dock.set_run(view)
        self._draw_models()
        self._draw_log()

    def cancel(self, name: str) -> None:
        """Stop a run; the dock stays usable while it takes its time to end."""
        run = self._runs.get(name)
        if run is None or name in self._stopping:
            return
        self._stopping.add(name)
        self.draw()
        self._cancelling.run(
            lambda: runs.cancel(run.run_dir),
            lambda _status: self._on_cancelled(name, None),
            lambda error: self._on_cancelled(name, error),
        )

    def resume(self, name: str) -> None:
        """Go on with a run that was stopped."""
        run = self._runs.get(name)
        if run is not None:
            self._acting.run(
                lambda: runs.resume(run.run_dir), self._on_resumed, lambda e: show_error(str(e))
            )

    def close(self) -> None:
        """Stop listening; runs and a cancel on its way go on."""
        self._prefill.changed.disconnect(self._draw_models)
        self._acting.close()
        self._cancelling.close()

    def _on_cancelled(self, name: str, error: Exception | None) -> None:
        self._stopping.discard(name)
        if error is not None:
            show_error(str(error))
        self.draw()

    def _on_resumed(self, handle: RunHandle) -> None:
        self.show(handle.run_dir.name)

    def _on_dock_use_clicked(self, name: str) -> None:
        self._prefill.choose(name or None)

    def _run_to_show(self) -> RunSnapshot | None:
        if self._shown in self._runs:
            return self._runs[self._shown]
        snapshots = list(self._runs.values())
        running = [run for run in snapshots if run.status.state is RunState.RUNNING]
        return next(reversed(running or snapshots), None)

    def _draw_models(self) -> None:
        chosen = self._prefill.chosen
        self._dock.set_models([words.model_row(run, chosen=chosen) for run in self.snapshots])
        shown = self._run_to_show()
        if shown is not None:
            self._dock.models.select(shown.name)

    def _draw_log(self) -> None:
        run = self._run_to_show()
        if self._dock.log.is_open:
            self._dock.log.set_text("" if run is None else read_log_tail(run.run_dir))

    def _tell_end(self, run: RunSnapshot) -> None:
        status: RunStatus = run.status
        if status.state is RunState.FINISHED:
            self._prefill.follow_newest(run.name)
            show_info(f"{words.model_label(run)}: {words.sentence(run)}")
        elif status.state in (RunState.FAILED, RunState.INTERRUPTED):
            show_error(words.sentence(run))
