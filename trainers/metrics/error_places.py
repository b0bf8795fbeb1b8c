"""Where the errors lie that `connectivity` counts: a mark for each open, short, false and missing.

A short lies in the added pixels through which a predicted track reaches a second true one, an
open in the missed pixels between two predicted pieces of a true track. As many marks are needed
to link all that such a track touches as the source counts errors: k - 1 of k.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy import ndimage
from scipy.cluster.hierarchy import DisjointSet

from trainers.metrics.connectivity import MIN_AREA_PX, distinct_pairs, regions_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from trainers.metrics.connectivity import Mask

    Regions = npt.NDArray[np.int32]

_AHEAD = ((0, 1), (1, -1), (1, 0), (1, 1))
"""Half of the eight neighbours, as (row, col); the others are these seen from the other side."""


class ErrorKind(StrEnum):
    """What is wrong at a place."""

    OPEN = "open"
    SHORT = "short"
    FALSE = "false"
    MISSING = "missing"


@dataclass(frozen=True)
class ErrorPlace:
    """A pixel (row, col) that shows `count` errors of a kind: a blot may join three tracks."""

    kind: ErrorKind
    row: int
    col: int
    count: int = 1


def error_places(
    preds: Mask, target: Mask, *, min_area_px: int = MIN_AREA_PX
) -> tuple[ErrorPlace, ...]:
    """Return where the errors are that `track_errors` counts; `count` adds up to its figures.

    Args:
        preds: predicted conductor, bool (H, W); regions are 8-connected.
        target: true conductor of the same shape.
        min_area_px: smaller predicted regions are dropped; true ones never are.

    Raises:
        ValueError: the shapes differ.

    """
    if preds.shape != target.shape:
        raise ValueError(f"Expected masks of one shape, got {preds.shape} and {target.shape}.")
    return places_of(regions_of(preds, min_area_px), regions_of(target, 0))


def places_of(found: Regions, true: Regions) -> tuple[ErrorPlace, ...]:
    """Return the errors of regions as `connectivity.regions_of` gives them, int32 (H, W)."""
    return (
        *_links(true, found, ErrorKind.OPEN),
        *_links(found, true, ErrorKind.SHORT),
        *_alone(found, true, ErrorKind.FALSE),
        *_alone(true, found, ErrorKind.MISSING),
    )


def _links(tracks: Regions, others: Regions, kind: ErrorKind) -> Iterator[ErrorPlace]:
    """Yield where a track links others: in its pixels that belong to none of them."""
    between = (tracks > 0) & (others == 0)
    num, pieces = cv2.connectedComponents(between.astype(np.uint8), connectivity=8)
    if num == 1:
        return
    linked: DisjointSet[tuple[int, int]] = DisjointSet()
    joined: dict[int, int] = {}
    first: dict[int, tuple[int, int]] = {}
    for piece, track, other in _contacts(pieces, tracks, others).tolist():
        node = (track, other)
        linked.add(node)
        # a piece lies in one track: what it touches is joined to what it touched first
        if linked.merge(first.setdefault(piece, node), node):
            joined[piece] = joined.get(piece, 0) + 1
    middles = _middles(pieces, joined)
    for piece, count in joined.items():
        yield ErrorPlace(kind, *middles[piece], count)


def _contacts(
    pieces: npt.NDArray[np.int32], tracks: Regions, others: Regions
) -> npt.NDArray[np.int64]:
    """Return rows (piece, track, other), each once, of neighbouring pixels of one track."""
    found = []
    track_of = np.zeros(int(pieces.max()) + 1, np.int64)
    track_of[pieces] = tracks
    for row, col in _AHEAD:
        here = np.s_[: pieces.shape[0] - row, max(0, -col) : pieces.shape[1] - max(0, col)]
        there = np.s_[row:, max(0, col) : pieces.shape[1] - max(0, -col)]
        for at, beside in ((here, there), (there, here)):
            touch = (pieces[at] > 0) & (others[beside] > 0) & (tracks[beside] > 0)
            found.append(distinct_pairs(pieces[at][touch], others[beside][touch]))
    piece, other = distinct_pairs(*np.concatenate(found).T).T
    return np.stack([piece, track_of[piece], other], axis=1)


def _alone(tracks: Regions, others: Regions, kind: ErrorKind) -> Iterator[ErrorPlace]:
    """Yield the middle of each track that no other touches."""
    touched = np.zeros(int(tracks.max(initial=0)) + 1, np.bool_)
    touched[tracks[others > 0]] = True
    has_pixels = np.bincount(tracks.ravel(), minlength=len(touched)) > 0
    ids = np.flatnonzero(has_pixels & ~touched)
    for row, col in _middles(tracks, ids[ids > 0].tolist()).values():
        yield ErrorPlace(kind, row, col)


def _middles(regions: Regions, ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Return of each region the pixel (row, col) of it that is nearest to its centre."""
    boxes = ndimage.find_objects(regions)
    middles = {}
    for region in ids:
        rows, cols = boxes[region - 1]
        pixels = np.argwhere(regions[rows, cols] == region)
        distances = ((pixels - pixels.mean(axis=0)) ** 2).sum(axis=1)
        row, col = pixels[int(distances.argmin())].tolist()
        middles[region] = (row + rows.start, col + cols.start)
    return middles
