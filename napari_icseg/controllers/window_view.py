"""Keeps what the layers hold around what is on the screen, for images too large to be held.

    camera moves ──► is the frame still good? ──no──► thread: read pixels, draw objects
                                                            │
                     layers take it, all in one go  ◄───────┘

One frame is read at a time; where the camera went on meanwhile, the next one follows.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QTimer

from napari_icseg.controllers.frames import Frame, View, frame_for, suits
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.napari_window import camera_of, canvas_of
from napari_icseg.controllers.window_read import read_frame
from trainers.io.lazy_image import overview_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.controllers.window_read import Filter, FrameContent, Objects, Overlay
    from trainers.io.lazy_image import LazyImage

COALESCE_MS = 10
RETRY_MS = 60
REST_MS, MAX_REST_STEP = 300, 2
TELL_EVERY_S = 0.4
"""While an overview is made, what it has is drawn no more often."""


class WindowView:
    """Reads frames in a thread. All methods belong to the GUI thread.

    Args:
        viewer: whose camera is followed.
        session: for its GUI thread and its list of background work.
        show: gets each frame's content, in the GUI thread.
        rest: gets the image point (row, col) in the middle when the camera came to rest and
            the image is seen at full size or half of it.
        fail: gets the reason why a part of the image cannot be read, once.
        is_busy: whether the layers must not be changed now: a brush is on the canvas.

    """

    def __init__(
        self,
        viewer: Any,
        session: ProjectSession,
        *,
        show: Callable[[FrameContent], None],
        fail: Callable[[str], None],
        rest: Callable[[tuple[float, float]], None],
        is_busy: Callable[[], bool],
    ) -> None:
        self._viewer = viewer
        self._session = session
        self._show, self._fail, self._rest, self._is_busy = show, fail, rest, is_busy
        self._reading = Background(session.gui, "window")
        self._overviews = Background(session.gui, "overview")
        self._source: LazyImage | None = None
        self._frame: Frame | None = None
        self._overview_step = 1
        self._is_reading = self._is_old = self._has_failed = self._is_overview_old = False
        self.objects: Objects | None = None
        """Draws the objects of a frame; called in the thread."""
        self.overlay: Overlay | None = None
        """Draws what takes long of the candidate's layer; called in the thread."""
        self.filter: Filter | None = None
        """Changes the pixels that are shown; called in the thread."""
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look)
        self._rest_timer = QTimer()
        self._rest_timer.setSingleShot(True)
        self._rest_timer.setInterval(REST_MS)
        self._rest_timer.timeout.connect(self._on_rest)
        for event in self._camera_events():
            event.connect(self._on_camera_moved)
        self._resizes = _Resizes(self._on_camera_moved)
        canvas_of(viewer).installEventFilter(self._resizes)

    @property
    def source(self) -> LazyImage | None:
        """The image that is shown; None without one."""
        return self._source

    def begin(self, source: LazyImage, overview_step: int) -> None:
        """Shows an image from now on.

        Args:
            source: the image.
            overview_step: of the picture of all of it that comes with the first frame.

        """
        self.end()
        self._source, self._overview_step = source, overview_step
        self._is_overview_old = True
        self._start_overview(source)
        self.refresh()
        self._rest_timer.start()

    def end(self) -> None:
        """Shows none."""
        self._source = self._frame = None
        self.objects = self.overlay = self.filter = None
        self._has_failed = False
        self._timer.stop()
        self._rest_timer.stop()

    def refresh(self) -> None:
        """Reads and draws the frame again."""
        self._is_old = True
        self._start_timer(0)

    def close(self) -> None:
        """Stops reading and following the camera."""
        self.end()
        for event in self._camera_events():
            event.disconnect(self._on_camera_moved)
        canvas = canvas_of(self._viewer)
        if isalive(canvas):
            canvas.removeEventFilter(self._resizes)
        self._reading.close()
        self._overviews.close()

    def view(self) -> View:
        """What the canvas shows now."""
        camera, canvas = camera_of(self._viewer), canvas_of(self._viewer)
        row, col = camera.center[-2:]
        size_hw = (max(1, canvas.height()), max(1, canvas.width()))
        return View((float(row), float(col)), size_hw, max(float(camera.zoom), 1e-6))

    def _camera_events(self) -> tuple[Any, ...]:
        events = camera_of(self._viewer).events
        return events.center, events.zoom

    def _on_camera_moved(self, _event: object = None) -> None:
        if self._source is not None:
            self._start_timer(COALESCE_MS)
            self._rest_timer.start()

    def _on_rest(self) -> None:
        view = self.view()
        if self._source is not None and view.step <= MAX_REST_STEP:
            self._rest(view.center_rc)

    def _start_timer(self, wait_ms: int) -> None:
        if not self._timer.isActive() or wait_ms == 0:
            self._timer.start(wait_ms)

    def _look(self) -> None:
        """Asks for another frame if this one is no longer good."""
        source = self._source
        if source is None or self._is_reading:
            return
        view = self.view()
        is_good = self._frame is not None and suits(self._frame, view, source.shape)
        if is_good and not self._is_old:
            return
        self._is_reading, self._is_old = True, False
        overview = self._overview_step if self._is_overview_old else None
        self._is_overview_old = False
        frame = self._frame if is_good and self._frame else frame_for(view, source.shape)
        draw = (self.objects, self.overlay, self.filter)
        work = partial(read_frame, source, frame, overview, *draw)
        self._reading.run(
            work, partial(self._on_read, source), partial(self._on_read_failed, source)
        )

    def _on_read(self, source: LazyImage, content: FrameContent) -> None:
        if source is self._source and self._is_busy():
            QTimer.singleShot(RETRY_MS, partial(self._on_read, source, content))
            return
        self._is_reading = False
        if source is self._source:
            self._frame = content.frame
            self._has_failed = False
            self._show(content)
        # the camera, or the image, may be another by now
        self._start_timer(0)

    def _on_read_failed(self, source: LazyImage, error: Exception) -> None:
        self._is_reading = False
        if source is not self._source:
            self._start_timer(0)
        elif not self._has_failed:
            self._has_failed = True
            self._fail(str(error))

    def _start_overview(self, source: LazyImage) -> None:
        if source.is_quick(overview_step(source.shape)):
            return
        told_s = time.monotonic()

        def on_progress(share: float) -> None:
            nonlocal told_s
            task.update(round(share * 100))
            if time.monotonic() - told_s > TELL_EVERY_S:
                told_s = time.monotonic()
                self._session.gui.call(partial(self._on_overview, source))

        def work() -> bool:
            with task:
                return source.make_overview(on_progress, lambda: self._source is not source)

        task = self._session.activity.start("Reading an overview of the image", num_total=100)
        self._overviews.run(
            work,
            lambda _is_done: self._on_overview(source),
            partial(self._on_read_failed, source),
        )

    def _on_overview(self, source: LazyImage) -> None:
        if source is self._source:
            self._is_overview_old = True
            self.refresh()


class _Resizes(QObject):
    """Tells of another size of the canvas, which moves no camera."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:
        """Passes every event on."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._tell()
        return False
