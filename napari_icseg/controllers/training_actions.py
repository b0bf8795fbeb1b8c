"""What is asked of a run: pause, continue, cancel, resume; carried out in threads."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import show_error
from napari_icseg.controllers.training_words import Pending
from napari_icseg.jobs import runs
from trainers.progress import RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_icseg.controllers.gui_thread import GuiThread
    from napari_icseg.jobs.runs import RunHandle
    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.widgets.training_status import RunPanel

_UNTIL = {Pending.PAUSING: RunState.RUNNING, Pending.CONTINUING: RunState.PAUSED}
"""A wish is on its way as long as the run is in this state."""


class RunActions:
    """Remembers what is on its way. Emits `changed()`, and `resumed(name)`."""

    changed = Signal()
    resumed = Signal(str)

    def __init__(
        self, gui: GuiThread, panel: RunPanel, find: Callable[[str], RunSnapshot | None]
    ) -> None:
        self._find = find
        self._pending: dict[str, Pending] = {}
        self._acting = Background(gui, "act")
        # on its own: a cancel waits for a process to end
        self._cancelling = Background(gui, "cancel")
        panel.pause_clicked.connect(self.pause)
        panel.continue_clicked.connect(self.go_on)
        panel.cancel_clicked.connect(self.cancel)
        panel.resume_clicked.connect(self.resume)

    def pending(self, name: str) -> Pending | None:
        """Return what was asked of a run and has not happened yet."""
        return self._pending.get(name)

    def see(self, snapshots: Iterable[RunSnapshot]) -> None:
        """Forget the wishes that have come true."""
        for run in snapshots:
            until = _UNTIL.get(self._pending.get(run.name, Pending.STOPPING))
            if until is not None and run.status.state is not until:
                del self._pending[run.name]

    def clear(self) -> None:
        """Forget everything: another project is opened."""
        self._pending.clear()

    def pause(self, name: str) -> None:
        """Let a run wait after its present step."""
        self._ask(name, Pending.PAUSING, runs.pause)

    def go_on(self, name: str) -> None:
        """Let a paused run go on."""
        self._ask(name, Pending.CONTINUING, runs.unpause)

    def cancel(self, name: str) -> None:
        """Stop a run; the dock stays usable while it takes its time to end."""
        run = self._find(name)
        if run is None or self._pending.get(name) is Pending.STOPPING:
            return
        self._pending[name] = Pending.STOPPING
        self.changed.emit()
        self._cancelling.run(
            lambda: runs.cancel(run.run_dir),
            lambda _status: self._on_ended(name, None),
            partial(self._on_ended, name),
        )

    def resume(self, name: str) -> None:
        """Go on with a run that was stopped."""
        run = self._find(name)
        if run is not None:
            self._acting.run(
                lambda: runs.resume(run.run_dir), self._on_resumed, lambda e: show_error(str(e))
            )

    def close(self) -> None:
        """Stop listening; runs and a cancel on its way go on."""
        self._acting.close()
        self._cancelling.close()

    def _ask(self, name: str, wish: Pending, act: Callable[..., None]) -> None:
        run = self._find(name)
        if run is None or name in self._pending:
            return
        self._pending[name] = wish
        self.changed.emit()
        self._acting.run(
            lambda: act(run.run_dir), lambda _none: None, partial(self._on_ended, name)
        )

    def _on_ended(self, name: str, error: Exception | None) -> None:
        self._pending.pop(name, None)
        if error is not None:
            show_error(str(error))
        self.changed.emit()

    def _on_resumed(self, handle: RunHandle) -> None:
        self.resumed.emit(handle.run_dir.name)
