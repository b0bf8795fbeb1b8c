"""A project written in a format of other programs.

All functions take a `Project` or, for work beside labelling, a `ProjectSnapshot`. Either the
whole export appears or nothing of it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.export_coco import CocoWriter
from napari_icseg.project.export_cvat import CvatWriter
from napari_icseg.project.export_files import CANCELLED, ExportReport, export_files
from napari_icseg.project.export_labelme import LabelmeWriter
from napari_icseg.project.export_png import MASK_KINDS, MaskKind, PngWriter, class_values
from napari_icseg.project.export_voc import VocWriter
from napari_icseg.project.export_yolo import YoloWriter
from napari_icseg.project.formats import EXPORT_FORMATS
from napari_icseg.project.records import ImageStatus
from napari_icseg.project.watching import Watch, WorkCancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from napari_icseg.project.export_files import FormatWriter
    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord

__all__ = [
    "STARTED",
    "ExportReport",
    "chosen_images",
    "class_values",
    "export_coco",
    "export_labels",
    "export_png",
]

STARTED = (ImageStatus.IN_PROGRESS, ImageStatus.LABELLED, ImageStatus.BLANK)


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

    RLE keeps holes and separate parts; `polygons` joins holes to the outline by bridges.
    Source and score of an object, status, split and notes of an image and the colour of a
    class are kept as `attributes`; so is where the labels of an image come from: `review` is
    manual, accepted, edited or blank, with the `round` and `model` of the proposal if there was
    one (`Provenance`). `progress` gets the number of images done and their total.

    Raises:
        ProjectError: if no image has one of the statuses.
        DataError: if the file cannot be written.

    """
    images = chosen_images(reader, statuses)
    writer = CocoWriter(reader, images, polygons=polygons)
    try:
        for image in Watch(progress, cancelled).over(images):
            writer.write_image(Path(), image, reader.objects(image.id))
    except WorkCancelled:
        return CANCELLED
    losses = writer.write(path)
    return ExportReport((Path(path),), len(images), writer.num_objects, tuple(losses))


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
    images = chosen_images(reader, statuses)
    writer = PngWriter(reader, images, kinds)
    watch = Watch(progress, cancelled)
    return export_files(reader, Path(os.path.abspath(out_dir)), images, writer, watch)


def export_labels(
    reader: ProjectReader,
    out_dir: Path | str,
    format_key: str,
    *,
    statuses: Collection[ImageStatus] = STARTED,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ExportReport:
    """Write the labels of the images of `statuses` below `out_dir` in a format of EXPORT_FORMATS.

    All of it appears, with a report of what was lost, or nothing. Files of the same names are
    replaced, others left alone.

    Raises:
        ProjectError: if there is no such format, or no image has one of the statuses.
        DataError: if a file cannot be written, or the format has no room for the labels.

    """
    if format_key not in EXPORT_FORMATS:
        wanted = ", ".join(EXPORT_FORMATS)
        raise ProjectError(f"expected a format of {wanted}, got {format_key!r}.")
    out = Path(os.path.abspath(out_dir))
    images = chosen_images(reader, statuses)
    writer = _writer(reader, images, format_key, out)
    return export_files(reader, out, images, writer, Watch(progress, cancelled))


def _writer(
    reader: ProjectReader, images: Sequence[ImageRecord], key: str, out: Path
) -> FormatWriter:
    if key == "labelme":
        return LabelmeWriter(reader, images, out)
    if key in ("coco", "coco-polygons"):
        return CocoWriter(reader, images, polygons=key == "coco-polygons")
    writers: dict[str, Callable[[ProjectReader, Sequence[ImageRecord]], FormatWriter]] = {
        "png": PngWriter,
        "yolo": YoloWriter,
        "voc": VocWriter,
        "cvat": CvatWriter,
    }
    return writers[key](reader, images)


def chosen_images(
    reader: ProjectReader, statuses: Collection[ImageStatus]
) -> tuple[ImageRecord, ...]:
    """Return the images of some statuses; `ProjectError` if there are none."""
    images = tuple(image for image in reader.images() if image.status in statuses)
    if not images:
        wanted = " or ".join(status.value.replace("_", " ") for status in statuses)
        raise ProjectError(f"no image is {wanted}. Label one first, or mark it as blank.")
    return images
