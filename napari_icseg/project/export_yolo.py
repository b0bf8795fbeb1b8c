"""Labels as Ultralytics' YOLO reads them for segmentation.

`data.yaml`; `images/` with a copy of each image; `labels/` with a text file for each, one line
an object: the class from 0 on, then x, y of each corner as fractions of width and height;
`train.txt`, `val.txt` and `test.txt` name the images of each split. An image without a split
trains. The file of a blank image is empty.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from napari_icseg.project.formats import EXPORT_FORMATS, Feature
from napari_icseg.project.losses import Loss
from napari_icseg.project.naming import stem_names
from trainers.errors import DataError
from trainers.io.atomic import write_text_atomic
from trainers.io.keyholes import joined, with_bridges
from trainers.io.manifest import SPLITS
from trainers.io.polygons import trace_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord, ObjectRecord
    from trainers.io.polygons import TracedPart

_DIGITS = 7
"""A coordinate is right to 0.01 pixel in an image of 100,000 pixels."""


class YoloWriter:
    """Writes labels/, images/, the lists and data.yaml."""

    format = EXPORT_FORMATS["yolo"]

    def __init__(self, reader: ProjectReader, images: Sequence[ImageRecord]) -> None:
        self._reader, self._images, self._root = reader, images, reader.root
        self._numbers = {known.id: place for place, known in enumerate(reader.classes())}
        self._stems = stem_names(images)

    def write_image(
        self, stage: Path, image: ImageRecord, objects: Sequence[ObjectRecord]
    ) -> list[Loss]:
        """Write the label file and copy the image."""
        traced = [trace_parts(each.mask.crop(), each.mask.box_xywh[:2]) for each in objects]
        lines = [
            f"{self._numbers[known.class_id]} {_corners(parts, image)}\n"
            for known, parts in zip(objects, traced, strict=True)
        ]
        write_text_atomic(stage / "labels" / f"{self._stems[image.id]}.txt", "".join(lines))
        losses = self._copy(stage, image)
        with_holes = sum(any(part.holes for part in parts) for parts in traced)
        in_parts = sum(len(parts) > 1 for parts in traced)
        for feature, count in ((Feature.HOLES, with_holes), (Feature.PARTS, in_parts)):
            if count:
                losses.append(Loss(image.path, self.format.loss(feature), count, "object"))
        if image.split is None:
            losses.append(Loss(image.path, "without a split, written as training images"))
        return losses

    def finish(self, stage: Path) -> None:
        """Write data.yaml and the list of each split."""
        lists = {split: self._list(split) for split in SPLITS}
        for split, lines in lists.items():
            write_text_atomic(stage / f"{split}.txt", "".join(lines))
        # JSON texts are YAML texts, whatever a class is called
        names = [
            f"  {number}: {json.dumps(known.name, ensure_ascii=False)}\n"
            for number, known in enumerate(self._reader.classes())
        ]
        val = "val.txt" if lists["val"] else "train.txt  # no image has the split val"
        head = f"path: .\ntrain: train.txt\nval: {val}\ntest: test.txt\nnames:\n"
        write_text_atomic(stage / "data.yaml", head + "".join(names))

    def _list(self, split: str) -> list[str]:
        return [
            f"./images/{self._image_name(image)}\n"
            for image in self._images
            if (image.split or "train") == split
        ]

    def _image_name(self, image: ImageRecord) -> str:
        return self._stems[image.id] + PurePosixPath(image.path).suffix

    def _copy(self, stage: Path, image: ImageRecord) -> list[Loss]:
        source = self._root / image.path
        if source.is_dir():
            return [Loss(image.path, "OME-Zarr images are not copied, YOLO cannot read them")]
        target = stage / "images" / self._image_name(image)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        except OSError as error:
            raise DataError(
                f"Cannot copy {source} for YOLO: {error.strerror or error}. Check that the image "
                "is there and that the disk has space."
            ) from error
        return []


def _corners(parts: Sequence[TracedPart], image: ImageRecord) -> str:
    outline = joined([with_bridges(part) for part in parts])
    fractions = outline / (image.width, image.height)
    return " ".join(f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".") for value in fractions.ravel())
