"""Where images lie on the map, and which one the mouse means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_icseg.widgets.map_view import KINDS, MapPoints, MapWindow, nearest, unit_places

CORNERS = np.array([[0, 0], [1, 1]], np.float32)
pixels = st.floats(0, 300)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("zoom"), st.floats(0.2, 5), pixels, pixels),
        st.tuples(st.just("move"), st.floats(-400, 400), st.floats(-400, 400)),
        st.tuples(st.just("resize"), st.integers(40, 900), st.integers(40, 900)),
    ),
    max_size=12,
)


def after(window: MapWindow, step: tuple) -> MapWindow:
    name, *values = step
    if name == "zoom":
        return window.zoomed(values[0], (values[1], values[2]))
    return window.moved(*values) if name == "move" else window.resized(*values)


def test_at_first_all_places_are_seen_with_a_margin_around():
    window = MapWindow((300, 500), margin_px=10)
    np.testing.assert_allclose(window.to_px(CORNERS), [[10, 10], [290, 490]])


@settings(max_examples=60, deadline=None)
@given(steps)
def test_whatever_the_user_does_the_map_fills_the_canvas(taken):
    window = MapWindow((300, 500))
    for step in taken:
        window = after(window, step)
    first, last = window.to_px(CORNERS)
    limits = np.array(window.size_px) - window.margin_px
    assert (first <= window.margin_px + 1e-6).all()
    assert (last >= limits - 1e-6).all()
    assert window.zoom >= 1


def test_what_is_under_the_mouse_stays_there_while_zooming():
    place = np.array([[0.4, 0.6]], np.float32)
    window = MapWindow((300, 500))
    at = tuple(window.to_px(place)[0])
    for factor in (1.5, 2.0, 0.5, 3.0):
        window = window.zoomed(factor, at)
        np.testing.assert_allclose(window.to_px(place)[0], at, atol=1e-3)


def test_what_is_in_the_middle_stays_there_when_the_dock_is_resized():
    window = MapWindow((300, 500)).zoomed(4.0, (120.0, 300.0))
    place = (np.array([[150, 250]]) - window.offset_px) / window.scale_px
    np.testing.assert_allclose(window.resized(340, 420).to_px(place)[0], [170, 210], atol=1e-6)


def test_zooming_out_ends_where_everything_is_seen():
    window = MapWindow((300, 500)).zoomed(8.0, (10.0, 10.0)).zoomed(0.001, (200.0, 400.0))
    assert window == MapWindow((300, 500))


def test_the_nearest_point_within_reach_is_meant_and_of_equal_ones_the_one_on_top():
    places = np.array([[10, 10], [30, 10], [30, 10]], float)
    assert nearest(places, (12, 11), 5) == 0
    assert nearest(places, (31, 10), 5) == 2
    assert nearest(places, (20, 60), 5) is None
    assert nearest(places[:0], (0, 0), 5) is None


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([[-2, 5], [2, 10], [0, 7.5]], [[0, 0], [1, 1], [0.5, 0.5]]),
        ([[3, 1], [3, 2]], [[0.5, 0], [0.5, 1]]),
        ([[7, 7]], [[0.5, 0.5]]),
        ([], np.zeros((0, 2))),
    ],
)
def test_places_are_stretched_to_the_whole_map(places, expected):
    found = unit_places(np.array(places, np.float32).reshape(-1, 2))
    np.testing.assert_allclose(found, expected)


def test_images_are_counted_by_status():
    kinds = np.array([KINDS.index("blank"), KINDS.index("waiting"), KINDS.index("blank")], np.uint8)
    counts = MapPoints(np.arange(3), np.zeros((3, 2), np.float32), kinds).counts()
    assert counts["blank"] == 2
    assert counts["waiting"] == 1
    assert counts["labelled"] == 0
