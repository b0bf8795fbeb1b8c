"""Looking at the images of the open project for the map, in a thread, with progress and cancel.

idle ── look ──► busy ──► places by PCA ──► places by t-SNE ──► idle
                   └── failed, cancelled, project closed ──► idle
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.project.watching import WorkCancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.activity import Task
    from napari_icseg.controllers.map_places import MapPlaces
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.project import Project

TITLE = "Drawing the map"


class MapLook:
    """All methods and signals belong to the GUI thread.

    Emits `changed()` whenever `places`, `is_busy`, `num_seen` or `failure` is another.
    """

    changed = Signal()

    def __init__(self, session: ProjectSession) -> None:
        self._session = session
        self._background = Background(session.gui, "map")
        self._stop: threading.Event | None = None
        self._task: Task | None = None
        self.places: MapPlaces | None = None
        self.failure = ""
        self.num_seen = (0, 0)

    @property
    def is_busy(self) -> bool:
        """Whether places, or better ones, are on their way."""
        return self._stop is not None

    def look(self) -> None:
        """Look at all images; those seen before are known. What is shown stays until then."""
        project = self._session.project
        if project is None:
            return
        self._end()
        self.failure, self.num_seen = "", (0, 0)
        stop = self._stop = threading.Event()
        task = self._task = self._session.activity.start(TITLE, cancel=self.cancel)
        self._background.run(
            lambda: self._work(project, stop, task),
            lambda _none: self._on_done(stop),
            lambda error: self._on_failed(stop, str(error)),
        )
        self.changed.emit()

    def cancel(self) -> None:
        """Stop; what was computed of the images is kept."""
        if self.is_busy:
            self._end()
            self.changed.emit()

    def clear(self) -> None:
        """Forget everything: the project is closed."""
        self._end()
        self.places, self.failure = None, ""
        self.changed.emit()

    def close(self) -> None:
        """Stop for good."""
        self._end()
        self._background.close()

    def _work(self, project: Project, stop: threading.Event, task: Task) -> None:
        """Runs in the thread."""
        from napari_icseg.controllers.map_places import places_of

        shown = -1

        def progress(done: int, total: int) -> None:
            nonlocal shown
            task.update(done, total)
            if (percent := done * 100 // total) != shown:
                shown = percent
                self._session.gui.call(lambda: self._on_progress(stop, done, total))

        try:
            with project.snapshot() as reader:
                for places in places_of(reader, progress=progress, cancelled=stop.is_set):
                    task.update(0, 0, "" if places.is_final else "(arranging)")
                    self._session.gui.call(self._taker(stop, places))
                    if stop.is_set():
                        return
        except WorkCancelled:
            return

    def _taker(self, stop: threading.Event, places: MapPlaces) -> Callable[[], None]:
        return lambda: self._on_places(stop, places)

    def _on_progress(self, stop: threading.Event, done: int, total: int) -> None:
        if stop is self._stop:
            self.num_seen = (done, total)
            self.changed.emit()

    def _on_places(self, stop: threading.Event, places: MapPlaces) -> None:
        if stop is self._stop:
            self.places = places
            self.changed.emit()

    def _on_done(self, stop: threading.Event) -> None:
        if stop is self._stop:
            self._end()
            self.changed.emit()

    def _on_failed(self, stop: threading.Event, message: str) -> None:
        if stop is self._stop:
            self._end()
            self.failure = message
            self.changed.emit()

    def _end(self) -> None:
        if self._stop is not None:
            self._stop.set()
        self._stop = None
        if self._task is not None:
            self._task.done()
            self._task = None
