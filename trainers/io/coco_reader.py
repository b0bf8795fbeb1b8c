"""COCO JSON read strictly: a file is understood whole, or refused with a reason."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from trainers.errors import DataError
from trainers.io.coco_records import CocoAnnotation, CocoCategory, CocoDataset, CocoImage
from trainers.io.rle import EmptyMaskError, RleMask, check_shape

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

_IMAGE_KEYS = {"id", "file_name", "height", "width", "attributes"}
_CATEGORY_KEYS = {"id", "name", "supercategory", "attributes"}
_ANNOTATION_KEYS = {
    *("id", "image_id", "category_id", "segmentation"),
    *("area", "bbox", "iscrowd", "attributes"),
}
_MAX_ID = (1 << 63) - 1

_Record = TypeVar("_Record", CocoImage, CocoCategory)


def read_coco(path: str | os.PathLike[str]) -> CocoDataset:
    """Read a COCO file with instance segmentations (RLE or polygons).

    Keys that COCO does not define go to the records' `attributes`. Annotations without a
    pixel are left out and named in `notes`. Areas and boxes follow from the masks.

    Raises:
        DataError: not JSON, not COCO, ids that are missing, doubled or unknown, a broken
            segmentation, or a file name that is absolute or leaves its folder.

    """
    try:
        return parse_coco(_load_json(Path(path)))
    except DataError as error:
        raise DataError(f"Cannot read {path} as COCO: {error}") from error


def parse_coco(content: object) -> CocoDataset:
    """Return the data set of a COCO file's decoded JSON; raises as `read_coco`."""
    if not isinstance(content, dict) or "images" not in content or "annotations" not in content:
        raise DataError(
            "expected an object with the lists images, annotations and categories. "
            "Export it again as COCO instance segmentation."
        )
    images = _by_id(content, "images", _image)
    _check_names_differ(images.values())
    categories = _by_id(content, "categories", _category)
    annotations, notes = _annotations(_entries(content, "annotations"), images, categories)
    return CocoDataset(tuple(images.values()), tuple(categories.values()), annotations, notes)


def safe_file_name(name: object) -> str:
    r"""Return a COCO `file_name` as a relative path with "/" (a "\" is read as one).

    Raises:
        DataError: not a text, empty, absolute, with a drive letter or with "..": such a name
            could reach files outside the image folder.

    """
    if not isinstance(name, str) or any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        raise DataError(f"expected a file_name, got {name!r}.")
    windows = PureWindowsPath(name)
    posix = PurePosixPath(windows.as_posix())
    # Windows takes ".. " for "..", so parts of nothing but dots and spaces are refused
    climbs = any(not part.strip(". ") for part in posix.parts)
    if windows.drive or windows.root or posix.is_absolute() or climbs:
        raise DataError(
            f"unsafe file_name {name!r}: expected a path inside the image folder, without '..', "
            "a leading slash or a drive letter. Correct it in the file."
        )
    if not posix.name:
        raise DataError(f"expected a file_name, got {name!r}.")
    return str(posix)


def _load_json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"), parse_constant=_no_constant)
    except OSError as error:
        raise DataError(
            f"{error.strerror or error}. Check that the file is there and readable."
        ) from error
    except (ValueError, RecursionError) as error:  # also text that is not UTF-8
        raise DataError(f"it is not a JSON file ({error}). Export it again.") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _entries(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    entries = content.get(key, [])
    if not isinstance(entries, list):
        raise DataError(f"expected a list of {key}, got {type(entries).__name__}.")
    for entry in entries:
        if not isinstance(entry, dict):
            raise DataError(f"expected objects in {key}, got {type(entry).__name__}.")
    return entries


def _by_id(
    content: dict[str, Any], key: str, parse: Callable[[dict[str, Any]], _Record]
) -> dict[int, _Record]:
    records: dict[int, _Record] = {}
    for entry in _entries(content, key):
        record = parse(entry)
        if record.id in records:
            raise DataError(f"the id {record.id} occurs twice in {key}. Give each its own id.")
        records[record.id] = record
    return records


def _image(entry: dict[str, Any]) -> CocoImage:
    image_id = _int(entry, "id", "an image")
    where = f"image {image_id}"
    shape_hw = _int(entry, "height", where), _int(entry, "width", where)
    try:
        check_shape(shape_hw)
        name = safe_file_name(entry.get("file_name"))
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    return CocoImage(image_id, name, *shape_hw, _attributes(entry, _IMAGE_KEYS, where))


def _category(entry: dict[str, Any]) -> CocoCategory:
    category_id = _int(entry, "id", "a category")
    name, parent = entry.get("name"), entry.get("supercategory") or ""
    if not isinstance(name, str) or not name or not isinstance(parent, str):
        raise DataError(f"category {category_id}: expected a name, got {name!r}.")
    attributes = _attributes(entry, _CATEGORY_KEYS, f"category {category_id}")
    return CocoCategory(category_id, name, parent, attributes)


def _annotations(
    entries: list[dict[str, Any]],
    images: dict[int, CocoImage],
    categories: dict[int, CocoCategory],
) -> tuple[tuple[CocoAnnotation, ...], tuple[str, ...]]:
    annotations: dict[int, CocoAnnotation] = {}
    notes: list[str] = []
    for entry in entries:
        annotation_id = _int(entry, "id", "an annotation")
        if annotation_id in annotations:
            raise DataError(f"the id {annotation_id} occurs twice in annotations.")
        try:
            annotations[annotation_id] = _annotation(entry, annotation_id, images, categories)
        except EmptyMaskError as error:
            notes.append(f"Annotation {annotation_id} was left out: {error}")
        except DataError as error:
            raise DataError(f"annotation {annotation_id}: {error}") from error
    return tuple(annotations.values()), tuple(notes)


def _annotation(
    entry: dict[str, Any],
    annotation_id: int,
    images: dict[int, CocoImage],
    categories: dict[int, CocoCategory],
) -> CocoAnnotation:
    where = "it"
    image_id, category_id = _int(entry, "image_id", where), _int(entry, "category_id", where)
    if image_id not in images:
        raise DataError(f"the image id {image_id} is not among the images of the file.")
    if category_id not in categories:
        raise DataError(f"the category id {category_id} is not among the categories of the file.")
    iscrowd = entry.get("iscrowd", 0)
    if iscrowd not in (0, 1):
        raise DataError(f"expected iscrowd 0 or 1, got {iscrowd!r}.")
    segmentation = entry.get("segmentation")
    if segmentation is None or segmentation == []:
        raise EmptyMaskError("it has no segmentation.")
    image = images[image_id]
    mask = RleMask.from_coco(segmentation, (image.height, image.width))
    attributes = _attributes(entry, _ANNOTATION_KEYS, where)
    return CocoAnnotation(annotation_id, image_id, category_id, mask, bool(iscrowd), attributes)


def _check_names_differ(images: Iterable[CocoImage]) -> None:
    names: set[str] = set()
    for image in images:
        if image.file_name in names:
            raise DataError(f"two images have the file_name {image.file_name!r}. Keep one.")
        names.add(image.file_name)


def _int(entry: dict[str, Any], key: str, where: str) -> int:
    value = entry.get(key)
    if type(value) is not int or not 0 <= value <= _MAX_ID:
        raise DataError(f"{where}: expected a whole number {key}, got {value!r}.")
    return value


def _attributes(entry: dict[str, Any], known: set[str], where: str) -> dict[str, Any]:
    attributes = entry.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise DataError(f"{where}: expected attributes as an object, got {attributes!r}.")
    extra = {key: value for key, value in entry.items() if key not in known}
    return {**extra, **attributes}
