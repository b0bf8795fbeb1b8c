"""What the model does for long shows in napari's activity dock: loading, embedding, following."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_icseg.controllers.desk import KeylessPart

if TYPE_CHECKING:
    from napari_icseg.controllers.activity import Task
    from napari_icseg.controllers.desk import Desk


class WorkerActivity(KeylessPart):
    """One for a desk; see `desk.Part`. The worker's status comes in its own thread."""

    def __init__(self, desk: Desk) -> None:
        self._worker, self._activity = desk.worker, desk.session.activity
        self._task: Task | None = None
        self._worker.status.connect(self._on_worker_status)

    def close(self) -> None:
        """Stops listening."""
        self._worker.status.disconnect(self._on_worker_status, missing_ok=True)
        self._end()

    def _on_worker_status(self, text: str) -> None:
        """One bar for each kind of work; the number of the window changes within it."""
        title, _, detail = text.partition("… ")
        title = title.removesuffix("…")
        if self._task is None or self._task.title != title:
            self._end()
            self._task = self._activity.start(title) if title else None
        if self._task is not None:
            self._task.update(0, text=detail)

    def _end(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.done()
