"""Which images to label next: typical ones of each kind first, doubtful and different ones later.

Everything here works on one vector an image (see `trainers.image_vectors`), (N, D) float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

MAX_CLUSTERS = 500
NUM_NEIGHBOURS = 20
DUPLICATE_DISTANCE = 0.02
"""Cosine distance of two images up to which they show nearly the same."""
MANY_IMAGES = 5000
"""More are clustered in batches, and drawn by PCA instead of t-SNE."""


@dataclass(frozen=True)
class Suggestion:
    """An image to label: its number, and why, in words for the user."""

    index: int
    reason: str


def suggest_typical(
    vectors: npt.NDArray[np.float32], labelled: Sequence[int], num: int, *, seed: int = 0
) -> list[Suggestion]:
    """Return `num` unlabelled images, the most typical one of each kind not yet labelled.

    Source: Hacohen et al. 2022, "Active Learning on a Budget" (TypiClust), algorithm 1: as many
    clusters as there would be labelled images, at most 500; of the largest clusters with the
    fewest labelled images the one with the smallest mean distance to its 20 nearest neighbours
    in the cluster. Near-duplicates of a labelled or suggested image come last.

    Args:
        vectors: float32 (N, D).
        labelled: numbers of the images that are labelled.
        num: how many; fewer come if fewer are left.
        seed: of the clustering.

    """
    known, chosen = set(labelled), list[Suggestion]()
    num = min(num, len(vectors) - len(known))
    if num <= 0:
        return []
    groups = near_duplicates(vectors)
    num_clusters = min(len(known) + num, MAX_CLUSTERS, len(vectors))
    clusters = _cluster(vectors, num_clusters, seed)
    while len(chosen) < num:
        taken = known | {each.index for each in chosen}
        cluster = _next_cluster(clusters, taken)
        members = [int(i) for i in np.flatnonzero(clusters == cluster) if int(i) not in taken]
        shown = {int(groups[i]) for i in taken}
        fresh = [i for i in members if int(groups[i]) not in shown] or members
        best = fresh[int(np.argmax(_typicality(vectors, fresh, members)))]
        size = int(np.count_nonzero(clusters == cluster))
        chosen.append(Suggestion(best, f"the most typical of {size} similar images"))
    return chosen


def suggest_doubtful(
    vectors: npt.NDArray[np.float32],
    doubt: npt.NDArray[np.float64],
    labelled: Sequence[int],
    num: int,
    *,
    seed: int = 0,
    pool: int = 10,
) -> list[Suggestion]:
    """Return `num` unlabelled images of which a model is least sure, each of another kind.

    Of the `pool` times `num` most doubtful images, clustered into `num` groups weighted by their
    doubt, the most doubtful of each (Zhdanov 2019, "Diverse mini-batch Active Learning",
    section 3: weighted k-means; the most doubtful instead of the most central member, which
    never takes an image the model is sure of).

    Args:
        vectors: float32 (N, D).
        doubt: (N,), larger is more doubtful; never negative.
        labelled: numbers of the images that are labelled.
        num: how many; fewer come if fewer are left.
        seed: of the clustering.
        pool: how many times `num` are looked at.

    """
    left = np.setdiff1d(np.arange(len(vectors)), np.asarray(labelled, dtype=int))
    num = min(num, len(left))
    if num <= 0:
        return []
    ranked = left[np.argsort(-doubt[left], kind="stable")][: pool * num]
    weights = np.maximum(doubt[ranked], 1e-12)
    num_kinds = min(num, _num_distinct(vectors[ranked]))
    kinds = KMeans(num_kinds, n_init=3, random_state=seed).fit_predict(
        vectors[ranked], sample_weight=weights
    )
    firsts = {int(kind): int(index) for index, kind in zip(ranked[::-1], kinds[::-1], strict=True)}
    found = sorted(firsts.values(), key=lambda index: -doubt[index])
    rest = [int(index) for index in ranked if int(index) not in found]
    found += rest[: num - len(found)]  # equal vectors make fewer groups
    return [Suggestion(index, f"the model is unsure ({doubt[index]:.2f})") for index in found]


def near_duplicates(
    vectors: npt.NDArray[np.float32], distance: float = DUPLICATE_DISTANCE
) -> npt.NDArray[np.int64]:
    """Return a group number for each image, int64 (N,): near-duplicates have the same.

    The number is that of the first image of the group; images within `distance` (cosine) of one
    another, also by way of others, belong together.
    """
    from scipy.sparse.csgraph import connected_components

    near = NearestNeighbors(radius=distance, metric="cosine").fit(vectors)
    graph = near.radius_neighbors_graph(vectors)
    _, groups = connected_components(graph, directed=False)
    _, firsts = np.unique(groups, return_index=True)
    return np.asarray(firsts[groups], dtype=np.int64)


def project_2d(vectors: npt.NDArray[np.float32], *, seed: int = 0) -> npt.NDArray[np.float32]:
    """Return places for a map of the data set, float32 (N, 2): similar images lie together.

    t-SNE after PCA for up to 5,000 images, PCA alone for more or for fewer than 5.
    """
    if len(vectors) < 2:
        return np.zeros((len(vectors), 2), np.float32)
    num = min(50, *vectors.shape)
    reduced = PCA(num, random_state=seed).fit_transform(vectors)
    if not 5 <= len(vectors) <= MANY_IMAGES:
        return np.asarray(np.pad(reduced, ((0, 0), (0, 2)))[:, :2], dtype=np.float32)
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed)
    return np.asarray(tsne.fit_transform(reduced), dtype=np.float32)


def _num_distinct(vectors: npt.NDArray[np.float32]) -> int:
    return len(np.unique(vectors, axis=0))


def _cluster(vectors: npt.NDArray[np.float32], num: int, seed: int) -> npt.NDArray[np.intp]:
    num = min(num, _num_distinct(vectors))
    if len(vectors) > MANY_IMAGES:
        model = MiniBatchKMeans(num, n_init=3, batch_size=4096, random_state=seed)
    else:
        model = KMeans(num, n_init=3, random_state=seed)
    return np.asarray(model.fit_predict(vectors))


def _next_cluster(clusters: npt.NDArray[np.intp], taken: set[int]) -> int:
    """Return the cluster with the fewest taken images, the largest of these, that has one left."""
    sizes = np.bincount(clusters)
    covered = np.bincount(clusters[list(taken)], minlength=len(sizes)) if taken else sizes * 0
    open_ones = [int(c) for c in np.flatnonzero(covered < sizes)]
    return min(open_ones, key=lambda c: (covered[c], -sizes[c]))


def _typicality(
    vectors: npt.NDArray[np.float32], chosen: Sequence[int], members: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Return the inverse mean distance of `chosen` to their nearest neighbours in a cluster."""
    num = min(NUM_NEIGHBOURS, len(members))
    near = NearestNeighbors(n_neighbors=num).fit(vectors[list(members)])
    distances, _ = near.kneighbors(vectors[list(chosen)])
    return np.asarray(1.0 / (distances.mean(axis=1) + 1e-9))
