"""LabelMe files turned into an import plan."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_icseg.project.import_plan import ImportedImage, ImportedObject, ImportPlan
from napari_icseg.project.records import ImageStatus, ObjectSource
from trainers.errors import DataError
from trainers.io.labelme_reader import LabelmeShape, draw_shapes, is_labelme, parse_labelme
from trainers.io.manifest import SPLITS
from trainers.io.rle import unite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_icseg.project.image_index import FoundImage, ImageIndex
    from napari_icseg.project.watching import Watch
    from trainers.io.labelme_reader import LabelmeFile


def plan_labelme(source: Path, images: ImageIndex, watch: Watch) -> ImportPlan:
    """Read one LabelMe file, or all those below a folder.

    Shapes of one label and one group id are one object. A file without shapes says nothing
    about its image, unless this program wrote it and says that the image is blank.

    Raises:
        DataError: no LabelMe file, a broken one, or one for an image of another size.

    """
    files = labelme_files(source)
    planned: list[ImportedImage] = []
    unmatched: list[str] = []
    notes: list[str] = []
    taken: dict[Path, Path] = {}
    for path in watch.over(files):
        try:
            file = parse_labelme(_read(path))
            found = _find(images, source, path, file)
            if found is None:
                unmatched.append(path.name)
                continue
            if found.path in taken:
                raise DataError(f"{taken[found.path]} has labels of the same image. Keep one.")
            taken[found.path] = path
            image, more = _image(file, found)
        except DataError as error:
            raise DataError(f"Cannot read {path} as LabelMe: {error}") from error
        planned.append(image)
        notes.extend(f"{path.name}: {note}" for note in more)
    names = tuple(sorted({each.class_name for image in planned for each in image.objects}))
    title = source.name
    return ImportPlan(title, tuple(planned), names, {}, tuple(notes), unmatched=tuple(unmatched))


def labelme_files(source: Path) -> tuple[Path, ...]:
    """Return the LabelMe files below a folder (other JSON files are passed over), or the file."""
    if source.is_file():
        return (source,)
    found: list[Path] = []
    for parent, folders, files in os.walk(source):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(parent, name) for name in sorted(files))
        found += [path for path in paths if path.suffix.lower() == ".json" and _is_labelme(path)]
    if not found:
        raise DataError(f"Found no LabelMe files in {source}. Expected JSON files with shapes.")
    return tuple(found)


def _is_labelme(path: Path) -> bool:
    return not path.name.startswith(".") and is_labelme(_read(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error


def _find(images: ImageIndex, source: Path, path: Path, file: LabelmeFile) -> FoundImage | None:
    """Return the image by the place of the file below `source`, else by the path it names."""
    folder = source if source.is_dir() else source.parent
    inside = path.relative_to(folder).with_suffix("").as_posix()
    found = images.find(file.image_path) if file.image_path else None
    beside = images.find(inside)
    if beside is not None and (found is None or beside.path.stem == found.path.stem):
        return beside
    return found


def _image(file: LabelmeFile, found: FoundImage) -> tuple[ImportedImage, tuple[str, ...]]:
    shape_hw = found.shape_hw()
    if file.shape_hw is not None and file.shape_hw != shape_hw:
        raise DataError(
            f"its image had {file.shape_hw[1]} x {file.shape_hw[0]} pixels, but {found.path} has "
            f"{shape_hw[1]} x {shape_hw[0]}. Use the images that were labelled."
        )
    shapes, notes = draw_shapes(file, shape_hw)
    objects = tuple(_object(group) for group in _grouped(shapes))
    split, text = file.attributes.get("split"), file.attributes.get("notes")
    image = ImportedImage(
        found.path,
        shape_hw,
        objects,
        _status(file.attributes, num_objects=len(objects)),
        split if isinstance(split, str) and split in SPLITS else None,
        text if isinstance(text, str) else "",
    )
    return image, notes


def _grouped(shapes: Sequence[LabelmeShape]) -> list[list[LabelmeShape]]:
    groups: dict[object, list[LabelmeShape]] = {}
    for number, shape in enumerate(shapes):
        key = (number,) if shape.group_id is None else (shape.label, shape.group_id)
        groups.setdefault(key, []).append(shape)
    return list(groups.values())


def _object(group: Sequence[LabelmeShape]) -> ImportedObject:
    first = group[0]
    mask = first.mask if len(group) == 1 else unite([shape.mask for shape in group])
    attributes = first.attributes
    crowd = attributes.get("iscrowd", attributes.get("is_crowd"))
    return ImportedObject(
        first.label, mask, _source(attributes), _score(attributes), crowd in (True, 1)
    )


def _source(attributes: Mapping[str, Any]) -> ObjectSource:
    try:
        return ObjectSource(str(attributes.get("source")))
    except ValueError:  # LabelMe's own files have none
        return ObjectSource.IMPORT


def _score(attributes: Mapping[str, Any]) -> float | None:
    score = attributes.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float):
        return None
    return float(score) if 0 <= score <= 1 and math.isfinite(score) else None


def _status(attributes: Mapping[str, Any], *, num_objects: int) -> ImageStatus | None:
    try:
        status = ImageStatus(str(attributes.get("status")))
    except ValueError:
        return ImageStatus.LABELLED if num_objects else None
    if num_objects and status in (ImageStatus.BLANK, ImageStatus.UNLABELLED):
        return ImageStatus.IN_PROGRESS
    return None if status is ImageStatus.LABELLED and not num_objects else status
