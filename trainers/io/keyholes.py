"""Holes and separate parts in a single outline, for formats that have one polygon an object.

A bridge of no width is walked there and back: to the edge of a hole, round it, and back on the
same way. Programs that fill by the even-odd or the winding rule see the hole and not the
bridge; programs that also draw the outline itself show a line one pixel wide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainers.io.polygons import TracedPart, trace_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.io.runs import BoolArray, IntArray


def outlines_with_holes(mask: BoolArray, origin_xy: tuple[int, int] = (0, 0)) -> list[IntArray]:
    """Return one outline for each part of `mask`, bool (H, W), with bridges to its holes.

    Outlines are ints (N, 2), x, y on the edges of pixels, and not closed: the last corner is
    followed by the first. Filled by `polygons.rasterize` they give exactly the mask.
    """
    return [with_bridges(part) for part in trace_parts(mask, origin_xy)]


def with_bridges(part: TracedPart) -> IntArray:
    """Return the outline of a part with a level bridge to each of its holes.

    The bridge leaves the hole's leftmost corner to the left and ends at the first edge, so it
    lies within the object; holes further left are joined before and may be that edge.
    """
    ring = part.outer
    for hole in sorted(part.holes, key=lambda each: tuple(each[_leftmost(each)])):
        first = _leftmost(hole)
        ring = _insert(ring, hole, first)
    return ring


def joined(outlines: Sequence[IntArray]) -> IntArray:
    """Return one outline that visits all of these from left to right.

    Each is joined by a bridge between the nearest two corners.
    """
    from scipy.spatial import cKDTree

    first, *others = sorted(outlines, key=lambda each: tuple(each[_leftmost(each)]))
    ring = first
    for other in others:
        distances, nearest = cKDTree(ring).query(other)
        there = int(np.argmin(distances))
        ring = _spliced(ring, int(nearest[there]), other, there)
    return ring


def _leftmost(ring: IntArray) -> int:
    """Return the index of the leftmost corner, the highest of several."""
    return int(np.lexsort((ring[:, 1], ring[:, 0]))[0])


def _insert(ring: IntArray, hole: IntArray, first: int) -> IntArray:
    """Join a hole to the nearest upright edge of `ring` on the left of the hole's corner."""
    x, y = (int(value) for value in hole[first])
    following = np.roll(ring, -1, axis=0)
    low = np.minimum(ring[:, 1], following[:, 1])
    high = np.maximum(ring[:, 1], following[:, 1])
    meets = (ring[:, 0] == following[:, 0]) & (ring[:, 0] <= x) & (low <= y) & (y <= high)
    edges = np.flatnonzero(meets)
    edge = int(edges[np.argmax(ring[edges, 0])])
    foot = np.array([[ring[edge, 0], y]], dtype=np.int64)
    return _spliced(np.insert(ring, edge + 1, foot, axis=0), edge + 1, hole, first)


def _spliced(ring: IntArray, here: int, other: IntArray, there: int) -> IntArray:
    """Walk `ring` to the corner `here`, all round `other` from `there` on, back, and on."""
    around = np.concatenate([other[there:], other[: there + 1]])
    return np.concatenate([ring[: here + 1], around, ring[here:]])
