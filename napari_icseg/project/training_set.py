"""What a training run learns from: a semantic mask for each finished image, and a manifest."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.exporting import chosen_images, class_values
from napari_icseg.project.naming import mask_names
from napari_icseg.project.records import ImageStatus
from napari_icseg.project.rendering import decode, render_semantic
from napari_icseg.project.review_reader import MANUAL
from napari_icseg.project.watching import Watch
from trainers.io.folders import DatasetIndex, DatasetItem, write_manifest
from trainers.io.manifest import MANIFEST_NAME
from trainers.io.masks import write_semantic

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord
    from trainers.io.folders import Split

DONE = (ImageStatus.LABELLED, ImageStatus.BLANK)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which labels of a project are used.

    Attributes:
        class_id: the only class, all others being background; None for all classes.
        split: the only images; None for all. With "train", those of "val" come along and keep
            their part; the images of any other split are a set of their own, without parts.

    """

    class_id: int | None = None
    split: str | None = None

    def includes(self, image: ImageRecord) -> bool:
        """Whether an image is used, as far as its split decides."""
        wanted = ("train", "val") if self.split == "train" else (self.split,)
        return self.split is None or image.split in wanted

    def split_of(self, image: ImageRecord) -> Split | None:
        """Return the split that the image keeps."""
        return cast("Split | None", image.split) if self.split in (None, "train") else None


EVERYTHING = Selection()


def training_manifest(
    reader: ProjectReader,
    out_dir: Path | str,
    *,
    selection: Selection = EVERYTHING,
    statuses: Collection[ImageStatus] = DONE,
    splits: Mapping[int, Split] | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Write `out_dir/masks/*.png` and `out_dir/manifest.json`; return the manifest's path.

    Masks are semantic, 8 bit: 0 background, then the classes in their order. Blank images,
    and labelled ones without objects, are all background. The manifest names the images where
    they lie, their split if they have one and where their labels come from (`Provenance.review`);
    proposals that wait or were rejected are not in it. It is written last: no manifest, no
    training set. `splits`, by image, are instead of the images' own.

    Raises:
        ProjectError: if no selected image is finished, the class is gone, or a file is missing.
        DataError: if a file cannot be written.
        WorkCancelled: if `cancelled` said so; masks may lie about, the manifest does not.

    """
    out, images = Path(os.path.abspath(out_dir)), _images(reader, statuses, selection)
    root, names = reader.root, mask_names(images)
    values, class_names = _classes(reader, selection)
    provenances = reader.provenances()

    def item(image: ImageRecord) -> DatasetItem:
        path = Path(os.path.abspath(root / image.path))
        if not path.is_file():
            raise ProjectError(
                f"the image file {path} is missing. Put it back, tell the project where its "
                "images are, or remove the image from the project."
            )
        mask = out / "masks" / names[image.id]
        objects = decode([o for o in reader.objects(image.id) if o.class_id in values])
        write_semantic(mask, render_semantic(objects, values, image.shape).labels)
        origin = provenances.get(image.id, MANUAL).review
        split = (splits or {}).get(image.id, selection.split_of(image))
        return DatasetItem(path, mask, split, provenance=origin)

    items = Watch(progress, cancelled).map(item, images)
    write_manifest(out / MANIFEST_NAME, DatasetIndex(tuple(items), class_names))
    return out / MANIFEST_NAME


def _images(
    reader: ProjectReader, statuses: Collection[ImageStatus], selection: Selection
) -> tuple[ImageRecord, ...]:
    images = tuple(i for i in chosen_images(reader, statuses) if selection.includes(i))
    if not images:
        raise ProjectError(
            f"no finished image is in the split {selection.split}. Choose other images."
        )
    return images


def _classes(reader: ProjectReader, selection: Selection) -> tuple[dict[int, int], tuple[str, ...]]:
    """Return the pixel value of each class that is drawn, and the names in that order."""
    if selection.class_id is not None:
        return {selection.class_id: 1}, (reader.class_by_id(selection.class_id).name,)
    return class_values(reader), tuple(known.name for known in reader.classes())
