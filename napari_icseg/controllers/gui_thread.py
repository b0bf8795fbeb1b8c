"""Work in a background thread, answers in the GUI thread."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from qtpy.QtCore import QObject, Qt, QThread, Signal

from trainers.errors import IcsegError

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


class GuiThread(QObject):
    """Runs calls in the thread that made it, in order; nothing runs after `close`.

    The calls wait here and not in Qt's queue, which would keep alive all that they refer to,
    a closed viewer too, for as long as nobody empties it.
    """

    _posted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._is_closed = False
        self._waiting: deque[Callable[[], None]] = deque()
        self._posted.connect(self._run_next, Qt.ConnectionType.QueuedConnection)

    def call(self, function: Callable[[], None]) -> None:
        """At once in the GUI thread, else as soon as it is free. Callable from any thread."""
        if self._is_closed:
            return
        if QThread.currentThread() == self.thread():
            function()
        else:
            self._waiting.append(function)
            self._posted.emit()

    def close(self) -> None:
        """Drops calls that have not run."""
        self._is_closed = True
        self._waiting.clear()

    def _run_next(self) -> None:
        if self._waiting:
            self._waiting.popleft()()


class Background:
    """One thread for work such as reading files; errors meant for the user come back."""

    def __init__(self, gui: GuiThread, name: str) -> None:
        self._gui = gui
        self._is_closed = False
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
                self._answer(_bound(on_error, error))
            except BaseException as error:
                self._answer(_bound(_raise, error))
            else:
                self._answer(_bound(on_done, answer))

        self._pool.submit(task)

    def close(self) -> None:
        """Drops what has not started; nobody waits for what is running, nor hears of it."""
        self._is_closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, tell: Callable[[], None]) -> None:
        """Tells the GUI thread, unless this was closed before it comes to that."""
        self._gui.call(lambda: None if self._is_closed else tell())


def _bound(function: Callable[[Answer], None], value: Answer) -> Callable[[], None]:
    return lambda: function(value)


def _raise(error: BaseException) -> None:
    raise error
