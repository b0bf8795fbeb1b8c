"""A click just beyond an edge moves all edges alike, and no further than it must."""

import numpy as np
import pytest

from trainers.metrics.clicks import Click
from trainers.models.sam2.shifting import MARGIN, edge_shift, follow_clicks


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
def test_whenever_the_clicks_on_a_flank_can_be_met_they_are(seed):
    rng = np.random.default_rng(seed)
    columns = np.arange(60, dtype=np.float32)
    logits = np.tile(3 - np.abs(columns - 30) / 3, (20, 1)).astype(np.float32)
    threshold = rng.uniform(-1, 1)
    places = [(int(x), int(rng.integers(20))) for x in rng.integers(16, 44, 5)]
    flanks = [(x, y) for x, y in places if abs(logits[y, x]) < 1.3]
    clicks = [Click(x, y, bool(logits[y, x] > threshold)) for x, y in flanks]
    near = [c for c in clicks if abs(logits[c.y, c.x]) < 0.6]
    shifted = logits + edge_shift(logits, near)
    for click in near:
        assert (shifted[click.y, click.x] > 0) == click.positive


def test_clicks_that_no_threshold_puts_right_bend_the_edge_beside_them():
    logits = cone(7.0)
    clicks = [INSIDE, Click(29, 20, True), Click(66, 20, False), Click(20, 12, True)]
    followed = follow_clicks(logits, clicks)
    assert all((followed[c.y, c.x] > 0) == c.positive for c in clicks)
    assert (follow_clicks(logits, [INSIDE]) == logits).all()


def test_a_missing_object_is_left_to_the_model():
    followed = follow_clicks(cone(7.0), [INSIDE, Click(40, 20, True)])
    assert (followed == cone(7.0)).all()


def test_a_negative_click_on_a_whole_line_or_via_moves_no_edge():
    line = np.full((30, 60), -4.0, np.float32)
    line[10:13] = 3.0
    line[20:26] = 3.0
    for row in (11, 23):
        assert edge_shift(line, [Click(5, 23, True), Click(40, row, False)]) == 0


def test_an_edge_in_the_corner_of_an_image_is_bent_too():
    rows, cols = np.indices((9, 9))
    logits = (3 - np.hypot(rows, cols)).astype(np.float32)
    clicks = [Click(0, 0, True), Click(4, 0, True), Click(0, 2, False)]
    followed = follow_clicks(logits, clicks)
    assert all((followed[c.y, c.x] > 0) == c.positive for c in clicks)
