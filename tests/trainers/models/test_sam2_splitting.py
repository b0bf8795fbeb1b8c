from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.metrics.clicks import Click
from trainers.models.sam2.splitting import split_at_clicks


def two_blobs(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Two squares joined by a bridge that the model doubts at its middle column."""
    piece = np.zeros((side, 2 * side), dtype=bool)
    piece[side // 4 : -side // 4, side // 4 : -side // 4] = True
    middle = slice(side - side // 4, side + side // 4)
    piece[:, middle] = False
    piece[side // 2 : side // 2 + side // 8, middle] = True
    columns = np.abs(np.arange(2 * side) - side).astype(np.float32)
    logits = np.where(piece, 1 + columns, np.float32(-5)).astype(np.float32)
    return piece, logits


# the larger one is cut on a coarser grid
@pytest.mark.parametrize("side", [64, 600])
def test_the_cut_lies_where_the_model_is_least_sure(side):
    piece, logits = two_blobs(side)
    wanted, unwanted = Click(side // 2, side // 2, True), Click(side + side // 2, side // 2, False)
    kept = split_at_clicks(piece, logits, [wanted, unwanted])
    expected = piece.copy()
    expected[:, side:] = False
    assert (kept != expected).sum() <= 0.01 * piece.sum()
    assert not (kept & ~piece).any()


def test_without_a_negative_click_inside_nothing_is_cut():
    piece, logits = two_blobs(64)
    clicks = [Click(32, 32, True), Click(96, 32, True), Click(0, 0, False)]
    assert split_at_clicks(piece, logits, clicks) is piece


def test_without_a_positive_click_inside_nothing_is_cut():
    piece, logits = two_blobs(64)
    clicks = [Click(0, 0, True), Click(96, 32, False)]
    assert split_at_clicks(piece, logits, clicks) is piece


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_clicks_end_up_on_their_side_and_nothing_is_added(data):
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    logits = rng.normal(1, 1, (24, 30)).astype(np.float32)
    piece = logits > 0
    rows, cols = np.nonzero(piece)
    picks = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=2, max_size=6, unique=True))
    clicks = [Click(int(cols[p]), int(rows[p]), i % 2 == 0) for i, p in enumerate(picks)]
    kept = split_at_clicks(piece, logits, clicks)
    assert not (kept & ~piece).any()
    assert all(kept[click.y, click.x] == click.positive for click in clicks)
