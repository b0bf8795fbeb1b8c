"""The expected calibration error against a plain loop over the definition."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.metrics.calibration import (
    ScoreCurve,
    calibration_bins,
    expected_calibration_error,
    fit_curve,
)

unit = st.floats(0, 1)
pairs = st.lists(st.tuples(unit, unit), min_size=1, max_size=60)


def ece_by_definition(found, num_bins):
    """Guo et al. 2017, equation 3, with the bins' edges as written there."""
    edges = np.linspace(0, 1, num_bins + 1)
    total = 0.0
    for low, high in pairwise(edges):
        inside = [(s, i) for s, i in found if low <= s < high or (high == 1 and s == 1)]
        if inside:
            gap = abs(sum(s for s, _ in inside) - sum(i for _, i in inside)) / len(inside)
            total += len(inside) / len(found) * gap
    return total


@given(pairs, st.sampled_from([1, 2, 4, 8, 16]))
def test_it_is_the_definition(found, num_bins):
    # numbers of bins whose edges are exact in binary, so that both agree on them
    scores, ious = zip(*found, strict=True)
    expected = ece_by_definition(found, num_bins)
    assert expected_calibration_error(scores, ious, num_bins=num_bins) == pytest.approx(expected)


@given(pairs)
def test_every_mask_falls_into_one_bin(found):
    bins = calibration_bins(*zip(*found, strict=True))
    assert len(bins) == 10
    assert sum(each.num for each in bins) == len(found)
    assert all(each.low <= each.score <= each.high for each in bins if each.num)


def test_bins_weigh_by_their_masks():
    scores, ious = [0.95] * 3 + [0.15], [0.85] * 3 + [0.75]
    assert expected_calibration_error(scores, ious) == pytest.approx((3 * 0.1 + 0.6) / 4)


def test_errors_of_both_signs_in_a_bin_cancel_as_in_the_paper():
    assert expected_calibration_error([0.55, 0.55], [0.45, 0.65]) == pytest.approx(0)


@pytest.mark.parametrize(
    ("scores", "ious", "words"),
    [
        ([], [], "at least one"),
        ([0.5], [0.5, 0.5], "as many"),
        ([1.5], [0.5], "within 0..1"),
        ([float("nan")], [0.5], "within 0..1"),
    ],
)
def test_what_means_nothing_is_refused(scores, ious, words):
    with pytest.raises(ValueError, match=words):
        expected_calibration_error(scores, ious)


@given(pairs)
def test_a_curve_rises_and_answers_every_score_with_an_iou(found):
    curve = fit_curve(*zip(*found, strict=True))
    answers = [curve(score) for score in np.linspace(0, 1, 50)]
    assert all(low <= high + 1e-12 for low, high in pairwise(answers))
    assert answers[0] >= 0
    assert answers[-1] <= 1


def test_a_curve_through_exact_scores_is_the_diagonal():
    scores = np.linspace(0, 1, 400)
    curve = fit_curve(scores, scores)
    np.testing.assert_allclose([curve(s) for s in (0.1, 0.5, 0.9)], [0.1, 0.5, 0.9], atol=1e-3)


def test_scores_that_are_too_low_are_lifted_on_masks_that_were_not_seen():
    rng = np.random.default_rng(0)
    ious = rng.uniform(0.5, 1, 2000)
    scores = np.clip(ious - 0.3 + rng.normal(0, 0.05, 2000), 0, 1)
    curve = fit_curve(scores[:1000], ious[:1000])
    before = expected_calibration_error(scores[1000:], ious[1000:])
    after = expected_calibration_error([curve(s) for s in scores[1000:]], ious[1000:])
    assert before > 0.25
    assert after < 0.02


@pytest.mark.parametrize(
    ("score", "iou"), [((0.5, 0.4), (0.1, 0.2)), ((0.1, 0.2), (0.5, 0.4)), ((0.1,), ()), ((), ())]
)
def test_what_is_no_rising_curve_is_refused(score, iou):
    with pytest.raises(ValueError, match="rising"):
        ScoreCurve(score, iou)


def test_a_curve_needs_masks():
    with pytest.raises(ValueError, match="masks"):
        fit_curve([], [])


def test_means_that_differ_only_by_rounding_make_no_falling_curve():
    scores = np.repeat(np.linspace(0.1, 0.9, 7), 31)
    curve = fit_curve(scores, np.full(len(scores), 0.1 + 0.2))
    assert curve(0.5) == pytest.approx(0.3)
