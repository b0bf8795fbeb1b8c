from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_icseg.controllers.prompt_drags import box_around
from napari_icseg.controllers.scribbles import MAX_POINTS, Scribble, pixel_path

HW = (50, 70)
POINTS = st.tuples(st.floats(-30, 90), st.floats(-30, 110))


@given(st.lists(POINTS, min_size=1, max_size=12), st.booleans())
def test_whatever_is_scribbled_its_points_are_on_painted_pixels_inside_the_image(path, is_positive):
    scribble = Scribble(pixel_path(path, HW), is_positive, HW)
    painted = scribble.pixels.to_mask(HW)
    assert 1 <= len(scribble.points_rc) <= MAX_POINTS
    assert all(painted[point] for point in scribble.points_rc)
    assert all(painted[corner] for corner in scribble.path_rc)


def test_points_are_evenly_spaced_along_a_bent_stroke():
    scribble = Scribble(((0, 0), (0, 20), (20, 20)), True, HW)
    assert scribble.points_rc == ((0, 5), (0, 15), (5, 20), (15, 20))


@pytest.mark.parametrize(("length", "num"), [(0, 1), (3, 1), (16, 2), (49, 4)])
def test_a_short_stroke_has_fewer_points(length, num):
    assert len(Scribble(((9, 9), (9, 9 + length)), True, HW).points_rc) == num


def test_a_stroke_is_three_pixels_wide_and_cut_at_the_edge():
    painted = Scribble(((0, 10), (0, 30)), True, HW).pixels.to_mask(HW)
    assert painted[:2, 10:31].all()
    assert not painted[3:].any()


@given(POINTS, POINTS)
def test_a_box_holds_the_pixels_of_both_corners(a_rc, b_rc):
    box = box_around(a_rc, b_rc)
    for row, col in np.floor(np.array([a_rc, b_rc]) + 0.5).astype(int):
        assert box.top <= row < box.bottom
        assert box.left <= col < box.right
