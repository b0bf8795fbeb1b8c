"""A project written as COCO JSON or as PNG masks.

All functions take a `Project` or, for work beside labelling, a `ProjectSnapshot`. Either the
whole export appears or nothing of it.
"""

from __future__ import annotations

import functools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.naming import file_names, mask_names
from napari_icseg.project.publishing import publish, staging_folder
from napari_icseg.project.records import ImageStatus
from napari_icseg.project.rendering import Rendering, decode, render_instances, render_semantic
from napari_icseg.project.watching import Watch, WorkCancelled
from trainers.io.atomic import write_text_atomic
from trainers.io.coco import CocoAnnotation, CocoCategory, CocoDataset, CocoImage, write_coco
from trainers.io.masks import MAX_CLASS_ID, write_instances, write_semantic

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord, ObjectRecord

STARTED = (ImageStatus.IN_PROGRESS, ImageStatus.LABELLED, ImageStatus.BLANK)
CLASSES_NAME = "classes.txt"
INSTANCES_NAME = "instances.json"

MaskKind = Literal["semantic", "instances"]
MASK_KINDS: tuple[MaskKind, ...] = ("semantic", "instances")


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote, and in `losses`, for the user, what the format could not keep."""

    files: tuple[Path, ...]
    num_images: int
    num_objects: int
    losses: tuple[str, ...] = ()
    cancelled: bool = False


def export_coco(
    reader: ProjectReader,
    path: Path | str,
    *,
    statuses: Collection[ImageStatus] = STARTED,
    polygons: bool = False,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ExportReport:
    """Write the images of `statuses` and their objects as one COCO JSON file.

    RLE keeps holes and separate parts; `polygons` joins holes to the outline by bridges. Source and
    score of an object, status, split and notes of an image and the colour of a class are
    kept as `attributes`. `progress` gets the number of images done and their total.

    Raises:
        ProjectError: if no image has one of the statuses.
        DataError: if the file cannot be written.

    """
    images = chosen_images(reader, statuses)
    names = file_names(images)
    annotations: list[CocoAnnotation] = []
    try:
        for image in Watch(progress, cancelled).over(images):
            annotations.extend(_annotation(known) for known in reader.objects(image.id))
    except WorkCancelled:
        return ExportReport((), 0, 0, cancelled=True)
    dataset = CocoDataset(
        tuple(_coco_image(image, names[image.id]) for image in images),
        tuple(CocoCategory(c.id, c.name, "", {"color": c.color}) for c in reader.classes()),
        tuple(annotations),
    )
    losses = write_coco(path, dataset, style="polygons" if polygons else "rle")
    return ExportReport((Path(path),), len(images), len(annotations), tuple(losses))


def export_png(
    reader: ProjectReader,
    out_dir: Path | str,
    *,
    kinds: Collection[MaskKind] = MASK_KINDS,
    statuses: Collection[ImageStatus] = STARTED,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ExportReport:
    """Write a mask of each kind for each image of `statuses` below `out_dir`.

    `semantic/*.png`, 8 bit: 0 background, 1 the first class, 2 the second, ...; of two
    classes on one pixel the later one is on top (a via over metal). `instances/*.png`, 16 bit:
    1, 2, ... in the order the objects were made, the smaller of two on top. `classes.txt`
    names the classes, `instances.json` the class value of each instance. Files of the same
    names are replaced, others left alone.

    Raises:
        ProjectError: if no image has one of the statuses.
        DataError: if a file cannot be written, or an image has more than 65535 objects.

    """
    out, images = Path(os.path.abspath(out_dir)), chosen_images(reader, statuses)
    writer = _MaskWriter(reader, mask_names(images), kinds)
    try:
        with staging_folder(out) as stage:
            work = functools.partial(writer.write, stage)
            written = tuple(Watch(progress, cancelled).map(work, images))
            writer.write_tables(stage, written)
            files = publish(stage, out)
    except WorkCancelled:
        return ExportReport((), 0, 0, cancelled=True)
    num_objects = sum(len(each.class_values) for each in written)
    losses = tuple(loss for each in written for loss in each.losses)
    return ExportReport(files, len(images), num_objects, losses)


def chosen_images(
    reader: ProjectReader, statuses: Collection[ImageStatus]
) -> tuple[ImageRecord, ...]:
    """Return the images of some statuses; `ProjectError` if there are none."""
    images = tuple(image for image in reader.images() if image.status in statuses)
    if not images:
        wanted = " or ".join(status.value.replace("_", " ") for status in statuses)
        raise ProjectError(f"no image is {wanted}. Label one first, or mark it as blank.")
    return images


def class_values(reader: ProjectReader) -> dict[int, int]:
    """Return the pixel value of each class id: its place in the list, from 1 on."""
    return {known.id: place for place, known in enumerate(reader.classes(), start=1)}


def _annotation(known: ObjectRecord) -> CocoAnnotation:
    attributes = {"source": known.source.value, "score": known.score}
    return CocoAnnotation(
        known.id, known.image_id, known.class_id, known.mask, known.is_crowd, attributes
    )


def _coco_image(image: ImageRecord, name: str) -> CocoImage:
    attributes = {"status": image.status.value, "split": image.split, "notes": image.notes}
    return CocoImage(image.id, name, image.height, image.width, attributes)


@dataclass(frozen=True, slots=True)
class _WrittenMasks:
    """What is known of an image once its masks are written: the class value of each object."""

    name: str
    class_values: tuple[int, ...]
    losses: tuple[str, ...]


class _MaskWriter:
    """Writes the masks of an image; holds nothing that changes, for several threads use it."""

    def __init__(
        self, reader: ProjectReader, names: Mapping[int, str], kinds: Collection[MaskKind]
    ) -> None:
        self._reader, self._names, self._kinds = reader, names, kinds
        self._values = class_values(reader)
        if len(self._values) > MAX_CLASS_ID and "semantic" in kinds:
            raise ProjectError(
                f"a semantic mask holds {MAX_CLASS_ID} classes, this project has "
                f"{len(self._values)}. Export the instances only, or COCO."
            )

    def write(self, stage: Path, image: ImageRecord) -> _WrittenMasks:
        name, losses = self._names[image.id], list[str]()
        objects = decode(self._reader.objects(image.id))
        if "semantic" in self._kinds:
            semantic = render_semantic(objects, self._values, image.shape)
            write_semantic(stage / "semantic" / name, semantic.labels)
            losses += _losses(image, "classes", "the later class", semantic)
        if "instances" in self._kinds:
            instances = render_instances(objects, image.shape)
            write_instances(stage / "instances" / name, instances.labels)
            losses += _losses(image, "instances", "the smaller one", instances)
        class_values = tuple(self._values[known.class_id] for known in objects)
        return _WrittenMasks(name, class_values, tuple(losses))

    def write_tables(self, stage: Path, written: Sequence[_WrittenMasks]) -> None:
        class_names = [known.name for known in self._reader.classes()]
        write_text_atomic(stage / CLASSES_NAME, "".join(f"{name}\n" for name in class_names))
        if "instances" in self._kinds:
            files = {each.name: each.class_values for each in written}
            text = json.dumps({"classes": class_names, "files": files}, indent=1)
            write_text_atomic(stage / "instances" / INSTANCES_NAME, text)


def _losses(image: ImageRecord, what: str, on_top: str, rendering: Rendering) -> list[str]:
    losses = []
    if rendering.num_overlapped_px:
        losses.append(
            f"{image.path}: {rendering.num_overlapped_px} pixels belong to several {what}; "
            f"{on_top} is on top."
        )
    for object_id in rendering.hidden_ids:
        losses.append(
            f"{image.path}: object {object_id} lies wholly under others and is not in the mask."
        )
    return losses
