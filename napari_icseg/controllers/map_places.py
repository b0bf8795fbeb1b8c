"""Where images lie on the map, and which show nearly the same; no Qt.

Places are kept beside the vectors, so that a map that was drawn once is there at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.controllers.suggesting import image_vectors
from napari_icseg.controllers.vector_store import vectors_folder
from trainers.errors import IcsegError
from trainers.io.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from napari_icseg.project.reader import ProjectReader

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class MapPlaces:
    """The images that can be read, by where they lie.

    Attributes:
        ids: int64 (N,).
        paths: as the project has them.
        places: float32 (N, 2), of no unit.
        groups: int64 (N,), equal for images that show nearly the same.
        unreadable: "path: reason" of the others.
        is_final: False while better places are being computed.

    """

    ids: npt.NDArray[np.int64]
    paths: tuple[str, ...]
    places: npt.NDArray[np.float32]
    groups: npt.NDArray[np.int64]
    unreadable: tuple[str, ...] = ()
    is_final: bool = True

    def alike(self, image_id: int) -> npt.NDArray[np.int64]:
        """The ids of the other images that show nearly the same as one."""
        group = self.groups[self.ids == image_id]
        is_other = np.isin(self.groups, group) & (self.ids != image_id)
        return np.asarray(self.ids[is_other], dtype=np.int64)

    @property
    def num_groups(self) -> int:
        """How many groups of two or more images there are."""
        return int(np.count_nonzero(np.bincount(self.groups) > 1)) if len(self.groups) else 0


def places_of(
    reader: ProjectReader,
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[MapPlaces]:
    """Yield the places of a project's images: at once by PCA, then by t-SNE where that is better.

    Raises:
        ProjectError: no image can be read.
        WorkCancelled: `cancelled` said so.

    """
    from trainers.image_vectors import standardised
    from trainers.suggest import is_arranged, near_duplicates, project_2d, project_pca

    known = image_vectors(reader, progress=progress, cancelled=cancelled)
    vectors = standardised(known.vectors)
    ids = np.array([image.id for image in known.images], dtype=np.int64)
    paths = tuple(image.path for image in known.images)
    groups = near_duplicates(vectors)
    stored = _PlacesFile.of(reader.file, vectors)
    places = stored.read()
    if places is None and is_arranged(len(vectors)):
        first = project_pca(vectors)
        yield MapPlaces(ids, paths, first, groups, known.unreadable, is_final=False)
    if places is None:
        places = project_2d(vectors)
        stored.write(places)
    yield MapPlaces(ids, paths, places, groups, known.unreadable)


@dataclass(frozen=True)
class _PlacesFile:
    """Places that belong to certain vectors; one file a project."""

    path: Path
    key: str

    @classmethod
    def of(cls, project: Path, vectors: npt.NDArray[np.float32]) -> _PlacesFile:
        name = hashlib.sha256(str(project).encode()).hexdigest()[:24]
        key = hashlib.sha256(np.ascontiguousarray(vectors).tobytes()).hexdigest()
        return cls(vectors_folder() / f"{name}.places.npz", f"{_FORMAT}-{len(vectors)}-{key}")

    def read(self) -> npt.NDArray[np.float32] | None:
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                is_same = str(stored["key"]) == self.key
                return np.asarray(stored["places"], dtype=np.float32) if is_same else None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None  # there is none yet, or it is damaged

    def write(self, places: npt.NDArray[np.float32]) -> None:
        with contextlib.suppress(OSError, IcsegError):  # it only saves time
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(self.path) as part, part.open("wb") as file:
                np.savez(file, key=np.array(self.key), places=places)
