"""Accepted objects of a project: adding, changing and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsInt

from napari_icseg.project.core import ProjectCore
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.records import (
    ImageStatus,
    NewObject,
    ObjectRecord,
    ObjectSource,
    OperationKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from napari_icseg.project.history import Operation
    from napari_icseg.project.records import ImageRecord
    from trainers.io.rle import RleMask


class ObjectEdits(ProjectCore):
    """The edits of objects."""

    def add_object(
        self,
        image_id: int,
        class_id: int,
        mask: RleMask,
        source: ObjectSource,
        score: float | None = None,
    ) -> ObjectRecord:
        """Accept one object. It is on the disk when this returns.

        An UNLABELLED or BLANK image becomes IN_PROGRESS in the same operation.

        Raises:
            ProjectError: if the image or class is unknown, the class is locked, or the mask
                leaves the image. All edits of objects refuse those of a locked class.

        """
        return self.add_objects(image_id, [NewObject(class_id, mask, source, score)])[0]

    def add_objects(self, image_id: int, objects: Sequence[NewObject]) -> tuple[ObjectRecord, ...]:
        """Accept several objects of one image as one operation; see `add_object`."""
        summary = f"add {_what(self, objects)}"
        with self.operation(OperationKind.ADD_OBJECTS, summary, image_id=image_id) as operation:
            image = self.image(image_id)
            self.require_classes(new.class_id for new in objects)
            self.require_unlocked(new.class_id for new in objects)
            ids = [insert_object(operation, image, new) for new in objects]
            mark_in_progress(operation, image)
        return tuple(
            ObjectRecord(
                object_id, image_id, new.class_id, new.mask, new.source, new.score, new.is_crowd
            )
            for object_id, new in zip(ids, objects, strict=True)
        )

    def replace_mask(self, object_id: int, mask: RleMask) -> ObjectRecord:
        """Give an object another mask; id, class, source and score stay."""
        old = self.object_by_id(object_id)
        image = self.image(old.image_id)
        summary = f"edit a {self.class_by_id(old.class_id).name}"
        kind = OperationKind.REPLACE_MASK
        with self.operation(kind, summary, image_id=image.id) as operation:
            self.require_unlocked([old.class_id])
            operation.update("objects", object_id, mask_values(image, mask))
        return self.object_by_id(object_id)

    def edit_objects(
        self,
        image_id: int,
        *,
        replace: Mapping[int, RleMask] | None = None,
        delete: Iterable[int] = (),
        add: Sequence[NewObject] = (),
        summary: str = "edit objects",
        based_on: Sequence[ObjectRecord] = (),
    ) -> tuple[ObjectRecord, ...]:
        """Replace, delete and add objects of one image in one operation; return the added ones.

        This is what merging, splitting and painting over several objects are made of. All
        objects must belong to the image.

        Raises:
            ProjectError: if an object is unknown, of a locked class or not on the image; or if
                one of `based_on` is another one by now: what was computed from it does not fit.

        """
        kind = OperationKind.EDIT_OBJECTS
        with self.operation(kind, summary, image_id=image_id) as operation:
            self._require_unchanged(based_on)
            image, gone = self.image(image_id), tuple(dict.fromkeys(delete))
            changed = self.objects_by_ids({*(replace or {}), *gone})
            self.require_unlocked({record.class_id for record in changed})
            for object_id, mask in (replace or {}).items():
                self._require_on(image, object_id)
                operation.update("objects", object_id, mask_values(image, mask))
            for object_id in gone:
                self._require_on(image, object_id)
                operation.delete("objects", object_id)
            self.require_classes(new.class_id for new in add)
            self.require_unlocked(new.class_id for new in add)
            ids = [insert_object(operation, image, new) for new in add]
            if add:
                mark_in_progress(operation, image)
            self._settle(operation, [image_id])
        return tuple(self.object_by_id(object_id) for object_id in ids)

    def set_class(self, object_ids: int | Iterable[int], class_id: int) -> None:
        """Give one object, or several in one operation, another class."""
        ids = (object_ids,) if isinstance(object_ids, SupportsInt) else tuple(object_ids)
        summary = f"make {len(ids)} objects {self.class_by_id(class_id).name}"
        with self.operation(OperationKind.SET_CLASS, summary) as operation:
            records = [self.object_by_id(object_id) for object_id in ids]
            self.require_unlocked({int(class_id), *(record.class_id for record in records)})
            for object_id in ids:
                operation.update("objects", object_id, {"class_id": int(class_id)})

    def delete_objects(self, object_ids: Iterable[int]) -> None:
        """Delete objects, of any images, in one operation.

        A LABELLED image that loses its last object becomes IN_PROGRESS: an image trains as
        all background only if somebody said so.
        """
        ids = tuple(dict.fromkeys(object_ids))
        records = [self.object_by_id(object_id) for object_id in ids]
        images = {record.image_id for record in records}
        image_id = next(iter(images)) if len(images) == 1 else None
        summary = f"delete {_what(self, records)}"
        kind = OperationKind.DELETE_OBJECTS
        with self.operation(kind, summary, image_id=image_id) as operation:
            self.require_unlocked(record.class_id for record in records)
            for record in records:
                operation.delete("objects", record.id)
            self._settle(operation, images)

    def _require_unchanged(self, records: Sequence[ObjectRecord]) -> None:
        found = {record.id: record for record in self.objects_by_ids(r.id for r in records)}
        if any(found.get(record.id) != record for record in records):
            raise ProjectError("the objects were changed meanwhile, so nothing was done; try again")

    def _require_on(self, image: ImageRecord, object_id: int) -> None:
        if self.object_by_id(object_id).image_id != image.id:
            raise ProjectError(f"object {object_id} is not on {image.name}")

    def _settle(self, operation: Operation, image_ids: Iterable[int]) -> None:
        for image_id in image_ids:
            image = self.image(image_id)
            if image.status is ImageStatus.LABELLED and image.num_objects == 0:
                operation.update("images", image_id, {"status": ImageStatus.IN_PROGRESS})


def insert_object(operation: Operation, image: ImageRecord, new: NewObject) -> int:
    """Add an object's row after checking that it lies inside its image."""
    values = {"image_id": image.id, "class_id": int(new.class_id), **mask_values(image, new.mask)}
    score = None if new.score is None else float(new.score)
    more = {"source": new.source, "score": score, "is_crowd": bool(new.is_crowd)}
    return operation.insert("objects", {**values, **more})


def mark_in_progress(operation: Operation, image: ImageRecord) -> None:
    """Move an image that got an object on from UNLABELLED or BLANK."""
    if image.status in (ImageStatus.UNLABELLED, ImageStatus.BLANK):
        operation.update("images", image.id, {"status": ImageStatus.IN_PROGRESS})


def mask_values(image: ImageRecord, mask: RleMask) -> dict[str, object]:
    """Return a mask's columns; `ProjectError` if it is not inside the image."""
    bottom, right = mask.row + mask.height, mask.col + mask.width
    if mask.row < 0 or mask.col < 0 or bottom > image.height or right > image.width:
        raise ProjectError(
            f"the mask covers rows {mask.row}..{bottom - 1} and columns {mask.col}..{right - 1}, "
            f"but {image.name} has {image.height} rows and {image.width} columns"
        )
    # arrays hand out NumPy's integers, which SQLite does not know
    box = {"row": mask.row, "col": mask.col, "height": mask.height, "width": mask.width}
    return {**{key: int(value) for key, value in box.items()}, "counts": mask.counts}


def _what(project: ProjectCore, objects: Sequence[NewObject | ObjectRecord]) -> str:
    if len(objects) == 1:
        return f"a {project.class_by_id(objects[0].class_id).name}"
    return f"{len(objects)} objects"
