"""What an import would bring, shown before it is done, and its classes given other names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.image_edits import stored_path
from napari_icseg.project.records import ImageStatus
from trainers.io.palette import PALETTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_icseg.project.import_plan import ImportedImage, ImportPlan
    from napari_icseg.project.reader import ProjectReader

ClassMapping = dict[str, str | None]
"""The project's class for each of the file's; None leaves its objects out."""


@dataclass(frozen=True, slots=True)
class ClassPreview:
    """One class of a file; `existing` is the project's class of that name, if it has one."""

    name: str
    num_objects: int
    existing: str | None
    color: str


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What a plan would do: images by what happens to them, and classes."""

    num_images: int
    num_new_images: int
    num_worked_on: int
    num_objects: int
    classes: tuple[ClassPreview, ...]
    unmatched: tuple[str, ...]
    notes: tuple[str, ...]


def preview(plan: ImportPlan, reader: ProjectReader) -> ImportPreview:
    """Return what a plan would do to a project as it is now."""
    records = {image.path: image for image in reader.images()}
    root = reader.root
    found = [records.get(stored_path(image.path, root)) for image in plan.images]
    worked_on = sum(
        image is not None and (image.num_objects > 0 or image.status.is_done) for image in found
    )
    return ImportPreview(
        len(plan.images),
        sum(image is None for image in found),
        worked_on,
        sum(len(image.objects) for image in plan.images),
        _classes(plan, reader),
        plan.unmatched,
        plan.notes,
    )


def checked_mapping(plan: ImportPlan, wanted: Mapping[str, str | None]) -> ClassMapping:
    """Return a mapping after checking that the plan has its classes.

    Raises:
        ProjectError: a class that the file has not, or an empty name.

    """
    known = {name.casefold(): name for name in plan.class_names}
    checked: ClassMapping = {}
    for old, new in wanted.items():
        if old.casefold() not in known:
            have = ", ".join(plan.class_names) or "none"
            raise ProjectError(f"there is no class {old} in {plan.title}; it has {have}.")
        if new is not None and not new.strip():
            raise ProjectError(f"class {old} needs a name to go to.")
        checked[known[old.casefold()]] = None if new is None else new.strip()
    return checked


def mapped(plan: ImportPlan, mapping: Mapping[str, str | None]) -> ImportPlan:
    """Return the plan with its classes renamed, and without the objects of those left out.

    Classes that the mapping does not name keep their names. An image that loses some of its
    objects that way is not done: nobody said that the rest is all there is.
    """
    names = [(name, mapping.get(name, name)) for name in plan.class_names]
    new_names = tuple(dict.fromkeys(new for _, new in names if new is not None))
    colors = {
        new: plan.colors[old]
        for old, new in reversed(names)
        if new is not None and old in plan.colors
    }
    images = tuple(_mapped_image(image, mapping) for image in plan.images)
    return replace(plan, images=images, class_names=new_names, colors=colors)


def _mapped_image(image: ImportedImage, mapping: Mapping[str, str | None]) -> ImportedImage:
    kept = []
    for each in image.objects:
        new = mapping.get(each.class_name, each.class_name)
        if new is not None:
            kept.append(each if new == each.class_name else replace(each, class_name=new))
    status = image.status
    if len(kept) < len(image.objects):
        status = ImageStatus.IN_PROGRESS if kept else None
    return replace(image, objects=tuple(kept), status=status)


def _classes(plan: ImportPlan, reader: ProjectReader) -> tuple[ClassPreview, ...]:
    counts = Counter(each.class_name for image in plan.images for each in image.objects)
    known = {each.name.casefold(): each for each in reader.classes()}
    previews: list[ClassPreview] = []
    num_new = 0
    for name in plan.class_names:
        existing = known.get(name.casefold())
        if existing is not None:
            color = existing.color
        else:
            color = plan.colors.get(name) or PALETTE[(len(known) + num_new) % len(PALETTE)]
            num_new += 1
        previews.append(
            ClassPreview(name, counts[name], existing.name if existing else None, color)
        )
    return tuple(previews)
