"""Suggested images of the open project: found in a thread, shared by the docks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import show_error, show_info
from napari_icseg.controllers.suggest_words import tell
from napari_icseg.project.watching import WorkCancelled

if TYPE_CHECKING:
    from napari_icseg.controllers.activity import Task
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.controllers.suggest_words import SuggestBy
    from napari_icseg.controllers.suggesting import Suggested, SuggestedImage
    from napari_icseg.project.project import Project

TITLE = "Looking at the images"


class Suggestions:
    """`session.suggestions`. All methods and signals belong to the GUI thread.

    Emits `changed()` when images are suggested or no longer are, and `busy_changed()`.

        idle ── suggest ──► busy ── found, failed, cancel, project closed ──► idle
    """

    changed = Signal()
    busy_changed = Signal()

    def __init__(self, session: ProjectSession) -> None:
        self._session = session
        self._background = Background(session.gui, "suggest")
        self._stop: threading.Event | None = None
        self._task: Task | None = None
        self._found: dict[int, SuggestedImage] = {}
        session.closing.connect(self._on_session_closing)

    @property
    def images(self) -> dict[int, SuggestedImage]:
        """What is suggested, by image id, most useful first."""
        return dict(self._found)

    @property
    def is_busy(self) -> bool:
        """Whether suggestions are on their way."""
        return self._stop is not None

    def suggest(self, num: int, by: SuggestBy | None = None) -> None:
        """Look for images to label; what was suggested before stays until then."""
        project = self._session.project
        if project is None or self.is_busy:
            return
        stop = self._stop = threading.Event()
        task = self._task = self._session.activity.start(TITLE, cancel=self.cancel)
        self._background.run(
            lambda: _suggest(project, num, by, stop, task),
            lambda found: self._on_found(stop, found, num),
            lambda error: self._on_failed(stop, error),
        )
        self.busy_changed.emit()

    def cancel(self) -> None:
        """Stop looking; vectors that were computed are kept for the next time."""
        stop, self._stop = self._stop, None
        if stop is None:
            return
        stop.set()
        self._end_task()
        self.busy_changed.emit()

    def close(self) -> None:
        """Stop for good."""
        self.cancel()
        self._background.close()

    def _on_found(self, stop: threading.Event, found: Suggested | None, num: int) -> None:
        if stop is not self._stop or found is None:
            return  # cancelled, or another project is open
        self.cancel()
        self._found = {each.image.id: each for each in found.images}
        self.changed.emit()
        show_info(tell(found, num))

    def _on_failed(self, stop: threading.Event, error: Exception) -> None:
        if stop is self._stop:
            self.cancel()
            show_error(f"No image was suggested: {error}")

    def _on_session_closing(self) -> None:
        self.cancel()
        if self._found:
            self._found = {}
            self.changed.emit()

    def _end_task(self) -> None:
        if self._task is not None:
            self._task.done()
            self._task = None


def _suggest(
    project: Project, num: int, by: SuggestBy | None, stop: threading.Event, task: Task
) -> Suggested | None:
    """Runs in the thread; None where it was cancelled."""
    from napari_icseg.controllers.suggesting import image_vectors, suggest

    try:
        with project.snapshot() as snapshot:
            image_vectors(snapshot, progress=task.update, cancelled=stop.is_set)
        task.update(0, 0, "…")
        # what was labelled meanwhile is not suggested
        with project.snapshot() as snapshot:
            return suggest(snapshot, num, by=by, cancelled=stop.is_set)
    except WorkCancelled:
        return None
