"""Labels as Pascal VOC has them for segmentation, with the label map of CVAT.

`SegmentationClass/*.png` holds class values (0 background, 1 the first class, ...), the later
class on top; `SegmentationObject/*.png` numbers 1, 2, ..., the smaller object on top. Both have
VOC's palette; the objects of an image that has more of them have its colours beyond 255, as
CVAT writes them. `labelmap.txt` gives the colour of each class; `ImageSets/Segmentation/` lists
the images of each split, `default.txt` those without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.formats import EXPORT_FORMATS, Feature
from napari_icseg.project.losses import Loss
from napari_icseg.project.naming import stem_names
from napari_icseg.project.rendering import decode, render_instances, render_semantic
from trainers.io.atomic import write_text_atomic
from trainers.io.manifest import SPLITS
from trainers.io.masks import MAX_CLASS_ID, write_colors, write_palette
from trainers.io.palette import VOC_PALETTE, voc_color

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord, ObjectRecord
    from napari_icseg.project.rendering import DecodedObject, Rendering

CLASS_FOLDER = "SegmentationClass"
OBJECT_FOLDER = "SegmentationObject"
LISTS_FOLDER = "ImageSets/Segmentation"
LABEL_MAP = "labelmap.txt"
NO_SPLIT = "default"
VOID = 255
"""What is no object and no background in VOC's masks: the seams between objects."""


class VocWriter:
    """Writes the two masks of each image, the lists and the label map."""

    format = EXPORT_FORMATS["voc"]

    def __init__(self, reader: ProjectReader, images: Sequence[ImageRecord]) -> None:
        self._reader, self._images, self._stems = reader, images, stem_names(images)
        classes = reader.classes()
        self._values = {known.id: place for place, known in enumerate(classes, start=1)}
        odd = [known.name for known in classes if ":" in known.name]
        if odd:
            raise ProjectError(
                f"Pascal VOC's label map has no room for the colon in {odd[0]!r}. Rename the "
                "class, or export COCO instead."
            )
        if len(classes) > MAX_CLASS_ID:
            raise ProjectError(
                f"Pascal VOC has room for {MAX_CLASS_ID} classes, this project has "
                f"{len(classes)}. Export COCO instead."
            )

    def write_image(
        self, stage: Path, image: ImageRecord, objects: Sequence[ObjectRecord]
    ) -> list[Loss]:
        """Write the two masks; what objects cover of each other is lost."""
        name, decoded = f"{self._stems[image.id]}.png", decode(objects)
        classes = render_semantic(decoded, self._values, image.shape)
        instances = render_instances(decoded, image.shape)
        write_palette(stage / CLASS_FOLDER / name, classes.labels, VOC_PALETTE)
        losses = self._covered(image, classes, instances)
        misread = sum(
            self._is_misread(number, known, classes.labels, instances.labels)
            for number, known in enumerate(decoded, start=1)
            if classes.num_overlapped_px
        )
        if misread:
            text = f"most of their pixels have another class on top in {CLASS_FOLDER}"
            losses.append(Loss(image.path, text, misread, "object"))
        if len(objects) <= MAX_CLASS_ID:
            write_palette(stage / OBJECT_FOLDER / name, instances.labels, VOC_PALETTE)
        else:
            colors = _object_colors(len(objects))
            write_colors(stage / OBJECT_FOLDER / name, instances.labels, colors)
            text = f"more than {MAX_CLASS_ID} objects, so {OBJECT_FOLDER} has colours, no palette"
            losses.append(Loss(image.path, text))
        return losses

    def finish(self, stage: Path) -> None:
        """Write the label map and the lists."""
        names = ["background", *(known.name for known in self._reader.classes())]
        rows = [
            f"{name}:{','.join(map(str, color))}::\n"
            for name, color in zip(names, VOC_PALETTE, strict=False)
        ]
        write_text_atomic(stage / LABEL_MAP, "# label:color_rgb:parts:actions\n" + "".join(rows))
        for split in (*SPLITS, NO_SPLIT):
            chosen = [each for each in self._images if (each.split or NO_SPLIT) == split]
            lines = "".join(f"{self._stems[each.id]}\n" for each in chosen)
            write_text_atomic(stage / LISTS_FOLDER / f"{split}.txt", lines)

    def _is_misread(
        self,
        number: int,
        known: DecodedObject,
        classes: npt.NDArray[Any],
        instances: npt.NDArray[Any],
    ) -> bool:
        """Whether the class of an object is not that of most of its pixels in the class mask."""
        height, width = known.crop.shape
        window = np.s_[known.row : known.row + height, known.col : known.col + width]
        values = classes[window][instances[window] == number]
        own = np.count_nonzero(values == self._values[known.class_id])
        return bool(values.size) and 2 * int(own) <= values.size

    def _covered(self, image: ImageRecord, *drawn: Rendering) -> list[Loss]:
        covered = max(each.num_overlapped_px for each in drawn)
        hidden = {number for each in drawn for number in each.hidden_ids}
        losses = []
        if covered:
            losses.append(Loss(image.path, self.format.loss(Feature.OVERLAPS), covered, "pixel"))
        if hidden:
            text = "wholly under others and not in the masks"
            losses.append(Loss(image.path, text, len(hidden), "object"))
        return losses


def _object_colors(num_objects: int) -> npt.NDArray[np.uint8]:
    """Return the colour of 0 and of each object, (N + 1, 3); VOC's colour of "void" is left out."""
    numbers = [number for number in range(num_objects + 2) if number != VOID]
    return np.array([voc_color(number) for number in numbers], dtype=np.uint8)
