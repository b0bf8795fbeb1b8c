"""Folders of images and mask files turned into import plans."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.import_plan import ImportedImage, ImportedObject, ImportPlan
from napari_icseg.project.mask_objects import instance_objects, semantic_objects
from napari_icseg.project.records import ImageStatus
from trainers.errors import DataError
from trainers.io.folders import discover
from trainers.io.images import IMAGE_SUFFIXES, image_size
from trainers.io.masks import read_mask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from napari_icseg.project.image_index import ImageIndex
    from napari_icseg.project.watching import Watch
    from trainers.io.folders import DatasetItem

MaskKind = Literal["semantic", "instances"]
CLASSES_NAME = "classes.txt"
INSTANCES_NAME = "instances.json"
MAX_UNNAMED_CLASSES = 16


def plan_folder(folder: Path, class_names: Sequence[str], watch: Watch) -> ImportPlan:
    """Read a folder of images with their semantic masks.

    Files that are no usable images are left out and noted; a broken mask stops the import.

    Raises:
        DataError: if there are no images, or a mask cannot be read or has another size.

    """
    index = discover(folder)
    names: tuple[str, ...] = index.class_names or tuple(class_names)
    images: list[ImportedImage] = []
    notes = list(index.notes)
    for item in watch.over(index.items):
        try:
            shape_hw = image_size(item.image)
        except DataError as error:
            notes.append(f"left out: {error}")
        else:
            labels = None if item.mask is None else read_mask(item.mask, shape_hw)
            names = names_for(labels, names, item.mask)
            images.append(_folder_image(item, shape_hw, labels, names))
    if index.items and not images:
        raise ProjectError(f"no image of {folder} can be used. {notes[-1]}")
    return _plan(folder.name, images, names, notes)


def plan_masks(
    images: ImageIndex,
    masks_dir: Path,
    kind: MaskKind,
    class_names: Sequence[str],
    default_class: str,
    watch: Watch,
) -> ImportPlan:
    """Read mask files for the images of an index.

    Raises:
        DataError: if a mask cannot be read or has another size than its image.
        ProjectError: if no mask fits an image.

    """
    folder = masks_dir / kind if (masks_dir / kind).is_dir() else masks_dir
    files = mask_files(folder)
    matches = {file: found for file in files if (found := images.find(file)) is not None}
    if not matches:
        raise ProjectError(
            f"none of the {len(files)} mask files in {folder} has the name of an image of this "
            "project. Name each mask like its image, or choose another folder."
        )
    names = _class_names_file(folder) or tuple(class_names)
    table = _read_table(folder) if kind == "instances" else {}
    imported = []
    for file, image in watch.over(tuple(matches.items())):
        shape_hw = image.shape_hw()
        labels = read_mask(folder / file, shape_hw)
        if kind == "semantic":
            names = names_for(labels, names, folder / file)
            objects = semantic_objects(labels, names)
        else:
            objects = instance_objects(labels, table.get(file, ()), default_class)
        imported.append(_labelled(image.path, shape_hw, objects))
    unmatched = [file for file in files if file not in matches]
    notes = []
    if unmatched:
        notes.append(f"{len(unmatched)} masks fit no image, {unmatched[0]} for instance.")
    used = (each.class_name for image in imported for each in image.objects)
    plan = _plan(folder.name, imported, tuple(dict.fromkeys((*names, *used))), notes)
    return replace(plan, unmatched=tuple(unmatched))


def mask_files(folder: Path) -> tuple[str, ...]:
    """Return the image files below a folder as sorted relative POSIX paths."""
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}. Check the path.")
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in files if not name.startswith(".")]
    return tuple(
        sorted(
            path.relative_to(folder).as_posix()
            for path in found
            if path.suffix.lower() in IMAGE_SUFFIXES
        )
    )


def names_for(
    labels: npt.NDArray[Any] | None, names: tuple[str, ...], path: Path | None
) -> tuple[str, ...]:
    """Return the class names, lengthened by "class N" if a semantic mask has higher values.

    Raises:
        DataError: if the values are so high that the mask rather holds instances.

    """
    highest = 0 if labels is None else int(labels.max())
    if highest > len(names) + MAX_UNNAMED_CLASSES:
        raise DataError(
            f"{path} has pixels of value {highest}, but only {len(names)} classes are known. "
            f"Name them in {CLASSES_NAME} beside the masks, or import the masks as instances."
        )
    return (*names, *(f"class {value}" for value in range(len(names) + 1, highest + 1)))


def _folder_image(
    item: DatasetItem,
    shape_hw: tuple[int, int],
    labels: npt.NDArray[Any] | None,
    names: Sequence[str],
) -> ImportedImage:
    if labels is None:
        return ImportedImage(item.image, shape_hw, split=item.split)
    return _labelled(item.image, shape_hw, semantic_objects(labels, names), item.split)


def _labelled(
    path: Path,
    shape_hw: tuple[int, int],
    objects: tuple[ImportedObject, ...],
    split: str | None = None,
) -> ImportedImage:
    status = ImageStatus.LABELLED if objects else ImageStatus.BLANK
    return ImportedImage(path, shape_hw, objects, status, split)


def _plan(
    title: str, images: Sequence[ImportedImage], names: Sequence[str], notes: Sequence[str]
) -> ImportPlan:
    return ImportPlan(title, tuple(images), tuple(names), {}, tuple(notes))


def _class_names_file(folder: Path) -> tuple[str, ...]:
    for place in (folder / CLASSES_NAME, folder.parent / CLASSES_NAME):
        if place.is_file():
            try:
                lines = place.read_text(encoding="utf-8-sig").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"Cannot read {place}: {error}.") from error
            return tuple(line.strip() for line in lines if line.strip())
    return ()


def _read_table(folder: Path) -> Mapping[str, tuple[str, ...]]:
    """Return the class of each instance from the table that an export leaves, if it is there."""
    path = folder / INSTANCES_NAME
    if not path.is_file():
        return {}
    try:
        content: Any = json.loads(path.read_bytes())
        names = dict(enumerate(content["classes"], start=1))
        if not all(isinstance(name, str) and name.strip() for name in names.values()):
            raise ValueError("expected class names as texts")
        return {
            str(file): tuple(names[value] for value in values)
            for file, values in content["files"].items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"Cannot read {path} ({error}). Delete it to give all instances one class."
        ) from error
