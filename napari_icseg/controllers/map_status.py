"""The status of each image on the map, read in a thread whenever labels change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.records import ReviewState
from napari_icseg.project.review_reader import is_open
from napari_icseg.widgets.map_view import KINDS

if TYPE_CHECKING:
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ImageRecord

DELAY_MS = 120
"""Changes that come close together are read together."""
_FEW = 16


class MapStatuses:
    """Knows the kind (a place in `KINDS`) of each image; emits `changed()`.

    Reading starts with `read_all`; it follows the session from then on.
    """

    changed = Signal()

    def __init__(self, session: ProjectSession) -> None:
        self._session = session
        self._background = Background(session.gui, "map-status")
        self.kinds: dict[int, int] = {}
        self._changed_ids: set[int] = set()
        self._is_all = False
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self._on_timeout)
        session.labels_changed.connect(self._on_session_labels_changed)
        session.images_changed.connect(self.read_all)

    def read_all(self) -> None:
        """Reads all soon."""
        self._is_all = True
        self._timer.start()

    def clear(self) -> None:
        """Forgets everything: the project is closed."""
        self._timer.stop()
        self.kinds, self._changed_ids, self._is_all = {}, set(), False

    def close(self) -> None:
        """Stops listening."""
        self.clear()
        self._session.labels_changed.disconnect(self._on_session_labels_changed)
        self._session.images_changed.disconnect(self.read_all)
        self._background.close()

    def _on_session_labels_changed(self, image_id: int) -> None:
        self._changed_ids.add(image_id)
        if not self._timer.isActive():
            self._timer.start()

    def _on_timeout(self) -> None:
        project, ids = self._session.project, frozenset(self._changed_ids)
        is_all = self._is_all or len(ids) > _FEW
        self._changed_ids, self._is_all = set(), False
        if project is None:
            return
        self._background.run(
            lambda: all_kinds(project) if is_all else kinds_of(project, ids),
            lambda kinds: self._on_read(project, kinds if is_all else {**self.kinds, **kinds}),
            lambda _error: None,  # the project is closed or its file is gone: others say so
        )

    def _on_read(self, project: Project, kinds: dict[int, int]) -> None:
        if project is self._session.project:
            self.kinds = kinds
            self.changed.emit()


def all_kinds(project: Project) -> dict[int, int]:
    """Return the kind of each image of a project, by id."""
    with project.snapshot() as reader:
        waiting = {review.image_id for review in reader.reviews(state=ReviewState.WAITING)}
        return {image.id: _kind(image, image.id in waiting) for image in reader.images()}


def kinds_of(project: Project, image_ids: frozenset[int]) -> dict[int, int]:
    """Return the kind of some images; those that are gone are left out."""
    found = {}
    for image_id in image_ids:
        try:
            image, review = project.image(image_id), project.review(image_id)
        except ProjectError:
            continue
        is_waiting = review is not None and review.state is ReviewState.WAITING
        found[image_id] = _kind(image, is_waiting and is_open(image.status, image.num_objects))
    return found


def _kind(image: ImageRecord, is_waiting: bool) -> int:
    return KINDS.index("waiting" if is_waiting else image.status.value)
