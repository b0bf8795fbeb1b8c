"""A thread that watches the runs of the open project and starts those that wait."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from napari_icseg.jobs.runs import launch_next
from napari_icseg.jobs.watcher import RunsWatcher
from trainers.errors import IcsegError
from trainers.progress import WORKING, RunState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_icseg.controllers.gui_thread import GuiThread
    from napari_icseg.jobs.watcher import RunSnapshot

POLL_S = 0.25
_JOIN_S = 5.0


class RunsFollower:
    """Calls `on_runs(snapshots)` in the GUI thread at first and after every change."""

    def __init__(
        self,
        runs_dir: Path,
        gui: GuiThread,
        on_runs: Callable[[tuple[RunSnapshot, ...]], None],
        on_error: Callable[[str], None],
    ) -> None:
        self._watcher = RunsWatcher(runs_dir)
        self._gui, self._on_runs, self._on_error = gui, on_runs, on_error
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="icseg-runs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching; the runs themselves go on."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(_JOIN_S)

    def _loop(self) -> None:
        is_first = True
        while not self._stop.is_set():
            changes = self._watcher.step()
            snapshots = self._watcher.snapshots()
            if changes or is_first:
                self._tell(snapshots)
            is_first = False
            self._start_waiting(snapshots)
            self._stop.wait(POLL_S)

    def _tell(self, snapshots: tuple[RunSnapshot, ...]) -> None:
        self._gui.call(lambda: None if self._stop.is_set() else self._on_runs(snapshots))

    def _start_waiting(self, snapshots: tuple[RunSnapshot, ...]) -> None:
        states = {run.status.state for run in snapshots}
        if RunState.QUEUED not in states or states.intersection(WORKING):
            return
        try:
            launch_next(self._watcher.runs_folder)
        except (IcsegError, OSError) as error:
            message = str(error)
            self._gui.call(lambda: self._on_error(message))
            self._stop.wait(10.0)  # a full disk is not emptied by trying four times a second
