"""The names that images get in exports, and the way back from a name to its image."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from trainers.errors import DataError
from trainers.io.coco import safe_file_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_icseg.project.records import ImageRecord

_MASK_ENDING = "_mask"


def file_names(images: Iterable[ImageRecord]) -> dict[int, str]:
    """Return a relative path for each image id that stays inside its folder and is unique.

    It is the image's stored path where that is below the root. An image from elsewhere
    ("../x.png", another drive) gets its bare name, numbered where that is taken.
    """
    names: dict[int, str] = {}
    outside: list[ImageRecord] = []
    for image in images:
        try:
            names[image.id] = safe_file_name(image.path)
        except DataError:
            outside.append(image)
    taken = set(names.values())
    for image in outside:
        names[image.id] = _free(PurePosixPath(image.name), taken)
        taken.add(names[image.id])
    return names


def mask_names(images: Iterable[ImageRecord]) -> dict[int, str]:
    """Return the path of each image's mask file: its name with .png, unique without case.

    Where `a.png` and `a.tif` would share one, each keeps its suffix: `a.tif.png`.
    """
    return {image_id: f"{stem}.png" for image_id, stem in stem_names(images).items()}


def stem_names(images: Iterable[ImageRecord]) -> dict[int, str]:
    """Return each image's path without its suffix, unique without case; see `mask_names`."""
    names = file_names(images)
    short = {image_id: str(PurePosixPath(name).with_suffix("")) for image_id, name in names.items()}
    uses = Counter(name.casefold() for name in short.values())
    stems = {
        image_id: name if uses[name.casefold()] == 1 else names[image_id]
        for image_id, name in short.items()
    }
    are_unique = len({name.casefold() for name in stems.values()}) == len(stems)
    return stems if are_unique else names


def match_masks(images: Iterable[ImageRecord], masks: Iterable[str]) -> dict[str, int]:
    """Return the image id of each mask path (relative, POSIX) that fits exactly one image.

    A mask fits by its path without suffix, by the whole name of the image before its own
    suffix, or, if no other image has it, by the bare file name; `_mask` at its end is ignored.
    """
    keys = _unique_keys(images)
    found: dict[str, int] = {}
    for mask in masks:
        path = PurePosixPath(mask).with_suffix("")
        plain = path.with_name(path.name.removesuffix(_MASK_ENDING) or path.name)
        for key in (str(path), str(plain), path.name, plain.name):
            if key in keys:
                found[mask] = keys[key]
                break
    return found


def _unique_keys(images: Iterable[ImageRecord]) -> Mapping[str, int]:
    """Return what names an image; a later, vaguer kind of name never hides a better one."""
    records = list(images)
    names = file_names(records)
    keys: dict[str, int] = dict(zip(names.values(), names.keys(), strict=True))
    paths = [(image.id, PurePosixPath(names[image.id])) for image in records]
    for kind in (
        [(image_id, str(path.with_suffix(""))) for image_id, path in paths],
        [(image_id, path.stem) for image_id, path in paths],
    ):
        uses = Counter(key for _, key in kind)
        for image_id, key in kind:
            if uses[key] == 1:
                keys.setdefault(key, image_id)
    return keys


def _free(name: PurePosixPath, taken: set[str]) -> str:
    number, candidate = 1, str(name)
    while candidate in taken:
        number += 1
        candidate = f"{name.stem}-{number}{name.suffix}"
    return candidate
