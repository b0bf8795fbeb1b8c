"""Hands and eyes for the demo: real mouse and key events, waiting, screenshots."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEventLoop, QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_icseg.controllers.napari_window import camera_of, canvas_of, main_window_of
from trainers.errors import IcsegError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qtpy.QtWidgets import QWidget

HEARTBEAT_MS = 5
REST_S = 0.1
DRAG_STEPS = 6


class DemoError(IcsegError):
    """A step of the workflow did not do what a user would expect."""


class Driver:
    """Operates one viewer as a person would, and counts the clicks and keys that took."""

    def __init__(self, viewer: Any, out: Path, *, prefix: str = "") -> None:
        self.viewer = viewer
        self._out, self._prefix = out, prefix
        self._num_pictures = 0
        self.num_clicks = self.num_keys = 0
        self._canvas = canvas_of(viewer)

    def wait_until(
        self, condition: Callable[[], bool], what: str, *, timeout_s: float = 60.0
    ) -> float:
        """Let the GUI run until the condition holds; return the seconds that took.

        Raises:
            DemoError: it did not hold in time.
        """
        started_s = time.perf_counter()
        waker = _waker()
        while not condition():
            waker()
            if time.perf_counter() - started_s > timeout_s:
                raise DemoError(f"Waited {timeout_s:.0f} s in vain for: {what}.")
        return time.perf_counter() - started_s

    def settle(self, seconds: float = 0.3) -> None:
        """Let the GUI run for a while."""
        end_s, waker = time.perf_counter() + seconds, _waker()
        while time.perf_counter() < end_s:
            waker()

    def click(
        self,
        row: float,
        col: float,
        *,
        positive: bool = True,
        modifiers: Any = Qt.KeyboardModifier.NoModifier,
    ) -> None:
        """Press and release the left (or, for a negative click, right) button on a pixel."""
        button = Qt.MouseButton.LeftButton if positive else Qt.MouseButton.RightButton
        point = self._to_canvas(row, col)
        self.num_clicks += 1
        QTest.mousePress(self._canvas, button, modifiers, point)
        QTest.mouseRelease(self._canvas, button, modifiers, point)

    def drag(
        self,
        start_rc: tuple[float, float],
        end_rc: tuple[float, float],
        *,
        modifiers: Any = Qt.KeyboardModifier.NoModifier,
        before_release: Callable[[], None] = lambda: None,
    ) -> None:
        """Drag with the left button from one pixel to another, as slowly as a hand."""
        button, first, last = Qt.MouseButton.LeftButton, *map(self._place, (start_rc, end_rc))
        QTest.mousePress(self._canvas, button, modifiers, first)
        for step in range(1, DRAG_STEPS + 1):
            QTest.mouseMove(self._canvas, first + (last - first) * (step / DRAG_STEPS))
            self.settle(REST_S / 3)
        before_release()
        QTest.mouseRelease(self._canvas, button, modifiers, last)

    def _place(self, point_rc: tuple[float, float]) -> QPoint:
        return self._to_canvas(*point_rc)

    def move(self, row: float, col: float) -> None:
        """Move the mouse to a pixel and rest there for a moment, as a hand does."""
        QTest.mouseMove(self._canvas, self._to_canvas(row, col))
        self.settle(REST_S)

    def key(self, key: Any, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key on the canvas."""
        self.num_keys += 1
        QTest.keyClick(self._canvas, key, modifiers)

    def press(self, button: QWidget) -> None:
        """Click a button of a dock, as long as a user could."""
        if not button.isEnabled():
            raise DemoError(f'The button "{_text(button)}" is greyed out: {button.toolTip()}')
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def screenshot(self, name: str, *, numbered: bool = True) -> Path:
        """Save the whole window as `NN-name.png`, or without the number."""
        self.settle()
        self._num_pictures += 1
        number = f"{self._num_pictures:02d}-" if numbered else ""
        path = self._out / f"{self._prefix}{number}{name}.png"
        if not main_window_of(self.viewer).grab().save(str(path)):
            raise DemoError(f"The picture {path} could not be written: is the disk full?")
        return path

    def _to_canvas(self, row: float, col: float) -> QPoint:
        """Return where a data pixel lies on the canvas, in Qt's logical pixels."""
        camera = camera_of(self.viewer)
        _, centre_row, centre_col = camera.center
        x = self._canvas.width() / 2 + (col - centre_col) * camera.zoom
        y = self._canvas.height() / 2 + (row - centre_row) * camera.zoom
        if not (0 <= x < self._canvas.width() and 0 <= y < self._canvas.height()):
            raise DemoError(f"Pixel ({row:.0f}, {col:.0f}) is outside the visible canvas.")
        return QPoint(round(x), round(y))


class Heartbeat:
    """Measures how long the GUI thread was away: the largest gap between timer ticks."""

    def __init__(self) -> None:
        self.worst_ms = 0.0
        self._last_s = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_timer)

    def start(self) -> None:
        """Begin a measurement."""
        self.worst_ms = 0.0
        self._last_s = time.perf_counter()
        self._timer.start(HEARTBEAT_MS)

    def stop(self) -> float:
        """End it; return the worst delay beyond the timer's period, in ms."""
        self._timer.stop()
        return self.worst_ms

    def _on_timer(self) -> None:
        now_s = time.perf_counter()
        gap_ms = (now_s - self._last_s) * 1000 - HEARTBEAT_MS
        self.worst_ms = max(self.worst_ms, gap_ms)
        self._last_s = now_s


def _waker() -> Callable[[], None]:
    """Return a function that lets the GUI run as its own loop does: asleep until an event comes.

    It returns after `HEARTBEAT_MS` at the latest. A loop that polls would take the interpreter
    from the model's thread all the time.
    """
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.start(HEARTBEAT_MS)
    flags = QEventLoop.ProcessEventsFlag.AllEvents | QEventLoop.ProcessEventsFlag.WaitForMoreEvents

    def wait() -> None:
        assert timer.isActive()  # it lives as long as this function
        QApplication.processEvents(flags)

    return wait


def _text(button: QWidget) -> str:
    return str(button.property("text") or button.objectName())
