"""The names that images get in exports; for the way back see `image_index`."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from trainers.errors import DataError
from trainers.io.coco import safe_file_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_icseg.project.records import ImageRecord


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


def _free(name: PurePosixPath, taken: set[str]) -> str:
    number, candidate = 1, str(name)
    while candidate in taken:
        number += 1
        candidate = f"{name.stem}-{number}{name.suffix}"
    return candidate
