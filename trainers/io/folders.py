"""Data sets found in folders: which images there are, their masks and their splits."""

from __future__ import annotations

import os
from pathlib import Path

from trainers.errors import DataError
from trainers.io.images import IMAGE_SUFFIXES
from trainers.io.manifest import (
    MANIFEST_NAME,
    SPLITS,
    DatasetIndex,
    DatasetItem,
    Split,
    read_manifest,
    write_manifest,
)
from trainers.io.ome_zarr import ZARR_SUFFIX, is_zarr

__all__ = ["DatasetIndex", "DatasetItem", "Split", "discover", "read_manifest", "write_manifest"]

LAYOUTS = (
    "accepted are a manifest.json; train/ and test/ (and val/), each with images/ and masks/; "
    "images/ and masks/; or the images directly in the folder"
)
_MASK_ENDING = "_mask"
_CLASSES_NAME = "classes.txt"
_MAX_NAMED = 5


def discover(root: str | os.PathLike[str]) -> DatasetIndex:
    """Return the images below `root`, each with its mask and split where there are such.

    Layouts, the first that fits is taken: a `manifest.json` (or `root` is one);
    `{train,val,test}/{images,masks}`; `images/` with `masks/`, which may be missing; images
    directly in `root`. A mask has the name of its image, whatever the suffix, or ends in
    `_mask`, which in a flat folder tells it from the images. `classes.txt` in `root` may hold
    one class name a line. Items are sorted by split and name; hidden files are ignored.

    Raises:
        DataError: no such folder, no image in it, masks that fit no image at all, or two
            files that claim the same mask.

    """
    path = Path(os.path.abspath(root))
    if path.name == MANIFEST_NAME and path.is_file():
        return read_manifest(path)
    if not path.is_dir():
        raise DataError(f"There is no folder {path}. Check the path.")
    if (path / MANIFEST_NAME).is_file():
        return read_manifest(path / MANIFEST_NAME)
    items, notes = _find(path)
    if not items:
        raise DataError(
            f"Found no images in {path}: {LAYOUTS}. Images end in "
            f"{', '.join(sorted(IMAGE_SUFFIXES))}."
        )
    return DatasetIndex(tuple(items), _class_names(path), tuple(notes))


def _find(root: Path) -> tuple[list[DatasetItem], list[str]]:
    items: list[DatasetItem] = []
    notes: list[str] = []
    splits = [split for split in SPLITS if (root / split / "images").is_dir()]
    for split in splits:
        _collect(root / split / "images", root / split / "masks", split, items, notes)
    if not splits and (root / "images").is_dir():
        _collect(root / "images", root / "masks", None, items, notes)
    elif not splits:
        _collect(root, root, None, items, notes)
    return items, notes


def _collect(
    images_dir: Path,
    masks_dir: Path,
    split: Split | None,
    items: list[DatasetItem],
    notes: list[str],
) -> None:
    images = _image_files(images_dir)
    if masks_dir == images_dir:
        images, masks = _separate_flat_masks(images)
    else:
        masks = _image_files(masks_dir) if masks_dir.is_dir() else []
    stems = {image.stem for image in images}
    by_stem, orphans = _masks_by_stem(masks, stems)
    if by_stem:
        _check_stems_differ(images)
    elif orphans:
        raise DataError(
            f"None of the {len(orphans)} masks in {masks_dir} has the name of an image, "
            f"{_names(orphans)} for instance. Name each mask like its image."
        )
    if orphans:
        notes.append(f"{len(orphans)} masks in {masks_dir} fit no image: {_names(orphans)}.")
    items.extend(DatasetItem(image, by_stem.get(image.stem), split) for image in images)


def _image_files(folder: Path) -> list[Path]:
    """Return the visible image files of a folder, and OME-Zarr folders, sorted by name."""
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if e.is_file() or is_zarr(folder / e.name)]
    except OSError as error:
        raise DataError(f"Cannot list {folder}: {error.strerror or error}.") from error
    visible = (name for name in names if not name.startswith("."))
    suffixes = {*IMAGE_SUFFIXES, ZARR_SUFFIX}
    return [folder / name for name in sorted(visible) if Path(name).suffix.lower() in suffixes]


def _separate_flat_masks(files: list[Path]) -> tuple[list[Path], list[Path]]:
    """Return images and masks; `a_mask.png` is a mask only if there is an image `a`."""
    stems = {file.stem for file in files}
    masks = [
        file
        for file in files
        if file.stem.endswith(_MASK_ENDING) and file.stem.removesuffix(_MASK_ENDING) in stems
    ]
    is_mask = set(masks)
    return [file for file in files if file not in is_mask], masks


def _masks_by_stem(masks: list[Path], stems: set[str]) -> tuple[dict[str, Path], list[Path]]:
    by_stem: dict[str, Path] = {}
    orphans: list[Path] = []
    for mask in masks:
        stem = mask.stem if mask.stem in stems else mask.stem.removesuffix(_MASK_ENDING)
        if stem not in stems:
            orphans.append(mask)
        elif stem in by_stem:
            raise DataError(f"Both {by_stem[stem]} and {mask} are masks of {stem}. Keep one.")
        else:
            by_stem[stem] = mask
    return by_stem, orphans


def _check_stems_differ(images: list[Path]) -> None:
    seen: dict[str, Path] = {}
    for image in images:
        other = seen.setdefault(image.stem, image)
        if other is not image:
            raise DataError(f"{other} and {image} would share one mask. Rename one of them.")


def _names(paths: list[Path]) -> str:
    named = ", ".join(path.name for path in paths[:_MAX_NAMED])
    return f"{named}, ..." if len(paths) > _MAX_NAMED else named


def _class_names(root: Path) -> tuple[str, ...]:
    path = root / _CLASSES_NAME
    if not path.is_file():
        return ()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read {path}: {error}. Expected one name a line, UTF-8.") from error
    return tuple(line.strip() for line in lines if line.strip())
