"""Which images of a project to label next, for the command line and the docks; no Qt.

The vectors of a project's images are kept in the user's cache folder, so that only new or
changed images are looked at again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.controllers.suggest_doubt import doubts_of
from napari_icseg.controllers.suggest_words import SuggestBy
from napari_icseg.controllers.vector_store import VectorStore, alone
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.records import ImageStatus
from napari_icseg.project.watching import Watch
from trainers.errors import IcsegError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from napari_icseg.controllers.suggest_doubt import Doubts
    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord

    Found = list[tuple[int, str]]
    """Numbers of images, and why they are suggested."""

DONE = (ImageStatus.LABELLED, ImageStatus.BLANK)


@dataclass(frozen=True, slots=True)
class SuggestedImage:
    """An image to label, and why, in words.

    `alike` are the paths of the unlabelled images that show nearly the same.
    """

    image: ImageRecord
    reason: str
    alike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggested:
    """Images to label, most useful first.

    Attributes:
        images: fewer than asked for where fewer different ones are left.
        by: how they were chosen.
        num_alike: unlabelled images that show nearly the same as one of these or a labelled one.
        duplicates: the paths of each group of images that show nearly the same.
        unreadable: "path: reason" of images that could not be looked at.

    """

    images: tuple[SuggestedImage, ...]
    by: SuggestBy
    num_alike: int = 0
    duplicates: tuple[tuple[str, ...], ...] = ()
    unreadable: tuple[str, ...] = ()


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
    by: SuggestBy | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Suggested:
    """Return up to `num` images that are neither labelled nor blank, most useful first.

    Of images that show nearly the same one is suggested, and none where one is labelled.

    Args:
        reader: the project, best a snapshot.
        num: how many are asked for.
        by: None: by doubt where a round's model has judged unlabelled images, else the typical.
        seed: of the clustering.
        progress: is told how many of all images have been looked at.
        cancelled: says whether to stop.

    Raises:
        ProjectError: no image can be read, all are done, those left show nearly the same as
            labelled ones, or doubt is asked for and no model has judged any.
        CheckpointError: the click model that ships is missing.
        WorkCancelled: `cancelled` said so.

    """
    from trainers.image_vectors import standardised
    from trainers.suggest import near_duplicates

    doubts = doubts_of(reader)
    if by is SuggestBy.DOUBT and not doubts:
        raise ProjectError(
            "no model has judged the unlabelled images yet. Run a round first (the Rounds dock), "
            "or ask for typical images."
        )
    by = by or (SuggestBy.DOUBT if doubts else SuggestBy.TYPICAL)
    _require_left(reader.images())
    known = image_vectors(reader, progress=progress, cancelled=cancelled)
    done = [n for n, image in enumerate(known.images) if image.status in DONE]
    _require_left(known.images)
    vectors = standardised(known.vectors)
    groups = near_duplicates(vectors)
    found = _found(
        known, vectors, groups, done, num, doubts if by is SuggestBy.DOUBT else None, seed
    )
    return _suggested(known, groups, done, _one_a_group(found, groups, done), by)


def image_vectors(
    reader: ProjectReader,
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImageVectors:
    """Return the vectors of all images that can be read, from the cache where they are there.

    One call at a time works on a project; others wait and then find the vectors in the cache.

    Raises:
        ProjectError: there is no image that can be read.
        WorkCancelled: `cancelled` said so; what was computed is kept.

    """
    images = reader.images()
    kept: list[ImageRecord] = []
    vectors: list[npt.NDArray[np.float32]] = []
    unreadable: list[str] = []
    root = reader.root
    with alone(reader.file, cancelled):
        store = VectorStore.of_project(reader.file)
        try:
            for image in Watch(progress, cancelled).over(images):
                try:
                    vectors.append(store.vector_of(root / image.path))
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


def duplicate_groups(
    images: Sequence[ImageRecord], groups: npt.NDArray[np.int64]
) -> tuple[tuple[str, ...], ...]:
    """Return the paths of each group of two or more images, see `trainers.suggest`."""
    members: dict[int, list[str]] = {}
    for image, group in zip(images, groups, strict=True):
        members.setdefault(int(group), []).append(image.path)
    return tuple(tuple(paths) for paths in members.values() if len(paths) > 1)


def _require_left(images: Sequence[ImageRecord]) -> None:
    if images and all(image.status in DONE for image in images):
        raise ProjectError("every image is labelled or blank: there is nothing left to suggest.")


def _found(
    known: ImageVectors,
    vectors: npt.NDArray[np.float32],
    groups: npt.NDArray[np.int64],
    done: Sequence[int],
    num: int,
    doubts: Doubts | None,
    seed: int,
) -> Found:
    from trainers.suggest import suggest_doubtful, suggest_typical

    if doubts is None:
        typical = suggest_typical(vectors, done, num, seed=seed, groups=groups)
        return [(each.index, each.reason) for each in typical]
    doubt = doubts.of(known.images)
    doubtful = suggest_doubtful(vectors, doubt, done, num, seed=seed, groups=groups)
    return [(each.index, doubts.words(known.images[each.index])) for each in doubtful]


def _one_a_group(found: Found, groups: npt.NDArray[np.int64], done: Sequence[int]) -> Found:
    """Leave out what shows nearly the same as something labelled or suggested before."""
    shown = {int(groups[n]) for n in done}
    kept: Found = []
    for index, reason in found:
        if int(groups[index]) not in shown:
            kept.append((index, reason))
            shown.add(int(groups[index]))
    return kept


def _suggested(
    known: ImageVectors,
    groups: npt.NDArray[np.int64],
    done: Sequence[int],
    found: Found,
    by: SuggestBy,
) -> Suggested:
    is_done = set(done)
    left = [n for n in range(len(groups)) if n not in is_done]
    if not found:
        raise ProjectError(
            f"the {len(left):,} images that are left show nearly the same as labelled ones: a "
            "model learns little from them. Take a model's proposals for them instead."
        )
    members: dict[int, list[str]] = {}
    for n in left:
        members.setdefault(int(groups[n]), []).append(known.images[n].path)
    images = []
    for index, reason in found:
        image = known.images[index]
        alike = tuple(path for path in members[int(groups[index])] if path != image.path)
        images.append(SuggestedImage(image, reason, alike))
    counts = Counter(int(groups[n]) for n in (*done, *(index for index, _ in found)))
    num_alike = sum(1 for n in left if counts[int(groups[n])]) - len(found)
    duplicates = duplicate_groups(known.images, groups)
    return Suggested(tuple(images), by, num_alike, duplicates, known.unreadable)
