"""Outlines of several selected objects in one array."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_icseg.controllers.frames import Frame
from napari_icseg.controllers.overlay import SELECTED, Outlines
from trainers.io.rle import RleMask

CROSS = ndimage.generate_binary_structure(2, 1)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_each_object_is_outlined_for_itself_and_nothing_else_is_touched(seed, num):
    rng = np.random.default_rng(seed)
    shape = (24, 30)
    masks = []
    for _ in range(num):
        mask = np.zeros(shape, bool)
        top, left = rng.integers(0, 20), rng.integers(0, 26)
        mask[top : top + rng.integers(1, 12), left : left + rng.integers(1, 12)] = True
        mask &= rng.random(shape) < 0.9
        mask[top, left] = True
        masks.append(mask)
    expected = np.zeros(shape, bool)
    for mask in masks:
        expected |= mask & ~ndimage.binary_erosion(mask, CROSS)
    outlines = Outlines(tuple(RleMask.from_mask(mask) for mask in masks), SELECTED)
    data = np.zeros(shape, np.uint8)
    box = outlines.draw(data, Frame.whole(shape))
    assert np.array_equal(data == SELECTED, expected)
    data[box.slices] = 0
    assert not data.any()
