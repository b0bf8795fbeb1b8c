"""Work in a background thread, answers in the GUI thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from qtpy.QtCore import QObject, Qt, QThread, Signal

from trainers.errors import IcsegError

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


class GuiThread(QObject):
    """Runs calls in the thread that made it; nothing runs after `close`."""

    _posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._is_closed = False
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def call(self, function: Callable[[], None]) -> None:
        """At once in the GUI thread, else as soon as it is free. Callable from any thread."""
        if QThread.currentThread() == self.thread():
            self._run(function)
        elif not self._is_closed:
            self._posted.emit(function)

    def close(self) -> None:
        """Drops calls that have not run."""
        self._is_closed = True

    def _run(self, function: Callable[[], None]) -> None:
        if not self._is_closed:
            function()


class Background:
    """One thread for work such as reading files; errors meant for the user come back."""

    def __init__(self, gui: GuiThread, name: str) -> None:
        self._gui = gui
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"icseg-{name}")

    def run(
        self,
        work: Callable[[], Answer],
        on_done: Callable[[Answer], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        """Runs `work` in the thread, then one of the two others in the GUI thread.

        `on_error` gets what a user can act on: IcsegError and OSError. Any other exception
        is a mistake of ours and is raised in the GUI thread, where napari shows it.
        """

        def task() -> None:
            try:
                answer = work()
            except (IcsegError, OSError) as error:
                self._gui.call(_bound(on_error, error))
            except BaseException as error:
                self._gui.call(_bound(_raise, error))
            else:
                self._gui.call(_bound(on_done, answer))

        self._pool.submit(task)

    def close(self) -> None:
        """Drops what has not started; does not wait for what is running."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _bound(function: Callable[[Answer], None], value: Answer) -> Callable[[], None]:
    return lambda: function(value)


def _raise(error: BaseException) -> None:
    raise error
