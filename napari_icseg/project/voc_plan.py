"""Pascal-VOC masks turned into an import plan."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.project.import_plan import ImportedImage, ImportedObject, ImportPlan
from napari_icseg.project.mask_objects import label_masks, semantic_objects
from napari_icseg.project.mask_plan import mask_files
from napari_icseg.project.records import ImageStatus
from trainers.errors import DataError
from trainers.io.manifest import SPLITS
from trainers.io.text_file import read_text
from trainers.io.voc_reader import (
    CLASS_DIR,
    OBJECT_DIR,
    class_names_of,
    read_indices,
    read_labelmap,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from napari_icseg.project.image_index import FoundImage, ImageIndex
    from napari_icseg.project.watching import Watch
    from trainers.io.palette import Rgb
    from trainers.io.rle import RleMask

_DEFAULT_CLASS = "object"
_MAX_OBJECTS = 65535
_LISTS = Path("ImageSets", "Segmentation")


def plan_voc(source: Path, images: ImageIndex, watch: Watch) -> ImportPlan:
    """Read SegmentationClass and SegmentationObject below a folder; either may be missing.

    An object is what has one colour in SegmentationObject; its class is that of most of its
    pixels. Without object masks each connected region of a class is an object.

    Raises:
        DataError: no masks, or a broken one.

    """
    root = source.parent if source.name in (CLASS_DIR, OBJECT_DIR) else source
    labels = read_labelmap(root)
    files = {name: set(_files(root / name)) for name in (CLASS_DIR, OBJECT_DIR)}
    everything = sorted(files[CLASS_DIR] | files[OBJECT_DIR])
    if not everything:
        raise DataError(f"Found no masks in {root / CLASS_DIR} or {root / OBJECT_DIR}.")
    splits = _splits(root)
    planned: list[ImportedImage] = []
    unmatched: list[str] = []
    notes: list[str] = []
    for file in watch.over(everything):
        found = images.find(file)
        if found is None:
            unmatched.append(file)
            continue
        paths = {name: root / name / file for name in files if file in files[name]}
        objects, unlabelled = _objects(paths, found, labels)
        notes += [f"{file}: {unlabelled} objects have no class and are left out."] * (
            unlabelled > 0
        )
        status = ImageStatus.LABELLED if objects else ImageStatus.BLANK
        split = splits.get(str(PurePosixPath(file).with_suffix("")))
        planned.append(ImportedImage(found.path, found.shape_hw(), objects, status, split))
    used = {each.class_name for image in planned for each in image.objects}
    names = tuple(name for name in labels.values() if name in used)
    colors = {
        name: f"#{red:02x}{green:02x}{blue:02x}" for (red, green, blue), name in labels.items()
    }
    return ImportPlan(
        root.name,
        tuple(planned),
        (*names, *sorted(used - set(names))),
        colors,
        tuple(notes),
        unmatched=tuple(unmatched),
    )


def _files(folder: Path) -> tuple[str, ...]:
    return mask_files(folder) if folder.is_dir() else ()


def _objects(
    paths: Mapping[str, Path], found: FoundImage, labels: Mapping[Rgb, str]
) -> tuple[tuple[ImportedObject, ...], int]:
    """Return the objects of an image, and how many have no class."""
    shape_hw = found.shape_hw()
    classes = read_indices(paths[CLASS_DIR], shape_hw) if CLASS_DIR in paths else None
    names: dict[int, str] = {}
    if classes is not None:
        names = class_names_of(classes, labels, paths[CLASS_DIR])
    if OBJECT_DIR not in paths:
        return _regions(classes, names), 0
    ids = read_indices(paths[OBJECT_DIR], shape_hw)
    compact = _compact(ids, paths[OBJECT_DIR])
    objects: list[ImportedObject] = []
    num_unlabelled = 0
    for _, mask in label_masks(compact):
        name = _DEFAULT_CLASS if classes is None else _class_of(mask, classes, names)
        if name is None:
            num_unlabelled += 1
        else:
            objects.append(ImportedObject(name, mask))
    return tuple(objects), num_unlabelled


def _regions(
    classes: npt.NDArray[Any] | None, names: Mapping[int, str]
) -> tuple[ImportedObject, ...]:
    if classes is None:
        return ()
    values = sorted(names)
    numbered = np.searchsorted(np.array([0, *values]), classes)
    return semantic_objects(numbered, [names[value] for value in values])


def _compact(ids: npt.NDArray[Any], path: Path) -> npt.NDArray[np.int32]:
    """Return the ids as 1, 2, ... in their order: colours have numbers up to 2^24."""
    values, inverse = np.unique(ids, return_inverse=True)
    if len(values) > _MAX_OBJECTS:
        raise DataError(f"{path} has {len(values)} colours: expected one an object.")
    first = 0 if values[0] == 0 else 1
    return (inverse.reshape(ids.shape) + first).astype(np.int32)


def _class_of(mask: RleMask, classes: npt.NDArray[Any], names: Mapping[int, str]) -> str | None:
    window = classes[mask.row : mask.row + mask.height, mask.col : mask.col + mask.width]
    values, counts = np.unique(window[mask.crop()], return_counts=True)
    counts[values == 0] = 0
    best = int(values[np.argmax(counts)])
    return names.get(best)


def _splits(root: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for split in SPLITS:
        path = root / _LISTS / f"{split}.txt"
        if path.is_file():
            for line in read_text(path).splitlines():
                if line.strip():
                    found.setdefault(line.strip(), split)
    return found
