from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_icseg.prompting.fitting import BOX_SLACK_PX, fitted, may_grow
from napari_icseg.prompting.protocol import Candidate, PaintedStroke, Prompts
from napari_icseg.prompting.windows import Window, WindowGrid
from trainers.io.rle import RleMask

HW = (24, 30)
ALL = (Window(0, 0, *HW),)
NO_POINTS = np.zeros((0, 2), np.float32)
MASKS = arrays(bool, HW, elements=st.booleans()).filter(np.any)


def area(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(HW, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def candidate(mask: np.ndarray, *, is_cut: bool = False) -> Candidate:
    return Candidate(RleMask.from_mask(mask), 0.9, "net", is_cut)


def fit(mask: np.ndarray, prompts: Prompts, windows=ALL) -> np.ndarray:
    found = fitted([candidate(mask)], prompts, windows)
    return found[0].mask.to_mask(HW) if found else np.zeros(HW, bool)


def stroke(mask: np.ndarray, *, is_positive: bool) -> PaintedStroke:
    return PaintedStroke(RleMask.from_mask(mask), is_positive)


def test_clicks_alone_leave_the_model_its_word():
    answer = (candidate(area(2, 2, 9, 9), is_cut=True),)
    assert fitted(answer, Prompts([[3, 3]], [1]), ALL) == answer


@settings(max_examples=60)
@given(MASKS, MASKS, MASKS)
def test_strokes_are_inside_or_outside_whatever_the_model_says(mask, inside, outside):
    strokes = (stroke(inside, is_positive=True), stroke(outside, is_positive=False))
    fit_mask = fit(mask, Prompts([[3, 3]], [1], strokes=strokes))
    assert np.array_equal(fit_mask, (mask | inside) & ~outside)


def test_the_later_of_two_strokes_counts():
    both = area(4, 4, 8, 8)
    strokes = (stroke(both, is_positive=False), stroke(both, is_positive=True))
    assert fit(area(0, 0, 9, 9), Prompts([[1, 1]], [1], strokes=strokes))[4:8, 4:8].all()


def test_a_box_cuts_off_what_leaks_out_of_it():
    leaking = area(10, 0, 14, 30)
    prompts = Prompts(NO_POINTS, [], box_xyxy=[10, 8, 19, 16])
    slack = BOX_SLACK_PX
    assert np.array_equal(fit(leaking, prompts), area(10, 10 - slack, 14, 20 + slack))


def test_a_click_beyond_the_box_takes_its_edge_away():
    leaking = area(10, 0, 14, 30)
    prompts = Prompts([[28, 12]], [1], box_xyxy=[10, 8, 19, 16])
    assert np.array_equal(fit(leaking, prompts), leaking)


def test_a_mask_beside_the_box_is_no_candidate():
    prompts = Prompts(NO_POINTS, [], box_xyxy=[20, 18, 25, 22])
    assert fitted([candidate(area(0, 0, 5, 5))], prompts, ALL) == ()


@settings(max_examples=80)
@given(MASKS, MASKS, st.integers(0, 23), st.integers(0, 29), st.booleans())
def test_a_correction_changes_only_the_piece_under_the_click(old, new, row, col, is_positive):
    prompts = Prompts([[col, row]], [int(is_positive)], mask=RleMask.from_mask(old))
    fit_mask = fit(new, prompts)
    changed = fit_mask != old
    assert not (changed & ~((new & ~old) if is_positive else (old & ~new))).any()
    pieces, _ = ndimage.label(changed, np.ones((3, 3)))
    near = pieces[max(0, row - 1) : row + 2, max(0, col - 1) : col + 2]
    assert set(np.unique(pieces)) <= {0, *np.unique(near)}


def test_a_correction_adds_what_is_missing_and_keeps_what_was_drawn_by_hand():
    drawn = area(2, 2, 6, 10) | area(18, 2, 22, 6)
    prompts = Prompts([[15, 4]], [1], mask=RleMask.from_mask(drawn))
    assert np.array_equal(fit(area(2, 2, 6, 20), prompts), drawn | area(2, 2, 6, 20))


def test_a_correction_leaves_alone_what_the_model_was_not_asked_about():
    wide = area(10, 0, 14, 30)
    prompts = Prompts([[3, 12]], [0], mask=RleMask.from_mask(wide))
    fit_mask = fit(area(10, 8, 14, 12), prompts, (Window(0, 0, 24, 12),))
    assert np.array_equal(fit_mask, area(10, 8, 14, 30))


def test_an_object_stays_where_the_model_sees_nothing():
    drawn = area(2, 2, 6, 10)
    (kept,) = fitted((), Prompts([[3, 3]], [0], mask=RleMask.from_mask(drawn)), ALL)
    assert np.array_equal(kept.mask.to_mask(HW), drawn)


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        (Prompts([[3, 3]], [1]), True),
        (Prompts(NO_POINTS, [], box_xyxy=[1, 1, 9, 9]), False),
        (Prompts(NO_POINTS, [], box_xyxy=[1, 1, 60, 9]), True),
        (Prompts([[3, 3]], [1], mask=RleMask.from_mask(area(0, 0, 4, 4))), False),
    ],
)
def test_only_what_may_lie_beyond_the_windows_is_followed(prompts, expected):
    assert may_grow(prompts, ALL) is expected


def test_corrections_anywhere_on_a_large_object_are_asked_where_they_are():
    large = RleMask.from_mask(np.ones((100, 3000), bool), (450, 20))
    grid = WindowGrid((1000, 4000))
    (window,) = grid.covering(Prompts([[2900, 500]], [0], mask=large))
    assert window.holds(np.array([2900, 500]))
