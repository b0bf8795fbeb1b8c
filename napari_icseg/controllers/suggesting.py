"""Which images of a project to label next, for the command line and the dock; no Qt.

The vectors of a project's images are kept in the user's cache folder, so that only new or
changed images are looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.controllers.vector_store import VectorStore
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.records import ImageStatus
from napari_icseg.project.watching import Watch
from trainers.errors import IcsegError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord

DONE = (ImageStatus.LABELLED, ImageStatus.BLANK)


@dataclass(frozen=True, slots=True)
class SuggestedImage:
    """An image to label, and why, in words."""

    image: ImageRecord
    reason: str


@dataclass(frozen=True, eq=False)
class ImageVectors:
    """The images of a project that can be read, and their vectors, float32 (N, D)."""

    images: tuple[ImageRecord, ...]
    vectors: npt.NDArray[np.float32]
    unreadable: tuple[str, ...] = ()


def suggest(
    reader: ProjectReader,
    num: int,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[SuggestedImage, ...]:
    """Return up to `num` images that are neither labelled nor blank, most useful first.

    Raises:
        ProjectError: the project has no image that can be read, or all are done.
        CheckpointError: the click model that ships is missing.

    """
    from trainers.image_vectors import standardised
    from trainers.suggest import suggest_typical

    known = image_vectors(reader, progress=progress, cancelled=cancelled)
    done = [n for n, image in enumerate(known.images) if image.status in DONE]
    if len(done) == len(known.images):
        raise ProjectError("every image is labelled or blank: there is nothing left to suggest.")
    found = suggest_typical(standardised(known.vectors), done, num, seed=seed)
    return tuple(SuggestedImage(known.images[each.index], each.reason) for each in found)


def image_vectors(
    reader: ProjectReader,
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImageVectors:
    """Return the vectors of all images that can be read, from the cache where they are there.

    Raises:
        ProjectError: there is no image that can be read.
        WorkCancelled: `cancelled` said so; what was computed is kept.

    """
    images = reader.images()
    store = VectorStore.of_project(reader.file)
    kept: list[ImageRecord] = []
    vectors: list[npt.NDArray[np.float32]] = []
    unreadable: list[str] = []
    try:
        for image in Watch(progress, cancelled).over(images):
            try:
                vectors.append(store.vector_of(reader.root / image.path))
                kept.append(image)
            except (IcsegError, OSError) as error:
                unreadable.append(f"{image.path}: {error}")
    finally:
        store.save()
    if not kept:
        raise ProjectError(
            f"no image of {reader.file.name} can be read. Check that they are where they were."
        )
    return ImageVectors(tuple(kept), np.stack(vectors), tuple(unreadable))
