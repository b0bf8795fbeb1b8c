"""The objects of the image on screen, kept equal to the project at the cost of what changes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from napari_icseg.controllers.object_index import ObjectIndex

if TYPE_CHECKING:
    from napari_icseg.controllers.boxes import Box
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ObjectRecord

MAX_AT_ONCE = 2000
"""More changed objects than this are read by a thread."""


class ImageObjects:
    """Reads all objects once, in the thread that makes it; later only those that changed."""

    def __init__(self, project: Project, image_id: int) -> None:
        self.image_id = image_id
        self._project = project
        self._lock = threading.Lock()
        self._changed: set[int] = set()
        # before reading: what changes meanwhile is read again
        project.objects_changed.connect(self._on_project_objects_changed)
        self.index = ObjectIndex(project.objects(image_id))

    @property
    def needs_thread(self) -> bool:
        """Whether `update` would take long."""
        return len(self._changed) > MAX_AT_ONCE

    def update(self) -> list[Box]:
        """Takes over what changed in the project; returns the boxes to be drawn again."""
        with self._lock:
            ids, self._changed = self._changed, set()
        if not ids:
            return []
        found = {record.id: record for record in self._project.objects_by_ids(ids)}
        changes: dict[int, ObjectRecord | None] = {}
        for key in ids:
            record = found.get(key)
            is_here = record is not None and record.image_id == self.image_id
            changes[key] = record if is_here else None
        return self.index.update(changes)

    def close(self) -> None:
        """Stops listening."""
        self._project.objects_changed.disconnect(self._on_project_objects_changed, missing_ok=True)

    def _on_project_objects_changed(self, ids: frozenset[int]) -> None:
        with self._lock:
            self._changed |= ids
