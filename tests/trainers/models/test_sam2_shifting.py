"""A click just beyond an edge moves all edges alike, and no further than it must."""

import numpy as np
import pytest

from trainers.metrics.clicks import Click
from trainers.models.sam2.shifting import MARGIN, NEAR_LOGIT, edge_shift


def cone(radius_px: float) -> np.ndarray:
    """Return logits (41, 81) of two disks of that radius: the signed distance in pixels."""
    rows, cols = np.indices((41, 81))
    distances = [np.hypot(rows - 20, cols - center) for center in (20, 60)]
    return (radius_px - np.minimum(*distances)).astype(np.float32)


INSIDE = Click(20, 20, True)


def test_one_click_on_a_rim_grows_every_disk_to_it():
    logits = cone(7.0)
    shift = edge_shift(logits, [INSIDE, Click(28, 20, True)])
    assert shift == pytest.approx(1.0 + MARGIN)
    grown = logits + shift > 0
    assert grown[20, 28]
    assert grown[20, 68]
    assert not grown[20, 30]


def test_a_negative_click_on_a_rim_shrinks_every_disk():
    logits = cone(7.0)
    shift = edge_shift(logits, [INSIDE, Click(26, 20, False)])
    assert shift == pytest.approx(-1.0 - MARGIN)
    assert not (logits + shift > 0)[20, 66]


def test_clicks_that_are_right_move_nothing():
    assert edge_shift(cone(7.0), [INSIDE, Click(25, 20, True), Click(29, 20, False)]) == 0


def test_a_right_click_is_not_made_wrong():
    logits = cone(7.0)
    clicks = [INSIDE, Click(28, 20, True), Click(20, 30, False)]
    shifted = logits + edge_shift(logits, clicks)
    assert all((shifted[c.y, c.x] > 0) == c.positive for c in clicks)


def test_what_is_missing_altogether_does_not_move_the_edges():
    assert edge_shift(cone(7.0), [INSIDE, Click(40, 20, True)]) == 0


def test_clicks_that_contradict_each_other_are_met_half_way():
    clicks = [INSIDE, Click(29, 20, True), Click(28, 20, False)]
    assert edge_shift(cone(7.0), clicks) == pytest.approx(1.5)


@pytest.mark.parametrize("seed", range(20))
def test_whenever_the_near_clicks_can_be_met_they_are(seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (9, 9)).astype(np.float32)
    threshold = rng.uniform(-1, 1)
    places = rng.integers(0, 9, (5, 2))
    clicks = [Click(int(x), int(y), bool(logits[y, x] > threshold)) for x, y in places]
    shifted = logits + edge_shift(logits, clicks)
    assert abs(edge_shift(logits, clicks)) <= NEAR_LOGIT + MARGIN
    for click in clicks:
        assert (shifted[click.y, click.x] > 0) == click.positive
