"""The list of a data set's images and masks, and the manifest file that keeps one."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeGuard

from trainers.errors import DataError
from trainers.io.atomic import write_text_atomic

MANIFEST_NAME = "manifest.json"
VERSION = 1

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class DatasetItem:
    """One image with its mask and split, as far as they are known.

    `sha256` is the hex digest of the image file, where a manifest tells it. `ignore` is a binary
    mask file of the pixels from which nothing shall be learned: a pseudo-label's doubtful ones.
    `provenance` says who made the mask, where somebody knows: "manual", or what became of a
    model's proposal, "accepted", "edited" or "blank".
    """

    image: Path
    mask: Path | None = None
    split: Split | None = None
    sha256: str | None = None
    ignore: Path | None = None
    provenance: str | None = None


@dataclass(frozen=True)
class DatasetIndex:
    """All images of a data set, sorted by split and name.

    `class_names` is empty where no file tells them. `notes` names, for the user, files that
    were left out, masks without an image for instance.
    """

    items: tuple[DatasetItem, ...]
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the hex SHA-256 of a file's bytes; DataError if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error


def write_manifest(path: str | os.PathLike[str], index: DatasetIndex) -> None:
    """Write `index` as a manifest, atomically.

    Files below the manifest's folder are written relative to it, so that the folder can be
    moved; others by absolute path. Image digests that are not known are computed.

    Raises:
        DataError: an image cannot be read or the manifest not written.

    """
    folder = Path(path).absolute().parent
    items = [
        {
            "image": _stored_path(item.image, folder),
            "mask": None if item.mask is None else _stored_path(item.mask, folder),
            "split": item.split,
            "sha256": item.sha256 or file_sha256(item.image),
            **({} if item.ignore is None else {"ignore": _stored_path(item.ignore, folder)}),
            **({} if item.provenance is None else {"provenance": item.provenance}),
        }
        for item in index.items
    ]
    content = {"version": VERSION, "class_names": list(index.class_names), "items": items}
    write_text_atomic(path, json.dumps(content, indent=1))


def read_manifest(path: str | os.PathLike[str]) -> DatasetIndex:
    """Return the data set of a manifest file; paths come back absolute.

    The files are checked to be there, their digests are not.

    Raises:
        DataError: unreadable, of a newer version, not a manifest, or a listed file is missing.

    """
    try:
        content = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"Cannot read {path}: it is not a JSON file ({error}).") from error
    try:
        return _parse(content, Path(path).absolute().parent)
    except DataError as error:
        raise DataError(f"Cannot use the manifest {path}: {error}") from error


def _parse(content: object, folder: Path) -> DatasetIndex:
    if not isinstance(content, dict) or not isinstance(content.get("items"), list):
        raise DataError('expected {"version": 1, "class_names": [...], "items": [...]}.')
    if content.get("version") != VERSION:
        raise DataError(
            f"expected version {VERSION}, got {content.get('version')!r}. Update napari-icseg."
        )
    names = content.get("class_names", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"expected class_names as a list of texts, got {names!r}.")
    items = tuple(_item(entry, folder) for entry in content["items"])
    if not items:
        raise DataError("it lists no images.")
    return DatasetIndex(items, tuple(names))


def _item(entry: Any, folder: Path) -> DatasetItem:
    if not isinstance(entry, dict):
        raise DataError(f"expected an object for each item, got {entry!r}.")
    split, digest = entry.get("split"), entry.get("sha256")
    if split is not None and not _is_split(split):
        raise DataError(f"expected a split of {', '.join(SPLITS)} or null, got {split!r}.")
    if digest is not None and not isinstance(digest, str):
        raise DataError(f"expected sha256 as a text, got {digest!r}.")
    mask, ignore = entry.get("mask"), entry.get("ignore")
    provenance = entry.get("provenance")
    return DatasetItem(
        _existing_path(entry.get("image"), folder),
        None if mask is None else _existing_path(mask, folder),
        split,
        digest,
        None if ignore is None else _existing_path(ignore, folder),
        provenance if isinstance(provenance, str) else None,
    )


def _is_split(value: object) -> TypeGuard[Split]:
    return isinstance(value, str) and value in SPLITS


def _existing_path(text: object, folder: Path) -> Path:
    if not isinstance(text, str) or not text or "\0" in text:
        raise DataError(f"expected the path of a file, got {text!r}.")
    path = Path(os.path.normpath(folder / text))
    if not path.is_file():
        raise DataError(f"the file {path} is missing. Put it back or list the images anew.")
    return path


def _stored_path(path: Path, folder: Path) -> str:
    path = Path(os.path.abspath(path))
    if path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    return str(path)
