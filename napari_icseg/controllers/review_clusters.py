"""Images that look alike, numbered by cluster; for a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.controllers.suggesting import image_vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from napari_icseg.project.project import Project

MAX_CLUSTERS = 12
_SEED = 0


def clusters_of(
    project: Project,
    image_ids: Iterable[int],
    *,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> dict[int, int]:
    """Return the cluster of each of these images; those that cannot be read are left out.

    Vectors that are missing are computed, which takes a while.

    Raises:
        ProjectError: no image of the project can be read.
        CheckpointError: the click model that ships is missing.
        WorkCancelled: `cancelled` said so.

    """
    with project.snapshot() as snapshot:
        known = image_vectors(snapshot, progress=progress, cancelled=cancelled)
    wanted = set(image_ids)
    places = [n for n, image in enumerate(known.images) if image.id in wanted]
    numbers = grouped(known.vectors[places])
    return {known.images[n].id: int(k) for n, k in zip(places, numbers, strict=True)}


def grouped(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return the cluster of each vector, int64 (N,), for vectors (N, D)."""
    from sklearn.cluster import KMeans

    from trainers.image_vectors import standardised

    num = len(vectors)
    num_clusters = min(MAX_CLUSTERS, num, max(2, round((num / 2) ** 0.5)))
    if num_clusters < 2 or len(np.unique(vectors, axis=0)) < num_clusters:
        return np.zeros(num, dtype=np.int64)
    found = KMeans(num_clusters, n_init=4, random_state=_SEED).fit_predict(standardised(vectors))
    return np.asarray(found, dtype=np.int64)
