from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_icseg.prompting.protocol import Prompts
from napari_icseg.prompting.windows import (
    MARGIN_PX,
    OVERLAP_PX,
    WINDOW_PX,
    Window,
    WindowGrid,
    localize,
)
from trainers.io.rle import RleMask

SIZES = st.integers(8, 5000)
LARGE_HW = (3536, 4096)


def point(x: float, y: float) -> np.ndarray:
    return np.array([x, y], dtype=np.float32)


@given(height=SIZES, width=SIZES)
def test_windows_cover_the_image_at_native_resolution_and_overlap(height, width):
    grid = WindowGrid((height, width))
    for size, axis in ((height, 0), (width, 1)):
        spans = sorted({((w.top, w.left)[axis], (w.height, w.width)[axis]) for w in grid.windows})
        assert spans[0][0] == 0
        assert sum(spans[-1]) == size
        assert all(extent == min(size, WINDOW_PX) for _, extent in spans)
        for (start, extent), (following, _) in pairwise(spans):
            assert start + extent - following >= OVERLAP_PX


@pytest.mark.parametrize("size", [(8, 8), (256, 256), (1024, 1024), (1000, 30)])
def test_an_image_up_to_the_input_size_is_one_window(size):
    assert WindowGrid(size).windows == (Window(0, 0, *size),)


@given(x=st.floats(0, LARGE_HW[1] - 1), y=st.floats(0, LARGE_HW[0] - 1))
def test_a_click_gets_the_window_whose_centre_is_nearest(x, y):
    grid = WindowGrid(LARGE_HW)
    window = grid.nearest(point(x, y))
    assert window.holds(point(x, y))

    def distance(w: Window) -> float:
        return np.hypot(w.left + w.width / 2 - x, w.top + w.height / 2 - y)

    assert distance(window) == pytest.approx(min(distance(w) for w in grid.windows), abs=1e-3)
    assert distance(grid.around(point(x, y))[0]) == pytest.approx(distance(window), abs=1e-3)


def test_a_correction_within_the_window_stays_in_it():
    grid = WindowGrid(LARGE_HW)
    first = grid.nearest(point(2000, 2000))
    near_edge = point(first.left + first.width - MARGIN_PX - 2, 2000)
    assert grid.nearest(near_edge) != first
    prompts = Prompts([[2000, 2000], near_edge], [1, 1])
    assert grid.covering(prompts) == (first,)


def test_a_positive_click_far_away_takes_a_window_of_its_own():
    prompts = Prompts([[100, 100], [4000, 3500], [2000, 1700]], [1, 1, 0])
    windows = WindowGrid(LARGE_HW).covering(prompts)
    assert len(windows) == 2
    assert windows[0] == Window(0, 0, WINDOW_PX, WINDOW_PX)
    assert windows[1].holds(point(4000, 3500))


def test_without_clicks_the_box_or_the_mask_decides():
    grid = WindowGrid(LARGE_HW)
    box = Prompts([], [], box_xyxy=[3000, 2900, 3200, 3100])
    assert grid.covering(box) == (grid.nearest(point(3100, 3000)),)
    mask = RleMask.from_mask(np.ones((4, 6), dtype=bool), (3000, 3097))
    assert grid.covering(Prompts([], [], mask=mask)) == (grid.nearest(point(3100, 3002)),)


def test_prompts_are_moved_into_the_window_and_back():
    window = Window(100, 200, 50, 60)
    mask = RleMask.from_mask(np.ones((3, 2), dtype=bool), (110, 210))
    prompts = Prompts(
        [[205, 103], [199, 103], [259.4, 149.4]],
        [1, 0, 0],
        box_xyxy=[190, 110, 220, 300],
        mask=mask,
        kind="part",
    )
    local = localize(prompts, window)
    np.testing.assert_allclose(local.points_xy, [[5, 3], [59.4, 49.4]], atol=1e-4)
    assert local.labels.tolist() == [1, 0]
    assert local.box_xyxy.tolist() == [0, 10, 20, 49]
    assert (local.mask.row, local.mask.col) == (10, 10)
    assert local.kind == "part"


@pytest.mark.parametrize("box", [[0, 0, 50, 50], [300, 110, 310, 120]])
def test_a_box_beside_the_window_is_none_of_its_business(box):
    prompts = Prompts([[205, 103]], [1], box_xyxy=box)
    assert localize(prompts, Window(100, 200, 50, 60)).box_xyxy is None


def test_a_mask_beside_the_window_is_none_of_its_business():
    mask = RleMask.from_mask(np.ones((3, 2), dtype=bool), (10, 10))
    assert localize(Prompts([[205, 103]], [1], mask=mask), Window(100, 200, 50, 60)).mask is None


def test_only_an_edge_inside_the_image_cuts_a_mask():
    window, image_hw = Window(0, 0, 100, 100), (100, 300)
    at_border = RleMask.from_mask(np.ones((100, 50), dtype=bool))
    assert not window.cuts(at_border, image_hw)
    at_inner_edge = RleMask.from_mask(np.ones((5, 5), dtype=bool), (40, 95))
    assert window.cuts(at_inner_edge, image_hw)
