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
    vectors: npt.NDArray[np.float32],
    labelled: Sequence[int],
    num: int,
    *,
    seed: int = 0,
    groups: npt.NDArray[np.int64] | None = None,
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
        groups: what `near_duplicates` says of the vectors, if that is known already.

    """
    known, chosen = set(labelled), list[Suggestion]()
    num = min(num, len(vectors) - len(known))
    if num <= 0:
        return []
    groups = near_duplicates(vectors) if groups is None else groups
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
    groups: npt.NDArray[np.int64] | None = None,
) -> list[Suggestion]:
    """Return `num` unlabelled images of which a model is least sure, each of another kind.

    Of the `pool` times `num` most doubtful images, clustered into `num` groups weighted by their
    doubt, the most doubtful of each (Zhdanov 2019, "Diverse mini-batch Active Learning",
    section 3: weighted k-means; the most doubtful instead of the most central member, which
    never takes an image the model is sure of). Near-duplicates of a labelled or more doubtful
    image come last.

    Args:
        vectors: float32 (N, D).
        doubt: (N,), larger is more doubtful; never negative.
        labelled: numbers of the images that are labelled.
        num: how many; fewer come if fewer are left.
        seed: of the clustering.
        pool: how many times `num` are looked at.
        groups: what `near_duplicates` says of the vectors, if that is known already.

    """
    left = np.setdiff1d(np.arange(len(vectors)), np.asarray(labelled, dtype=int))
    num = min(num, len(left))
    if num <= 0:
        return []
    groups = near_duplicates(vectors) if groups is None else groups
    ranked = left[np.argsort(-doubt[left], kind="stable")]
    fresh, copies = _one_of_each(ranked, groups, labelled)
    pooled = fresh[: pool * num]
    found = _first_of_kinds(vectors, doubt, pooled, min(num, len(pooled)), seed) if pooled else []
    taken = set(found)
    rest = [index for index in (*fresh, *copies) if index not in taken]
    found += rest[: num - len(found)]  # equal vectors make fewer kinds
    return [Suggestion(index, f"the model is unsure ({doubt[index]:.2f})") for index in found]


def near_duplicates(
    vectors: npt.NDArray[np.float32], distance: float = DUPLICATE_DISTANCE
) -> npt.NDArray[np.int64]:
    """Return a group number for each image, int64 (N,): near-duplicates have the same.

    The number is that of the first image of the group; images within `distance` (cosine) of one
    another, also by way of others, belong together. Vectors of zeros have no direction: they are
    one group.
    """
    from scipy.sparse.csgraph import connected_components

    if not len(vectors):
        return np.zeros(0, np.int64)
    is_zero = ~vectors.any(axis=1, keepdims=True)
    directed = np.hstack([vectors, is_zero.astype(np.float32)])
    near = NearestNeighbors(radius=distance, metric="cosine").fit(directed)
    graph = near.radius_neighbors_graph(directed)
    _, groups = connected_components(graph, directed=False)
    _, firsts = np.unique(groups, return_index=True)
    return np.asarray(firsts[groups], dtype=np.int64)


def project_2d(vectors: npt.NDArray[np.float32], *, seed: int = 0) -> npt.NDArray[np.float32]:
    """Return places for a map of the data set, float32 (N, 2): similar images lie together.

    t-SNE, begun from PCA, for up to 5,000 images; PCA alone for more or for fewer than 5.
    """
    if not is_arranged(len(vectors)):
        return project_pca(vectors, seed=seed)
    reduced = PCA(min(50, *vectors.shape), random_state=seed).fit_transform(vectors)
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed)
    return np.asarray(tsne.fit_transform(reduced), dtype=np.float32)


def is_arranged(num: int) -> bool:
    """Return whether a map of so many images is more than its two principal components."""
    return 5 <= num <= MANY_IMAGES


def project_pca(vectors: npt.NDArray[np.float32], *, seed: int = 0) -> npt.NDArray[np.float32]:
    """Return the two principal components, float32 (N, 2); 0 where there is no such component."""
    if len(vectors) < 2:
        return np.zeros((len(vectors), 2), np.float32)
    reduced = PCA(min(2, *vectors.shape), random_state=seed).fit_transform(vectors)
    return np.asarray(np.pad(reduced, ((0, 0), (0, 2)))[:, :2], dtype=np.float32)


def _one_of_each(
    ranked: npt.NDArray[np.intp], groups: npt.NDArray[np.int64], labelled: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Split images, best first: the best of each group that has no labelled image; all others."""
    shown = {int(groups[index]) for index in labelled}
    fresh, copies = list[int](), list[int]()
    for index in map(int, ranked):
        (copies if int(groups[index]) in shown else fresh).append(index)
        shown.add(int(groups[index]))
    return fresh, copies


def _first_of_kinds(
    vectors: npt.NDArray[np.float32],
    doubt: npt.NDArray[np.float64],
    ranked: Sequence[int],
    num: int,
    seed: int,
) -> list[int]:
    """Return the first of `ranked`, most doubtful first, of each of up to `num` clusters."""
    pooled = list(ranked)
    model = KMeans(min(num, _num_distinct(vectors[pooled])), n_init=3, random_state=seed)
    kinds = model.fit_predict(vectors[pooled], sample_weight=np.maximum(doubt[pooled], 1e-12))
    firsts = {int(kind): index for index, kind in zip(pooled[::-1], kinds[::-1], strict=True)}
    return sorted(firsts.values(), key=lambda index: -doubt[index])


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
