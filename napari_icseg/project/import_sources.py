"""Labels of any kind found, read and planned; nothing here changes a project."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from napari_icseg.project.coco_plan import plan_coco
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.image_index import ImageIndex
from napari_icseg.project.labelme_plan import labelme_files, plan_labelme
from napari_icseg.project.mask_plan import MaskKind, plan_folder, plan_masks
from napari_icseg.project.voc_plan import plan_voc
from napari_icseg.project.watching import Watch
from napari_icseg.project.yolo_plan import label_files, plan_yolo
from trainers.errors import DataError
from trainers.io.folders import discover
from trainers.io.labelme_reader import is_labelme
from trainers.io.voc_reader import CLASS_DIR, OBJECT_DIR
from trainers.io.yolo_reader import LABELS_DIR, find_data_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.project.import_plan import ImportPlan
    from napari_icseg.project.reader import ProjectReader

_COCO_PLACES = (Path("annotations", "instances_default.json"), Path("instances_default.json"))
_SNIFFED_BYTES = 1 << 26
_DEFAULT_CLASS = "object"
_MAX_NAME_CHARS = 200


class ImportFormat(StrEnum):
    """What labels can be written as."""

    COCO = "coco"
    YOLO = "yolo"
    LABELME = "labelme"
    VOC = "voc"
    MASKS = "masks"
    INSTANCES = "instances"
    FOLDER = "folder"


TITLES: dict[ImportFormat, str] = {
    ImportFormat.COCO: "COCO (also CVAT's)",
    ImportFormat.YOLO: "YOLO-seg outlines",
    ImportFormat.LABELME: "LabelMe files",
    ImportFormat.VOC: "Pascal-VOC masks",
    ImportFormat.MASKS: "PNG masks of classes",
    ImportFormat.INSTANCES: "PNG masks of objects",
    ImportFormat.FOLDER: "Images with masks",
}


@dataclass(frozen=True, slots=True)
class ImportSource:
    """A file or folder with labels, and where images lie that the project does not have."""

    path: Path
    images_dir: Path | None = None
    format: ImportFormat | None = None
    skip_missing: bool = True


@dataclass(frozen=True, slots=True)
class PlannedImport:
    """What was found in a source: its format, and all that it would bring."""

    format: ImportFormat
    plan: ImportPlan


def plan_source(
    reader: ProjectReader, source: ImportSource, watch: Watch | None = None
) -> PlannedImport:
    """Read a source whole and check it against the images; nothing is changed.

    Raises:
        DataError: a broken file; the message names it, and the line or entry where it can.
        ProjectError: no image fits, or some do not and `skip_missing` is off.
        WorkCancelled: the watch said so.

    """
    path = Path(os.path.abspath(source.path))
    chosen = source.format or detect_format(path)
    plan = _plan(reader, path, chosen, source, watch or Watch())
    _check_images(plan, path, skip_missing=source.skip_missing)
    _check_texts(plan, path)
    return PlannedImport(chosen, plan)


def detect_format(path: Path) -> ImportFormat:
    """Return what a file or folder holds.

    Raises:
        DataError: there is nothing, or nothing that is known.

    """
    if path.is_file():
        return _format_of_file(path)
    if not path.is_dir():
        raise DataError(f"There is no file or folder {path}. Check the path.")
    if any((path / place).is_file() for place in _COCO_PLACES):
        return ImportFormat.COCO
    if any((path / name).is_dir() for name in (CLASS_DIR, OBJECT_DIR)):
        return ImportFormat.VOC
    if path.name in (CLASS_DIR, OBJECT_DIR):
        return ImportFormat.VOC
    if find_data_yaml(path) is not None or _has(label_files, path / LABELS_DIR):
        return ImportFormat.YOLO
    if _is_data_set(path):
        return ImportFormat.FOLDER
    if _has(labelme_files, path):
        return ImportFormat.LABELME
    if _has(label_files, path) and not _has_masks(path):
        return ImportFormat.YOLO
    has_only_instances = (path / "instances").is_dir() and not (path / "semantic").is_dir()
    if path.name == "instances" or has_only_instances:
        return ImportFormat.INSTANCES
    return ImportFormat.MASKS


def _format_of_file(path: Path) -> ImportFormat:
    suffix = path.suffix.lower()
    if suffix in (".yaml", ".yml"):
        return ImportFormat.YOLO
    if suffix == ".json":
        try:
            with path.open("rb") as file:
                is_labelme_file = is_labelme(file.read(_SNIFFED_BYTES))
        except OSError as error:
            raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error
        return ImportFormat.LABELME if is_labelme_file else ImportFormat.COCO
    hint = "Unpack it first." if suffix in (".zip", ".tar", ".gz", ".7z") else ""
    raise DataError(
        f"Cannot import {path}: expected a COCO or LabelMe file (.json), a YOLO data.yaml or a "
        f"folder. {hint}".rstrip()
    )


def _plan(
    reader: ProjectReader, path: Path, chosen: ImportFormat, source: ImportSource, watch: Watch
) -> ImportPlan:
    names = tuple(known.name for known in reader.classes())
    if chosen is ImportFormat.FOLDER:
        return plan_folder(path, names, watch)
    folder = path if path.is_dir() else path.parent
    index = ImageIndex.of(reader, _image_folders(folder, source.images_dir))
    if chosen is ImportFormat.COCO:
        file = _coco_file(path)
        images_dir = source.images_dir or reader.root
        return plan_coco(
            file, images_dir, skip_missing=source.skip_missing, watch=watch, index=index
        )
    if chosen is ImportFormat.YOLO:
        return plan_yolo(path, index, watch)
    if chosen is ImportFormat.LABELME:
        return plan_labelme(path, index, watch)
    if chosen is ImportFormat.VOC:
        return plan_voc(path, index, watch)
    kind: MaskKind = "semantic" if chosen is ImportFormat.MASKS else "instances"
    return plan_masks(index, path, kind, names, names[0] if names else _DEFAULT_CLASS, watch)


def _coco_file(path: Path) -> Path:
    if path.is_file():
        return path
    for place in _COCO_PLACES:
        if (path / place).is_file():
            return path / place
    found = sorted(each for each in path.glob("*.json") if each.is_file())
    if len(found) != 1:
        raise DataError(f"{path} has {len(found)} JSON files. Choose the COCO file itself.")
    return found[0]


def _image_folders(folder: Path, images_dir: Path | None) -> list[Path]:
    """Return where images lie that the project does not have: as said, else beside the labels."""
    if images_dir is not None:
        return [images_dir]
    usual = [folder / "images", folder.parent / "images", folder / "JPEGImages"]
    return [each for each in usual if each.is_dir()]


def _check_images(plan: ImportPlan, path: Path, *, skip_missing: bool) -> None:
    if plan.unmatched and (not plan.images or not skip_missing):
        total = len(plan.unmatched) + len(plan.images)
        raise ProjectError(
            f"{len(plan.unmatched)} of {total} images of {path} are not in the project, "
            f"{plan.unmatched[0]} for instance. Choose the folder with the images"
            + (". Nothing was imported." if skip_missing else ", or skip the missing ones.")
        )
    seen: set[Path] = set()
    for image in plan.images:
        if image.path in seen:
            raise DataError(f"{path} has labels for {image.path} twice. Keep one of them.")
        seen.add(image.path)


def _check_texts(plan: ImportPlan, path: Path) -> None:
    """Raise DataError for names that a project cannot store or nobody could read."""
    for name in plan.class_names:
        if not name.strip() or len(name) > _MAX_NAME_CHARS or not _is_printable(name):
            raise DataError(f"{path} has a class named {name[:40]!r}. Give it a readable name.")
    for image in plan.images:
        if not _is_printable(image.notes.replace("\n", " ").replace("\t", " ")):
            raise DataError(f"{path} has notes on {image.path.name} that are no text.")


def _is_printable(text: str) -> bool:
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def _is_data_set(folder: Path) -> bool:
    """Return whether a folder has images of its own beside the masks."""
    try:
        return any(item.mask is not None for item in discover(folder).items)
    except DataError:
        return False


def _has(find: Callable[[Path], object], folder: Path) -> bool:
    if not folder.is_dir():
        return False
    try:
        return bool(find(folder))
    except DataError:
        return False


def _has_masks(folder: Path) -> bool:
    return any((folder / name).is_dir() for name in ("semantic", "instances"))
