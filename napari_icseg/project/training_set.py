"""What a training run learns from: a semantic mask for each finished image, and a manifest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.exporting import chosen_images, class_values
from napari_icseg.project.naming import mask_names
from napari_icseg.project.records import ImageStatus
from napari_icseg.project.rendering import decode, render_semantic
from napari_icseg.project.watching import Watch
from trainers.io.folders import DatasetIndex, DatasetItem, write_manifest
from trainers.io.manifest import MANIFEST_NAME
from trainers.io.masks import write_semantic

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord
    from trainers.io.folders import Split

DONE = (ImageStatus.LABELLED, ImageStatus.BLANK)


def training_manifest(
    reader: ProjectReader,
    out_dir: Path | str,
    *,
    statuses: Collection[ImageStatus] = DONE,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Write `out_dir/masks/*.png` and `out_dir/manifest.json`; return the manifest's path.

    Masks are semantic, 8 bit: 0 background, then the classes in their order. Blank images,
    and labelled ones without objects, are all background. The manifest names the images where
    they lie, their split if they have one, and is written last: no manifest, no training set.

    Raises:
        ProjectError: if no image is finished, or an image file is missing.
        DataError: if a file cannot be written.
        WorkCancelled: if `cancelled` said so; masks may lie about, the manifest does not.

    """
    out, images = Path(os.path.abspath(out_dir)), chosen_images(reader, statuses)
    root, names, values = reader.root, mask_names(images), class_values(reader)

    def item(image: ImageRecord) -> DatasetItem:
        path = Path(os.path.abspath(root / image.path))
        if not path.is_file():
            raise ProjectError(
                f"the image file {path} is missing. Put it back, tell the project where its "
                "images are, or remove the image from the project."
            )
        mask = out / "masks" / names[image.id]
        objects = decode(reader.objects(image.id))
        write_semantic(mask, render_semantic(objects, values, image.shape).labels)
        return DatasetItem(path, mask, cast("Split | None", image.split))

    items = Watch(progress, cancelled).map(item, images)
    class_names = tuple(known.name for known in reader.classes())
    write_manifest(out / MANIFEST_NAME, DatasetIndex(tuple(items), class_names))
    return out / MANIFEST_NAME
