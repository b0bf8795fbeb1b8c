"""The images that labels may belong to, found by the names that label files use."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from napari_icseg.project.naming import file_names
from trainers.errors import DataError
from trainers.io.coco import safe_file_name
from trainers.io.images import IMAGE_SUFFIXES, image_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_icseg.project.reader import ProjectReader

_MASK_ENDING = "_mask"
_MAX_FILES = 200_000


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image file; `shape_hw` is known for images of the project, else read when asked."""

    path: Path
    known_shape_hw: tuple[int, int] | None = None

    def shape_hw(self) -> tuple[int, int]:
        """Return height and width in pixels; `DataError` if the file cannot be read."""
        return self.known_shape_hw or image_size(self.path)


class ImageIndex:
    """Finds images by path, by path without suffix or by bare name; frozen once made.

    Images of the project come first, then the files of other folders. A name that would fit
    two images of one kind fits none.
    """

    def __init__(self, tiers: Sequence[Sequence[tuple[str, FoundImage]]]) -> None:
        self._tiers = [_Names(named) for named in tiers]

    @classmethod
    def of(cls, reader: ProjectReader, folders: Iterable[Path] = ()) -> ImageIndex:
        """Return the images of a project, and those below some folders."""
        records, root = reader.images(), reader.root
        names = file_names(records)
        known = [
            (names[each.id], FoundImage(Path(os.path.normpath(root / each.path)), each.shape))
            for each in records
        ]
        return cls([known, *(_files_below(folder) for folder in folders)])

    def find(self, name: str) -> FoundImage | None:
        r"""Return the image that a name in a file means, if exactly one fits.

        "\" counts as "/", and folders above ("..", a drive, a leading "/") are not looked at,
        so that no name leads out of the folders that were given.
        """
        inside = _inside(name)
        if inside is None:
            return None
        for tier in self._tiers:
            if (found := tier.find(inside)) is not None:
                return found
        return None


class _Names:
    """Names of one tier: better kinds first, each only where it names a single image."""

    def __init__(self, named: Sequence[tuple[str, FoundImage]]) -> None:
        paths = [(PurePosixPath(name), image) for name, image in named]
        self._kinds = (
            dict(named),
            _unique((str(path.with_suffix("")), image) for path, image in paths),
            _unique((path.name, image) for path, image in paths),
            _unique((path.stem, image) for path, image in paths),
        )

    def find(self, path: PurePosixPath) -> FoundImage | None:
        full, stems, names, bare = self._kinds
        is_image = path.suffix.lower() in IMAGE_SUFFIXES
        stem = path.with_suffix("") if is_image else path
        plain = stem.with_name(stem.name.removesuffix(_MASK_ENDING) or stem.name)
        for kind, keys in (
            (full, (str(path), str(stem))),
            (stems, (str(stem), str(plain))),
            (names, (path.name, stem.name)),
            (bare, (stem.name, plain.name)),
        ):
            for key in keys:
                if key in kind:
                    return kind[key]
        return None


def _unique(pairs: Iterable[tuple[str, FoundImage]]) -> dict[str, FoundImage]:
    listed = list(pairs)
    uses = Counter(key for key, _ in listed)
    return {key: image for key, image in listed if uses[key] == 1}


def _inside(name: str) -> PurePosixPath | None:
    """Return the end of a path that lies below any folder: without drive, root and ".."."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    start = 0
    for place, part in enumerate(parts):
        if part in ("..", "/") or part.endswith(":"):
            start = place + 1
    try:
        return PurePosixPath(safe_file_name("/".join(parts[start:])))
    except DataError:
        return None


def _files_below(folder: Path) -> list[tuple[str, FoundImage]]:
    found: list[tuple[str, FoundImage]] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES:
                path = Path(parent, name)
                found.append((path.relative_to(folder).as_posix(), FoundImage(path)))
        if len(found) > _MAX_FILES:
            raise DataError(f"{folder} has more than {_MAX_FILES} images. Choose a folder in it.")
    return found
