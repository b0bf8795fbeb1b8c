"""Labels as LabelMe reads them: one JSON file for each image, each object a mask.

Besides what LabelMe knows, and keeps when it saves the file, an object has `score`, `source`
and `iscrowd`, an image `status`, `split` and `notes`; its flag is its status, too.
"""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from napari_icseg.project.formats import EXPORT_FORMATS
from napari_icseg.project.naming import stem_names
from trainers.io.atomic import write_text_atomic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.project.losses import Loss
    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord, ObjectRecord

VERSION = "5.4.1"


class LabelmeWriter:
    """Writes one JSON file an image; the images themselves stay where they are."""

    format = EXPORT_FORMATS["labelme"]

    def __init__(self, reader: ProjectReader, images: Sequence[ImageRecord], out: Path) -> None:
        self._names = {known.id: known.name for known in reader.classes()}
        self._root, self._out, self._stems = reader.root, out, stem_names(images)

    def write_image(
        self, stage: Path, image: ImageRecord, objects: Sequence[ObjectRecord]
    ) -> list[Loss]:
        """Write the file of one image; nothing is lost."""
        name = f"{self._stems[image.id]}.json"
        content = {
            "version": VERSION,
            "flags": {image.status.value: True},
            "shapes": [_shape(known, self._names[known.class_id]) for known in objects],
            "imagePath": _relative(self._root / image.path, (self._out / name).parent),
            "imageData": None,
            "imageHeight": image.height,
            "imageWidth": image.width,
            "status": image.status.value,
            "split": image.split,
            "notes": image.notes,
        }
        write_text_atomic(stage / name, json.dumps(content, ensure_ascii=False, indent=1))
        return []

    def finish(self, stage: Path) -> None:
        """Nothing is left to write."""


def _shape(known: ObjectRecord, class_name: str) -> dict[str, Any]:
    left, top, width, height = known.mask.box_xywh
    return {
        "label": class_name,
        "points": [[left, top], [left + width - 1, top + height - 1]],
        "group_id": None,
        "description": "",
        "shape_type": "mask",
        "flags": {},
        "mask": _png_text(known),
        "score": known.score,
        "source": known.source.value,
        "iscrowd": known.is_crowd,
    }


def _png_text(known: ObjectRecord) -> str:
    buffer = io.BytesIO()
    Image.fromarray(known.mask.crop().astype(np.uint8)).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _relative(image: Path, folder: Path) -> str:
    """Return the way from the JSON file's folder; on another drive there is only the whole path."""
    try:
        return Path(os.path.relpath(image, folder)).as_posix()
    except ValueError:
        return image.as_posix()
