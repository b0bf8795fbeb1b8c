"""IoU after a number of simulated clicks."""

import numpy as np
import pytest

from trainers.metrics.interactive import iou_by_clicks, mask_iou


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
