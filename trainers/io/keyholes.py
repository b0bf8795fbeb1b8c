"""Holes and separate parts in a single outline, for formats that have one polygon an object.

A bridge of no width is walked there and back: to the edge of a hole, round it, and back on the
same way. Programs that fill by the even-odd or the winding rule see the hole and not the
bridge; programs that also draw the outline itself show a line one pixel wide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainers.io.polygons import TracedPart, trace_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trainers.io.runs import BoolArray, IntArray


def outlines_with_holes(mask: BoolArray, origin_xy: tuple[int, int] = (0, 0)) -> list[IntArray]:
    """Return one outline for each part of `mask`, bool (H, W), with bridges to its holes.

    Outlines are ints (N, 2), x, y on the edges of pixels, and not closed: the last corner is
    followed by the first. Filled by `polygons.rasterize` they give exactly the mask.
    """
    return [with_bridges(part) for part in trace_parts(mask, origin_xy)]


def with_bridges(part: TracedPart) -> IntArray:
    """Return the outline of a part with a level bridge to each of its holes.

    The bridge leaves the upper end of the hole's leftmost edge to the left and ends at the next
    edge, the outline's or that of a hole further left: so it lies within the object.
    """
    if not part.holes:
        return part.outer
    firsts = [_leftmost(hole) for hole in part.holes]
    holes = [np.roll(hole, -first, axis=0) for hole, first in zip(part.holes, firsts, strict=True)]
    rings = [part.outer, *(np.concatenate([hole, hole[:1]]) for hole in holes)]
    return np.concatenate(list(_walk(rings, _feet(rings))))


def joined(outlines: Sequence[IntArray]) -> IntArray:
    """Return one outline that visits all of these from left to right.

    Each is joined to the one before by a bridge between their nearest corners.
    """
    from scipy.spatial import cKDTree

    ring, *others = sorted(outlines, key=lambda each: tuple(each[_leftmost(each)]))
    before, start = ring, 0
    for other in others:
        distances, nearest = cKDTree(before).query(other)
        there = int(np.argmin(distances))
        here = start + int(nearest[there])
        before = np.concatenate([other[there:], other[: there + 1]])
        ring = np.concatenate([ring[: here + 1], before, ring[here:]])
        start = here + 1
    return ring


class _Foot(NamedTuple):
    """Where a bridge ends: on the edge after a corner of a ring, and to which hole it leads."""

    corner: int
    distance: int
    point: IntArray
    hole: int


def _leftmost(ring: IntArray) -> int:
    """Return the index of the leftmost corner, the highest of several."""
    return int(np.lexsort((ring[:, 1], ring[:, 0]))[0])


def _feet(rings: Sequence[IntArray]) -> dict[int, list[_Foot]]:
    """Return the feet on each ring, in the order in which a walk along the ring meets them."""
    edges = _unit_edges(rings)
    order = np.lexsort((edges[:, 0], edges[:, 1]))
    rows = edges[order, 1]
    feet: dict[int, list[_Foot]] = {}
    for hole, ring in enumerate(rings[1:], start=1):
        x, y = (int(value) for value in ring[0])
        low, high = np.searchsorted(rows, [y, y + 1])
        level = edges[order[low:high]]
        foot_x, _, target, corner = level[np.searchsorted(level[:, 0], x) - 1].tolist()
        distance = abs(y - int(rings[target][corner, 1]))
        foot = _Foot(corner, distance, np.array([[foot_x, y]], dtype=np.int64), hole)
        feet.setdefault(target, []).append(foot)
    return {target: sorted(some, key=lambda foot: foot[:2]) for target, some in feet.items()}


def _unit_edges(rings: Sequence[IntArray]) -> IntArray:
    """Return all upright edges cut to one pixel: ints (N, 4), x, upper y, ring and corner."""
    found = []
    for number, ring in enumerate(rings):
        following = np.roll(ring, -1, axis=0)
        corners = np.flatnonzero(ring[:, 1] != following[:, 1])
        upper = np.minimum(ring[corners, 1], following[corners, 1])
        lengths = np.abs(ring[corners, 1] - following[corners, 1])
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        columns = (ring[corners, 0], upper, np.full_like(corners, number), corners)
        cut = np.stack([np.repeat(column, lengths) for column in columns], axis=1)
        cut[:, 1] += offsets
        found.append(cut)
    return np.concatenate(found)


def _walk(rings: Sequence[IntArray], feet: Mapping[int, Sequence[_Foot]]) -> Iterator[IntArray]:
    """Walk the first ring, and at each foot over the bridge, round the hole and back."""
    stack = [_pieces(rings[0], feet.get(0, ()))]
    while stack:
        piece = next(stack[-1], None)
        if piece is None:
            stack.pop()
        elif isinstance(piece, int):
            stack.append(_pieces(rings[piece], feet.get(piece, ())))
        else:
            yield piece


def _pieces(ring: IntArray, feet: Sequence[_Foot]) -> Iterator[IntArray | int]:
    """Walk a ring: its corners, at each foot the foot, the number of the hole, the foot again."""
    start = 0
    for foot in feet:
        yield ring[start : foot.corner + 1]
        start = foot.corner + 1
        yield foot.point
        yield foot.hole
        yield foot.point
    yield ring[start:]
