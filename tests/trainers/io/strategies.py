"""Masks as they occur and as they hurt: holes, parts, single pixels, touching, full, empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trainers.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainers.io.runs import BoolArray

_SIDES = st.integers(1, 24)


def outcome(read: Callable[[Path], Any], path: Path) -> Any:
    """Return what `read` returns or the DataError it raises; any other error fails the test."""
    try:
        return read(path)
    except DataError as error:
        return error


def shapes() -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(_SIDES, _SIDES)


@st.composite
def _rectangles(draw: st.DrawFn, shape: tuple[int, int]) -> BoolArray:
    """Rectangles drawn and cut out in turn: parts, holes, islands in holes."""
    mask = np.zeros(shape, dtype=np.bool_)
    for value in draw(st.lists(st.booleans(), min_size=1, max_size=6)):
        top, left = draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))
        bottom, right = draw(st.integers(top, shape[0])), draw(st.integers(left, shape[1]))
        mask[top : bottom + 1, left : right + 1] = value
    return mask


@st.composite
def _pixel(draw: st.DrawFn, shape: tuple[int, int]) -> BoolArray:
    mask = np.zeros(shape, dtype=np.bool_)
    mask[draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))] = True
    return mask


def masks_of(shape: tuple[int, int]) -> st.SearchStrategy[BoolArray]:
    """Bool masks of one shape, also empty and full ones."""
    return st.one_of(
        _rectangles(shape),
        _pixel(shape),
        hnp.arrays(np.bool_, shape),
        st.just(np.ones(shape, dtype=np.bool_)),
        st.just(np.zeros(shape, dtype=np.bool_)),
    )


def masks() -> st.SearchStrategy[BoolArray]:
    return shapes().flatmap(masks_of)


def objects() -> st.SearchStrategy[BoolArray]:
    """Masks of at least one pixel."""
    return masks().filter(lambda mask: bool(mask.any()))


def tiles(max_masks: int = 4) -> st.SearchStrategy[tuple[tuple[int, int], list[BoolArray]]]:
    """A shape and the non-empty, possibly touching or overlapping masks of one image."""
    return shapes().flatmap(
        lambda shape: st.tuples(
            st.just(shape),
            st.lists(masks_of(shape).filter(lambda m: bool(m.any())), max_size=max_masks),
        )
    )
