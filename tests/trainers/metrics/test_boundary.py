from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist
from skimage.segmentation import find_boundaries

from trainers.metrics.boundary import boundary, boundary_counts, boundary_f

if TYPE_CHECKING:
    from numpy.typing import NDArray

masks = arrays(np.bool_, (9, 11))
BLANK, FULL = np.zeros((9, 11), np.bool_), np.ones((9, 11), np.bool_)


def bar(start: int, stop: int) -> NDArray[np.bool_]:
    mask = np.zeros((32, 32), np.bool_)
    mask[:, start:stop] = True
    return mask


@given(masks)
def test_outlines_are_those_of_scikit_image(mask: NDArray[np.bool_]) -> None:
    expected = find_boundaries(mask, mode="inner", connectivity=2, background=0) & mask
    np.testing.assert_array_equal(boundary(mask), expected)


@given(masks, masks, st.sampled_from([1.0, 1.5, 2.0, 3.0]))
def test_the_score_is_that_of_all_pairs_of_outline_pixels(
    preds: NDArray[np.bool_], target: NDArray[np.bool_], tolerance_px: float
) -> None:
    counts = boundary_counts(preds, target, tolerance_px=tolerance_px)
    found, wanted = np.argwhere(boundary(preds)), np.argwhere(boundary(target))
    if not len(found) or not len(wanted):
        expected = float(len(found) == len(wanted) and bool((preds == target).all()))
    else:
        near = cdist(found, wanted) <= tolerance_px
        precision, recall = near.any(axis=1).mean(), near.any(axis=0).mean()
        both = precision + recall
        expected = 2 * precision * recall / both if both else 0.0
    assert boundary_f(counts) == pytest.approx(expected)


@given(masks)
def test_a_mask_agrees_with_itself(mask: NDArray[np.bool_]) -> None:
    assert boundary_f(boundary_counts(mask, mask, tolerance_px=0.0)) == 1.0


@given(masks, masks)
def test_both_directions_give_the_same_score(
    preds: NDArray[np.bool_], target: NDArray[np.bool_]
) -> None:
    one, other = boundary_counts(preds, target), boundary_counts(target, preds)
    assert boundary_f(one) == pytest.approx(boundary_f(other))


def test_blank_and_full_masks_follow_the_stated_rule() -> None:
    assert boundary_f(boundary_counts(BLANK, BLANK)) == 1.0
    assert boundary_f(boundary_counts(FULL, FULL)) == 1.0
    assert boundary_f(boundary_counts(FULL, BLANK)) == 0.0
    assert boundary_f(boundary_counts(bar(3, 9)[:9, :11], BLANK)) == 0.0


@pytest.mark.parametrize(("shift", "expected"), [(0, 1.0), (2, 1.0), (3, 0.0)])
def test_a_shift_up_to_the_tolerance_costs_nothing(shift: int, expected: float) -> None:
    counts = boundary_counts(bar(10 + shift, 40), bar(10, 40), tolerance_px=2.0)
    assert boundary_f(counts) == expected


def test_ignored_pixels_decide_nothing() -> None:
    ignore = np.zeros((32, 32), np.bool_)
    ignore[:, 16:] = True
    same_left = boundary_counts(bar(4, 20), bar(4, 30) & ~ignore, ignore=ignore)
    assert boundary_f(same_left) == 1.0
    assert boundary_f(boundary_counts(bar(20, 25), bar(0, 0), ignore=ignore)) == 1.0


def test_unequal_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="equal shapes"):
        boundary_counts(BLANK, BLANK.T)
