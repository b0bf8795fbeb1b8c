"""Images that are not where the project expects them, found again below another folder."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from napari_icseg.project.watching import Watch
from trainers.errors import DataError
from trainers.io.images import IMAGE_SUFFIXES, image_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord

_MAX_UP = 3
"""Folders above the chosen one that are tried as the new root, too."""


@dataclass(frozen=True, slots=True)
class LocatePlan:
    """What was found of the missing images.

    Attributes:
        root: folder below which every image of the project lies as before; None if there is none.
        paths: otherwise, where each image that was found lies now, by its id.
        missing: stored paths of the images that were not found.
        doubtful: stored paths of those of which several files could be the one, or whose file
            has another size now.

    """

    root: Path | None
    paths: Mapping[int, Path]
    missing: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()


def plan_location(
    reader: ProjectReader,
    folder: Path | str,
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> LocatePlan:
    """Look for the missing images below a folder; nothing is changed.

    An image is the file with the same name and size (height and width), of several the one
    whose folders agree best with the stored path.

    Raises:
        WorkCancelled: `cancelled` said so.

    """
    chosen, images, old_root = Path(os.path.abspath(folder)), reader.images(), reader.root
    for root in (chosen, *chosen.parents[:_MAX_UP]):
        if images and all((root / image.path).is_file() for image in images):
            return LocatePlan(root, {})
    missing = [image for image in images if not (old_root / image.path).exists()]
    files = _files_by_name(chosen)
    paths: dict[int, Path] = {}
    lost, doubtful = list[str](), list[str]()
    for image in Watch(progress, cancelled).over(missing):
        best = _best(image, files.get(PurePosixPath(image.path).name.casefold(), ()))
        if not best:
            lost.append(image.path)
        elif len(best) > 1 or not _has_size(best[0], image):
            doubtful.append(image.path)
        else:
            paths[image.id] = best[0]
    return LocatePlan(None, paths, tuple(lost), tuple(doubtful))


def _files_by_name(folder: Path) -> Mapping[str, list[Path]]:
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if Path(name).suffix.lower() in IMAGE_SUFFIXES:
                found[name.casefold()].append(Path(parent, name))
    return found


def _best(image: ImageRecord, files: Iterable[Path]) -> Sequence[Path]:
    """Return the files of its name that share most of the folders above it."""
    wanted = PurePosixPath(image.path).parts[::-1]
    shared = {path: _num_shared(wanted, path.parts[::-1]) for path in files}
    most = max(shared.values(), default=0)
    return [path for path, num in shared.items() if num == most]


def _num_shared(first: Sequence[str], second: Sequence[str]) -> int:
    pairs = zip(first, second, strict=False)
    differs = (n for n, (a, b) in enumerate(pairs) if a.casefold() != b.casefold())
    return next(differs, min(len(first), len(second)))


def _has_size(path: Path, image: ImageRecord) -> bool:
    try:
        return image_size(path) == image.shape
    except DataError:
        return False
