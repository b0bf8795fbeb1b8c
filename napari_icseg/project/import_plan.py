"""What an import would bring, read in full before the project is touched, and its application.

Reading can fail at any file; applying is one transaction and one undo step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_icseg.project.class_edits import insert_class
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.image_edits import insert_image, stored_path
from napari_icseg.project.object_edits import insert_object
from napari_icseg.project.records import ImageStatus, NewObject, ObjectSource, OperationKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_icseg.project.history import Operation
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ImageRecord
    from trainers.io.rle import RleMask

Merge = Literal["skip", "add", "replace"]
"""What happens to an image that somebody worked on already: left alone, added to, or replaced."""
MERGES: tuple[Merge, ...] = ("skip", "add", "replace")


@dataclass(frozen=True, slots=True)
class ImportedObject:
    """An object to come; its class goes by name."""

    class_name: str
    mask: RleMask
    source: ObjectSource = ObjectSource.IMPORT
    score: float | None = None
    is_crowd: bool = False


@dataclass(frozen=True, slots=True)
class ImportedImage:
    """An image to come. Without a `status` its objects decide; without objects it stays."""

    path: Path
    shape_hw: tuple[int, int]
    objects: tuple[ImportedObject, ...] = ()
    status: ImageStatus | None = None
    split: str | None = None
    notes: str = ""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """All that an import brings. `colors` are those of classes that may be new.

    `unmatched` names the label files, or the images in a file, whose image was not found.
    """

    title: str
    images: tuple[ImportedImage, ...]
    class_names: tuple[str, ...]
    colors: Mapping[str, str]
    notes: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, and in `notes`, for the user, what it left out and why."""

    num_images: int
    num_new_images: int
    num_objects: int
    notes: tuple[str, ...] = ()
    cancelled: bool = False


def apply_plan(project: Project, plan: ImportPlan, *, merge: Merge = "skip") -> ImportReport:
    """Bring a plan into the project: one transaction, one undo step, all or nothing.

    Raises:
        ProjectError: if an image has another size than the project knows; nothing is changed.

    """
    if merge not in MERGES:
        raise ProjectError(f"expected one of {', '.join(MERGES)}, got {merge!r}")
    importer = _Importer(project, merge)
    with project.operation(OperationKind.IMPORT, f"import {plan.title}") as operation:
        importer.add_classes(operation, plan)
        for image in plan.images:
            importer.add_image(operation, image)
    notes = (*plan.notes, *importer.notes)
    return ImportReport(len(plan.images), importer.num_new, importer.num_objects, notes)


class _Importer:
    def __init__(self, project: Project, merge: Merge) -> None:
        self._project, self._merge, self._root = project, merge, project.root
        self._class_ids: dict[str, int] = {}
        self._skipped: list[str] = []
        self.num_new = 0
        self.num_objects = 0

    @property
    def notes(self) -> list[str]:
        if not self._skipped:
            return []
        return [
            f"{len(self._skipped)} images were left as they are because they are labelled "
            f"already, {self._skipped[0]} for instance. Choose to add to them or to replace."
        ]

    def add_classes(self, operation: Operation, plan: ImportPlan) -> None:
        known = self._project.classes()
        self._class_ids = {each.name.casefold(): each.id for each in known}
        for name in plan.class_names:
            if name.casefold() not in self._class_ids:
                color = plan.colors.get(name)
                class_id = insert_class(operation, self._project.classes(), name, color)
                self._class_ids[name.casefold()] = class_id

    def add_image(self, operation: Operation, new: ImportedImage) -> None:
        image, is_new = self._find_or_insert(operation, new)
        worked_on = image.num_objects > 0 or image.status.is_done
        if worked_on and self._merge == "skip":
            if new.objects or new.status is not None:
                self._skipped.append(image.path)
            return
        if self._merge == "replace":
            for old in self._project.objects(image.id):
                operation.delete("objects", old.id)
        for each in new.objects:
            insert_object(operation, image, self._new_object(each))
        self.num_objects += len(new.objects)
        values = self._image_values(new, image, is_new=is_new)
        operation.update("images", image.id, values)

    def _find_or_insert(self, operation: Operation, new: ImportedImage) -> tuple[ImageRecord, bool]:
        stored = stored_path(new.path, self._root)
        image = self._project.image_by_path(stored)
        if image is None:
            self.num_new += 1
            return self._project.image(insert_image(operation, stored, new.shape_hw)), True
        if image.shape != new.shape_hw:
            raise ProjectError(
                f"{stored} is {image.width} x {image.height} pixels in the project, but "
                f"{new.shape_hw[1]} x {new.shape_hw[0]} in the import. Nothing was imported."
            )
        return image, False

    def _new_object(self, each: ImportedObject) -> NewObject:
        class_id = self._class_ids[each.class_name.casefold()]
        return NewObject(class_id, each.mask, each.source, each.score, each.is_crowd)

    def _image_values(
        self, new: ImportedImage, image: ImageRecord, *, is_new: bool
    ) -> dict[str, object]:
        num_objects = self._project.image(image.id).num_objects
        values: dict[str, object] = {"status": _status(new, image, num_objects)}
        if new.split is not None and image.split is None:
            values["split"] = new.split
        if is_new:
            values["notes"] = new.notes
        return values


def _status(new: ImportedImage, image: ImageRecord, num_objects: int) -> ImageStatus:
    """Return the status after the import: blank and labelled have to agree with the objects."""
    if new.status is None and not new.objects:
        return image.status
    wanted = new.status or ImageStatus.LABELLED
    if num_objects and wanted in (ImageStatus.BLANK, ImageStatus.UNLABELLED):
        return ImageStatus.IN_PROGRESS
    if image.status is ImageStatus.IN_PROGRESS and image.num_objects:
        return image.status  # half of it is somebody's unfinished work
    return wanted
