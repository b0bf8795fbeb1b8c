"""Labels as one COCO file that keeps all that this program knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_icseg.project.formats import EXPORT_FORMATS, Feature
from napari_icseg.project.losses import Loss
from napari_icseg.project.naming import file_names
from napari_icseg.project.review_reader import MANUAL
from trainers.io.coco import CocoAnnotation, CocoCategory, CocoDataset, CocoImage, write_coco
from trainers.io.polygons import has_holes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord, ObjectRecord


class CocoWriter:
    """Collects the objects of each image and writes one file at the end."""

    def __init__(
        self, reader: ProjectReader, images: Sequence[ImageRecord], *, polygons: bool = False
    ) -> None:
        self.format = EXPORT_FORMATS["coco-polygons" if polygons else "coco"]
        self._polygons, self._images, self._names = polygons, images, file_names(images)
        self._file_name = f"{reader.name}.json"
        self._classes = reader.classes()
        self._provenances = reader.provenances()
        self._objects: dict[int, Sequence[ObjectRecord]] = {}

    @property
    def num_objects(self) -> int:
        """How many objects were collected."""
        return sum(len(objects) for objects in self._objects.values())

    def write_image(
        self, stage: Path, image: ImageRecord, objects: Sequence[ObjectRecord]
    ) -> list[Loss]:
        """Keep the objects for the end; say which have holes that polygons cannot name."""
        self._objects[image.id] = objects
        if not self._polygons:
            return []
        with_holes = sum(has_holes(each.mask.crop()) for each in objects if not each.is_crowd)
        text = self.format.loss(Feature.HOLES)
        return [Loss(image.path, text, with_holes, "object")] if with_holes else []

    def finish(self, stage: Path) -> None:
        """Write NAME.json."""
        self.write(stage / self._file_name)

    def write(self, path: Path | str) -> list[str]:
        """Write the file; return what it loses."""
        objects = [known for image in self._images for known in self._objects[image.id]]
        dataset = CocoDataset(
            tuple(self._coco_image(image) for image in self._images),
            tuple(CocoCategory(c.id, c.name, "", {"color": c.color}) for c in self._classes),
            tuple(_annotation(known) for known in objects),
        )
        return write_coco(path, dataset, style="polygons" if self._polygons else "rle")

    def _coco_image(self, image: ImageRecord) -> CocoImage:
        attributes: dict[str, Any] = {
            "status": image.status.value,
            "split": image.split,
            "notes": image.notes,
        }
        if image.num_objects or image.status.is_done:
            origin = self._provenances.get(image.id, MANUAL)
            attributes |= {"review": origin.review, "round": origin.round_id, "model": origin.model}
        return CocoImage(image.id, self._names[image.id], image.height, image.width, attributes)


def _annotation(known: ObjectRecord) -> CocoAnnotation:
    attributes = {"source": known.source.value, "score": known.score}
    return CocoAnnotation(
        known.id, known.image_id, known.class_id, known.mask, known.is_crowd, attributes
    )
