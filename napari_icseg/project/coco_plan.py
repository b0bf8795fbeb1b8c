"""A COCO file turned into an import plan."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from napari_icseg.project.class_edits import is_color
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.import_plan import ImportedImage, ImportedObject, ImportPlan
from napari_icseg.project.records import ImageStatus, ObjectSource
from trainers.errors import DataError
from trainers.io.coco import read_coco
from trainers.io.images import image_size
from trainers.io.manifest import SPLITS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_icseg.project.image_index import ImageIndex
    from napari_icseg.project.watching import Watch
    from trainers.io.coco import CocoAnnotation, CocoDataset, CocoImage

_MAX_NAMED = 5


def plan_coco(
    coco_path: Path,
    images_dir: Path,
    *,
    skip_missing: bool,
    watch: Watch,
    index: ImageIndex | None = None,
) -> ImportPlan:
    """Read a COCO file and check its images, which lie in `images_dir` or are found by `index`.

    In a file of CVAT's, which marks every mask as a crowd, masks are ordinary objects.

    Raises:
        DataError: if the file is broken, or an image has another size than it says.
        ProjectError: if images are missing and `skip_missing` is off.

    """
    dataset = read_coco(coco_path)
    found, missing = _split_by_presence(dataset, images_dir, index)
    if missing and (not found or not skip_missing):
        raise ProjectError(
            f"{len(missing)} of the {len(dataset.images)} images of {coco_path} are not in "
            f"{images_dir}: {', '.join(missing[:_MAX_NAMED])}. Choose the folder that contains "
            "them, or import without the missing ones. Nothing was imported."
        )
    notes = list(dataset.notes)
    if missing:
        notes.append(f"{len(missing)} images are missing: {', '.join(missing[:_MAX_NAMED])}.")
    is_cvat = _is_from_cvat(dataset)
    names = {category.id: category.name for category in dataset.categories}
    by_image: dict[int, list[ImportedObject]] = defaultdict(list)
    for annotation in dataset.annotations:
        by_image[annotation.image_id].append(_object(annotation, names, may_be_crowd=not is_cvat))
    if is_cvat and any(annotation.iscrowd for annotation in dataset.annotations):
        notes.append(
            "The file is CVAT's, which marks each mask as a crowd: the marks were ignored."
        )
    images = tuple(
        _image(image, path, tuple(by_image[image.id])) for image, path in watch.over(found)
    )
    return ImportPlan(
        coco_path.name,
        images,
        tuple(names.values()),
        _colors(dataset),
        tuple(notes),
        unmatched=tuple(missing),
    )


def _split_by_presence(
    dataset: CocoDataset, images_dir: Path, index: ImageIndex | None
) -> tuple[list[tuple[CocoImage, Path]], list[str]]:
    found: list[tuple[CocoImage, Path]] = []
    missing: list[str] = []
    for image in dataset.images:
        path = images_dir / image.file_name
        if not _is_there(path) and index is not None:
            other = index.find(image.file_name)
            path = path if other is None else other.path
        if _is_there(path):
            found.append((image, path))
        else:
            missing.append(image.file_name)
    return found, missing


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long for any file
        return False


def _is_from_cvat(dataset: CocoDataset) -> bool:
    """Return whether each annotation has the attribute that CVAT always writes."""
    return bool(dataset.annotations) and all(
        "occluded" in annotation.attributes for annotation in dataset.annotations
    )


def _image(image: CocoImage, path: Path, objects: tuple[ImportedObject, ...]) -> ImportedImage:
    expected = (image.height, image.width)
    if (actual := image_size(path)) != expected:
        raise DataError(
            f"{path} is {actual[1]} x {actual[0]} pixels, but the COCO file says {image.width} x "
            f"{image.height}. Choose the folder with the images that were labelled."
        )
    split, notes = image.attributes.get("split"), image.attributes.get("notes")
    return ImportedImage(
        path,
        expected,
        objects,
        status=_status(image.attributes),
        split=split if split in SPLITS else None,
        notes=notes if isinstance(notes, str) else "",
    )


def _object(
    annotation: CocoAnnotation, names: Mapping[int, str], *, may_be_crowd: bool
) -> ImportedObject:
    return ImportedObject(
        names[annotation.category_id],
        annotation.mask,
        _source(annotation.attributes),
        _score(annotation.attributes),
        annotation.iscrowd and may_be_crowd,
    )


def _source(attributes: Mapping[str, Any]) -> ObjectSource:
    try:
        return ObjectSource(str(attributes.get("source")))
    except ValueError:  # another program's word, or none
        return ObjectSource.IMPORT


def _score(attributes: Mapping[str, Any]) -> float | None:
    score = attributes.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float):
        return None
    return float(score) if 0 <= score <= 1 and math.isfinite(score) else None


def _status(attributes: Mapping[str, Any]) -> ImageStatus | None:
    try:
        return ImageStatus(str(attributes.get("status")))
    except ValueError:
        return None


def _colors(dataset: CocoDataset) -> dict[str, str]:
    colors = {each.name: str(each.attributes.get("color")) for each in dataset.categories}
    return {name: color for name, color in colors.items() if is_color(color)}
