"""The objects of the image on screen, kept equal to the project at the cost of what changes."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from napari_icseg.controllers.object_index import ObjectIndex
from napari_icseg.controllers.object_map import ObjectMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.controllers.boxes import Box
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ClassRecord, ObjectRecord

MAX_REMEMBERED = 64
"""Updates after which a map that is still being drawn can be brought up to date by parts."""
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
        self.first_map: ObjectMap | None = None
        """Of the whole image, if it was prepared and not taken yet."""
        self._serial = 0
        self._drawn_again: deque[tuple[int, list[Box]]] = deque(maxlen=MAX_REMEMBERED)

    @property
    def serial(self) -> int:
        """Grows with every update; a map made now is to be brought up to date from here."""
        return self._serial

    def prepare(self, shape_hw: tuple[int, int], classes: Sequence[ClassRecord]) -> None:
        """Draws the map of the whole image: in the thread that reads, so that nobody waits."""
        self.first_map = ObjectMap(shape_hw, classes, self.index)

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
        boxes = self.index.update(changes)
        self._serial += 1
        self._drawn_again.append((self._serial, boxes))
        return boxes

    def boxes_since(self, serial: int, everything: Box) -> list[Box]:
        """The boxes that changed after a map was begun at this serial."""
        if serial < self._serial - MAX_REMEMBERED:
            return [everything]
        return [box for number, boxes in self._drawn_again if number > serial for box in boxes]

    def close(self) -> None:
        """Stops listening."""
        self._project.objects_changed.disconnect(self._on_project_objects_changed, missing_ok=True)

    def _on_project_objects_changed(self, ids: frozenset[int]) -> None:
        with self._lock:
            self._changed |= ids
