"""Edits of many images at once: each is one operation, all of it or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_icseg.project.core import ProjectCore
from napari_icseg.project.records import ImageStatus, OperationKind

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class BatchResult:
    """So many images and objects were changed; so many images were left as they are."""

    num_images: int
    num_objects: int
    num_left: int = 0


class BatchEdits(ProjectCore):
    """The edits of a selection of images. Ids of images that are gone are passed by."""

    def num_objects_on(self, image_ids: Iterable[int]) -> dict[int, int]:
        """Return how many objects of each class these images have together; 0 is left out."""
        counts: dict[int, int] = {}
        question = "SELECT class_id, COUNT(*) FROM objects WHERE image_id IN ({}) GROUP BY class_id"
        for class_id, num in self._rows_of(question, image_ids):
            counts[class_id] = counts.get(class_id, 0) + num
        return counts

    def change_class_on(self, image_ids: Iterable[int], old_id: int, new_id: int) -> BatchResult:
        """Give all objects of a class on these images another class.

        Raises:
            ProjectError: if one of the classes is unknown or locked.

        """
        ids = tuple(image_ids)
        old, new = self.class_by_id(old_id), self.class_by_id(new_id)
        with self._lock:
            found = [(i, o) for i, o, class_id in self._objects_on(ids) if class_id == old.id]
            summary = f"change {_counted(found)} from {old.name} to {new.name}"
            with self.operation(OperationKind.SET_CLASS, summary) as operation:
                self.require_unlocked([old.id, new.id])
                for _, object_id in found:
                    operation.update("objects", object_id, {"class_id": new.id})
        return BatchResult(len({image_id for image_id, _ in found}), len(found))

    def delete_objects_on(
        self, image_ids: Iterable[int], class_id: int | None = None
    ) -> BatchResult:
        """Delete all objects on these images, or those of one class.

        Objects of locked classes stay. A LABELLED image that loses its last object becomes
        IN_PROGRESS, see `delete_objects`.

        Raises:
            ProjectError: if `class_id` is unknown or locked.

        """
        ids = tuple(image_ids)
        if class_id is not None:
            self.require_unlocked([self.class_by_id(class_id).id])
        with self._lock:
            locked = self.class_flags().locked
            found = [
                (image_id, object_id)
                for image_id, object_id, its_class in self._objects_on(ids)
                if its_class not in locked and class_id in (None, its_class)
            ]
            summary = f"delete {_counted(found)}"
            with self.operation(OperationKind.DELETE_OBJECTS, summary) as operation:
                for _, object_id in found:
                    operation.delete("objects", object_id)
                images = {image_id for image_id, _ in found}
                question = "SELECT id, status FROM images WHERE num_objects = 0 AND id IN ({})"
                for image_id, status in self._rows_of(question, images):
                    if status == ImageStatus.LABELLED:
                        operation.update("images", image_id, {"status": ImageStatus.IN_PROGRESS})
        return BatchResult(len(images), len(found))

    def set_status_of(self, image_ids: Iterable[int], status: ImageStatus) -> BatchResult:
        """Set the status of these images. For BLANK, images with objects stay as they are."""
        ids = tuple(image_ids)
        with self._lock:
            rows = self._rows_of("SELECT id, num_objects, status FROM images WHERE id IN ({})", ids)
            fitting = [
                (image_id, old)
                for image_id, num_objects, old in rows
                if status is not ImageStatus.BLANK or num_objects == 0
            ]
            changing = [image_id for image_id, old in fitting if old != status]
            num = f"{len(changing):,} image{'' if len(changing) == 1 else 's'}"
            summary = f"mark {num} as {status.value.replace('_', ' ')}"
            with self.operation(OperationKind.SET_STATUS, summary) as operation:
                for image_id in changing:
                    operation.update("images", image_id, {"status": status})
        return BatchResult(len(changing), 0, len(rows) - len(fitting))

    def _objects_on(self, image_ids: Iterable[int]) -> list[tuple[int, int, int]]:
        """Return (image id, object id, class id) of all objects on these images."""
        question = "SELECT image_id, id, class_id FROM objects WHERE image_id IN ({})"
        return self._rows_of(question, image_ids)


def _counted(found: list[tuple[int, int]]) -> str:
    num_images = len({image_id for image_id, _ in found})
    objects = f"{len(found):,} object{'' if len(found) == 1 else 's'}"
    return f"{objects} on {num_images:,} image{'' if num_images == 1 else 's'}"
