"""The expected calibration error against a plain loop over the definition."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.metrics.calibration import calibration_bins, expected_calibration_error

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
