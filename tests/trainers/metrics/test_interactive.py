"""IoU after a number of simulated clicks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.metrics.interactive import (
    IOU_CLICKS,
    NOC_IOUS,
    click_scores,
    iou_by_clicks,
    mask_iou,
)


@pytest.fixture
def target():
    mask = np.zeros((40, 40), bool)
    mask[5:15, 5:15] = True
    mask[25:37, 20:38] = True
    return mask


def test_a_model_that_segments_one_blob_a_click_needs_two(target):
    blobs = [target & (np.arange(40) < 20)[:, None], target & (np.arange(40) >= 20)[:, None]]

    def segment(clicks):
        return np.any([blob for c in clicks for blob in blobs if blob[c.y, c.x]], axis=0)

    ious = iou_by_clicks(segment, target, num_clicks=4)
    assert ious[0] == pytest.approx(216 / 316)  # the deeper blob first
    assert ious[1:] == [1.0, 1.0, 1.0]


def test_a_model_that_shows_nothing_scores_zero_after_every_click(target):
    shown = np.zeros_like(target)
    assert iou_by_clicks(lambda _clicks: shown, target, num_clicks=3) == [0.0, 0.0, 0.0]


def test_a_wrong_extra_region_is_answered_by_a_negative_click(target):
    seen = []

    def segment(clicks):
        seen[:] = clicks
        return np.ones_like(target)

    iou_by_clicks(segment, target, num_clicks=2)
    assert [click.positive for click in seen] == [True, False]


def test_an_empty_target_is_refused():
    with pytest.raises(ValueError, match="empty"):
        iou_by_clicks(lambda _clicks: None, np.zeros((4, 4), bool), num_clicks=1)


def test_two_empty_masks_agree():
    assert mask_iou(np.zeros((3, 3), bool), np.zeros((3, 3), bool)) == 1.0


def test_an_annotator_stops_when_the_mask_is_good_enough(target):
    num_asked = []

    def segment(clicks):
        num_asked.append(len(clicks))
        return target & (np.arange(40) < 20)[:, None] if len(clicks) == 1 else target

    ious = iou_by_clicks(segment, target, num_clicks=6, enough_iou=0.3)
    assert num_asked == [1]
    assert ious == [pytest.approx(100 / 316)] * 6


def noc_of_ritm(iou_arr, iou_thr, max_clicks=20):
    """`isegm.inference.utils.compute_noc_metric` of the RITM code (MIT), for one target."""
    vals = np.array(iou_arr) >= iou_thr
    return np.argmax(vals) + 1 if np.any(vals) else max_clicks


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=20, max_size=20), min_size=1, max_size=8),
)
def test_noc_is_that_of_the_reference_code(ious_of_targets):
    scores = click_scores(ious_of_targets)
    assert scores.num == len(ious_of_targets)
    for q in NOC_IOUS:
        expected = np.mean([noc_of_ritm(ious, q) for ious in ious_of_targets])
        assert scores.noc[q] == pytest.approx(expected)
        assert scores.num_failures[q] == sum(max(ious) < q for ious in ious_of_targets)
    for k in IOU_CLICKS:
        assert scores.iou[k] == pytest.approx(np.mean([ious[k - 1] for ious in ious_of_targets]))


def test_reaching_an_iou_with_the_last_click_is_no_failure():
    scores = click_scores([[0.0] * 19 + [0.9], [0.0] * 20])
    assert scores.noc[0.9] == 20
    assert scores.num_failures[0.9] == 1


def test_scores_of_no_target_are_refused():
    with pytest.raises(ValueError, match="20 clicks"):
        click_scores([])
