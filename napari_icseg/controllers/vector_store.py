"""Vectors of a project's images, kept between sessions."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import platformdirs

from napari_icseg.controllers.thumbnail_files import read_reduced
from napari_icseg.project.watching import WorkCancelled
from trainers.errors import IcsegError
from trainers.io.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from trainers.models.sam2.build import Sam2Model

_SAVE_EVERY = 500
_POLL_S = 0.1
_LOCKS: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)


def vectors_folder() -> Path:
    """Where vectors, and what is made of them, are kept; it may not exist yet."""
    return Path(platformdirs.user_cache_dir("napari-icseg", appauthor=False)) / "vectors"


@contextmanager
def alone(project: Path, cancelled: Callable[[], bool] | None) -> Iterator[None]:
    """Wait until no other thread works on a project's vectors, or raise `WorkCancelled`."""
    lock = _LOCKS[project]
    while not lock.acquire(timeout=_POLL_S):
        if cancelled is not None and cancelled():
            raise WorkCancelled
    try:
        yield
    finally:
        lock.release()


class VectorStore:
    """Vectors by path, size and time of change of the image file, in one npz file."""

    @classmethod
    def of_project(cls, project: Path) -> VectorStore:
        """The store of a project file, in the user's cache folder."""
        name = hashlib.sha256(str(project).encode()).hexdigest()[:24]
        return cls(vectors_folder() / f"{name}.npz")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _read(path)
        self._used: dict[str, npt.NDArray[np.float32]] = {}
        self._num_new = 0
        self._model: Sam2Model | None = None

    def vector_of(self, path: Path) -> npt.NDArray[np.float32]:
        """Return the vector of an image file; raises what reading it raises."""
        stat = path.stat()
        key = f"{path}|{stat.st_size}|{stat.st_mtime_ns}"
        vector = self._known.get(key)
        if vector is None:
            vector = self._compute(path)
            self._num_new += 1
        self._used[key] = vector
        if self._num_new and self._num_new % _SAVE_EVERY == 0:
            self._write({**self._known, **self._used})
        return vector

    def save(self) -> None:
        """Keep the vectors that were asked for; the cache only saves time, so it may fail."""
        if self._num_new:
            self._write(
                self._used if len(self._used) >= len(self._known) else {**self._known, **self._used}
            )

    def _compute(self, path: Path) -> npt.NDArray[np.float32]:
        from trainers.image_vectors import SIDE_PX, image_vector

        pixels = read_reduced(path, SIDE_PX)
        if self._model is None:
            self._model = _load_model()
        return image_vector(self._model, pixels)

    def _write(self, vectors: dict[str, npt.NDArray[np.float32]]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(self._path) as part, part.open("wb") as file:
                np.savez(
                    file, keys=np.array(list(vectors)), vectors=np.stack(list(vectors.values()))
                )
        except (OSError, IcsegError):
            return


def _read(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    try:
        # np.load leaves a damaged file open that it has opened itself
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}  # there is none yet, or it is damaged: all is computed again


def _load_model() -> Sam2Model:
    from trainers.checkpoint import load_checkpoint
    from trainers.models.sam2.build import build_sam2
    from trainers.models.sam2.sources import EMBEDDED, checkpoint_path

    return build_sam2(load_checkpoint(checkpoint_path(EMBEDDED))).eval()
