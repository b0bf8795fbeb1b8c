"""Progress of work in the background, in napari's activity dock.

    any thread                      GUI thread, ten times a second
    Task.update, Task.done  ──►  _show: makes, moves and removes napari's bars

Bars are touched by the timer alone: napari's process events while they move, and that must not
happen in the middle of anything of ours.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from napari_icseg.controllers.gui_thread import GuiThread

SHOW_AFTER_S = 0.4
"""Shorter work shows no bar: it would only flicker."""
_PERIOD_MS = 100


@dataclass(frozen=True, slots=True)
class _Progress:
    num_done: int = 0
    num_total: int = 0
    text: str = ""


class Task:
    """One piece of work; all methods may be called from any thread.

    As a context manager it is done when the block is left, however.

    Args:
        title: What is done, such as "Exporting to COCO".
        num_total: Steps altogether; 0 where that is not known.
        cancel: What napari's Cancel button calls, in the GUI thread; None: no button.

    """

    def __init__(
        self,
        activity: Activity,
        title: str,
        num_total: int,
        cancel: Callable[[], object] | None,
    ) -> None:
        self.title = title
        self.cancel = cancel
        self.started_s = time.monotonic()
        self.is_done = False
        self.progress = _Progress(0, num_total)
        self._activity = activity

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.done()

    def update(self, num_done: int, num_total: int = 0, text: str = "") -> None:
        """Tells how far it is; 0 in total: not known. `text` goes behind the title."""
        self.progress = _Progress(num_done, num_total, text)

    def done(self) -> None:
        """Takes the bar away."""
        self.is_done = True
        self._activity.wake()


class Activity:
    """The tasks of one window; `session.activity`."""

    def __init__(self, gui: GuiThread) -> None:
        self._gui = gui
        self._lock = threading.Lock()
        self._tasks: list[Task] = []
        self._bars: dict[Task, _Bar] = {}
        self._is_showing = False
        self._timer = QTimer()
        self._timer.setInterval(_PERIOD_MS)
        self._timer.timeout.connect(self._show)

    def start(
        self, title: str, *, num_total: int = 0, cancel: Callable[[], object] | None = None
    ) -> Task:
        """Begins a task; see `Task` for the arguments. Callable from any thread."""
        task = Task(self, title, num_total, cancel)
        with self._lock:
            self._tasks.append(task)
        self.wake()
        return task

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What is going on, shown already or not."""
        with self._lock:
            return tuple(task for task in self._tasks if not task.is_done)

    def wake(self) -> None:
        """Looks at the tasks soon. Callable from any thread."""
        self._gui.call(self._start_timer)

    def close(self) -> None:
        """Takes all bars away; call it in the GUI thread."""
        self._timer.stop()
        with self._lock:
            self._tasks.clear()
        bars, self._bars = self._bars, {}
        for bar in bars.values():
            bar.close()

    def _start_timer(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _show(self) -> None:
        if self._is_showing:  # napari's bars let events through while they move
            return
        self._is_showing = True
        try:
            self._show_tasks()
        finally:
            self._is_showing = False

    def _show_tasks(self) -> None:
        with self._lock:
            self._tasks = [task for task in self._tasks if not task.is_done]
            tasks = tuple(self._tasks)
        for task in [task for task in self._bars if task not in tasks]:
            self._bars.pop(task).close()
        for task in tasks:
            if task not in self._bars and time.monotonic() - task.started_s >= SHOW_AFTER_S:
                self._bars[task] = _Bar(task)
            bar = self._bars.get(task)
            if bar is not None:
                bar.show(task.progress)
        if not tasks:
            self._timer.stop()


class _Bar:
    """One bar of napari's."""

    def __init__(self, task: Task) -> None:
        from napari.utils.progress import cancelable_progress, progress

        self._title = task.title
        self._shown = task.progress
        # gui: nothing is printed to the terminal
        options: dict[str, Any] = {
            "desc": self._description(task.progress),
            "total": task.progress.num_total,
            "gui": True,
        }
        self._cancel = task.cancel
        self._bar = (progress if task.cancel is None else cancelable_progress)(**options)
        self._move_to(task.progress.num_done)

    def show(self, shown: _Progress) -> None:
        if self._cancel is not None and self._bar.is_canceled:
            cancel, self._cancel = self._cancel, None
            cancel()
        before, self._shown = self._shown, shown
        if shown.num_total != before.num_total:
            self._bar.total = shown.num_total
        if self._description(shown) != self._description(before):
            self._bar.set_description(self._description(shown))
        self._move_to(shown.num_done)

    def close(self) -> None:
        self._bar.close()

    def _move_to(self, num_done: int) -> None:
        if num_done != self._bar.n and self._shown.num_total > 0:
            self._bar.update(num_done - self._bar.n)

    def _description(self, shown: _Progress) -> str:
        return f"{self._title} {shown.text}".strip()
