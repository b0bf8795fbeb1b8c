"""Labels as a COCO file that CVAT loads ("COCO 1.0"): plain, numbered from 1 without gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_icseg.project.formats import EXPORT_FORMATS
from napari_icseg.project.naming import file_names
from trainers.io.coco import CocoAnnotation, CocoCategory, CocoDataset, CocoImage, write_coco

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_icseg.project.losses import Loss
    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord, ObjectRecord

FILE_NAME = "annotations/instances_default.json"


class CvatWriter:
    """Collects the objects of each image and writes one file at the end."""

    format = EXPORT_FORMATS["cvat"]

    def __init__(self, reader: ProjectReader, images: Sequence[ImageRecord]) -> None:
        self._images, self._file_names = images, file_names(images)
        self._classes = reader.classes()
        self._numbers = {known.id: place for place, known in enumerate(self._classes, start=1)}
        self._objects: dict[int, Sequence[ObjectRecord]] = {}

    def write_image(
        self, stage: Path, image: ImageRecord, objects: Sequence[ObjectRecord]
    ) -> list[Loss]:
        """Keep the objects for the end; their shapes lose nothing."""
        self._objects[image.id] = objects
        return []

    def finish(self, stage: Path) -> None:
        """Write the file."""
        images = [
            CocoImage(number, self._file_names[each.id], each.height, each.width)
            for number, each in enumerate(self._images, start=1)
        ]
        categories = [CocoCategory(self._numbers[each.id], each.name) for each in self._classes]
        dataset = CocoDataset(tuple(images), tuple(categories), tuple(self._annotations()))
        write_coco(stage / FILE_NAME, dataset, style="mixed")

    def _annotations(self) -> list[CocoAnnotation]:
        pairs = [
            (number, known)
            for number, image in enumerate(self._images, start=1)
            for known in self._objects[image.id]
        ]
        return [
            CocoAnnotation(place, number, self._numbers[known.class_id], known.mask, known.is_crowd)
            for place, (number, known) in enumerate(pairs, start=1)
        ]
