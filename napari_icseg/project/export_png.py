"""Labels as two mask files for each image, and tables that name what the values mean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.formats import EXPORT_FORMATS
from napari_icseg.project.losses import Loss
from napari_icseg.project.naming import mask_names
from napari_icseg.project.rendering import Rendering, decode, render_instances, render_semantic
from trainers.io.atomic import write_text_atomic
from trainers.io.masks import MAX_CLASS_ID, write_instances, write_semantic

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord, ObjectRecord

CLASSES_NAME = "classes.txt"
INSTANCES_NAME = "instances.json"

MaskKind = Literal["semantic", "instances"]
MASK_KINDS: tuple[MaskKind, ...] = ("semantic", "instances")


def class_values(reader: ProjectReader) -> dict[int, int]:
    """Return the pixel value of each class id: its place in the list, from 1 on."""
    return {known.id: place for place, known in enumerate(reader.classes(), start=1)}


class PngWriter:
    """Writes semantic/, instances/ and their tables; see `exporting.export_png`."""

    format = EXPORT_FORMATS["png"]

    def __init__(
        self,
        reader: ProjectReader,
        images: Sequence[ImageRecord],
        kinds: Collection[MaskKind] = MASK_KINDS,
    ) -> None:
        self._names, self._kinds = mask_names(images), kinds
        self._class_names = [known.name for known in reader.classes()]
        self._values = class_values(reader)
        self._values_of: dict[str, tuple[int, ...]] = {}
        if len(self._values) > MAX_CLASS_ID and "semantic" in kinds:
            raise ProjectError(
                f"a semantic mask holds {MAX_CLASS_ID} classes, this project has "
                f"{len(self._values)}. Export the instances only, or COCO."
            )

    def write_image(
        self, stage: Path, image: ImageRecord, objects: Sequence[ObjectRecord]
    ) -> list[Loss]:
        """Write the masks of an image; return what objects cover of each other."""
        name, losses = self._names[image.id], list[Loss]()
        decoded = decode(objects)
        if "semantic" in self._kinds:
            semantic = render_semantic(decoded, self._values, image.shape)
            write_semantic(stage / "semantic" / name, semantic.labels)
            losses += _losses(image, "classes", "the later class", semantic)
        if "instances" in self._kinds:
            instances = render_instances(decoded, image.shape)
            write_instances(stage / "instances" / name, instances.labels)
            losses += _losses(image, "instances", "the smaller one", instances)
        self._values_of[name] = tuple(self._values[known.class_id] for known in decoded)
        return losses

    def finish(self, stage: Path) -> None:
        """Write the names of the classes and the class of each instance."""
        text = "".join(f"{name}\n" for name in self._class_names)
        write_text_atomic(stage / CLASSES_NAME, text)
        if "instances" in self._kinds:
            files = dict(sorted(self._values_of.items()))
            table = json.dumps({"classes": self._class_names, "files": files}, indent=1)
            write_text_atomic(stage / "instances" / INSTANCES_NAME, table)


def _losses(image: ImageRecord, what: str, on_top: str, rendering: Rendering) -> list[Loss]:
    losses = []
    if rendering.num_overlapped_px:
        text = f"belong to several {what}; {on_top} is on top"
        losses.append(Loss(image.path, text, rendering.num_overlapped_px, "pixel"))
    if rendering.hidden_ids:
        text = f"wholly under others and not in the {what}' masks"
        losses.append(Loss(image.path, text, len(rendering.hidden_ids), "object"))
    return losses
