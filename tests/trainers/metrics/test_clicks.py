"""The simulated annotator clicks where the protocol says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt, label

from trainers.metrics.clicks import next_click

masks = arrays(bool, (24, 31))


def test_no_click_where_the_masks_agree():
    mask = np.eye(9, dtype=bool)
    assert next_click(mask, mask.copy()) is None


def test_a_missed_square_is_clicked_in_its_centre():
    target = np.zeros((40, 40), bool)
    target[10:21, 5:16] = True
    click = next_click(np.zeros_like(target), target)
    assert (click.x, click.y, click.positive) == (10, 15, True)


def test_the_deeper_of_two_errors_is_clicked_and_is_negative_outside_the_target():
    target = np.zeros((40, 40), bool)
    target[2:5, 2:5] = True
    preds = np.zeros_like(target)
    preds[20:35, 20:35] = True
    click = next_click(preds, target)
    assert (click.x, click.y, click.positive) == (27, 27, False)


@given(masks, masks, st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_a_click_lies_on_an_error_and_tells_its_true_side(preds, target, jitter, seed):
    click = next_click(preds, target, np.random.default_rng(seed), jitter=jitter)
    if click is None:
        assert (preds == target).all()
    else:
        assert preds[click.y, click.x] != target[click.y, click.x]
        assert click.positive == target[click.y, click.x]


@given(masks)
def test_a_centred_click_is_about_as_deep_as_scipy_finds(target):
    click = next_click(np.zeros_like(target), target)
    if click is None:
        return
    depth = distance_transform_edt(np.pad(target, 1))[1:-1, 1:-1]
    # OpenCV's 3x3 chamfer distance is within 5 % of the Euclidean one
    assert depth[click.y, click.x] >= 0.9 * depth.max()


def test_a_jittered_click_stays_in_the_largest_error():
    target = np.zeros((64, 64), bool)
    target[4:40, 4:40] = True
    target[50:56, 50:56] = True
    regions, _ = label(target)
    rng = np.random.default_rng(1)
    clicks = [next_click(np.zeros_like(target), target, rng, jitter=1.0) for _ in range(40)]
    assert {regions[c.y, c.x] for c in clicks} == {1}
    assert len({(c.x, c.y) for c in clicks}) > 20


@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_the_same_seed_gives_the_same_click(jitter):
    target = np.ones((16, 16), bool)
    first, second = (
        next_click(~target, target, np.random.default_rng(5), jitter=jitter) for _ in range(2)
    )
    assert first == second


def test_no_pixel_is_clicked_twice():
    target = np.zeros((9, 9), bool)
    target[3:6, 2:7] = True
    clicks = []
    while click := next_click(np.zeros_like(target), target, clicked=clicks):
        clicks.append(click)
    assert {(c.y, c.x) for c in clicks} == {(y, x) for y, x in np.argwhere(target).tolist()}
    assert len(clicks) == 15
    assert (clicks[0].x, clicks[0].y) == (4, 4)
