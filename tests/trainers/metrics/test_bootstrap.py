from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from trainers.metrics.bootstrap import interval_of, percentile_interval, resamples

VALUES = np.random.default_rng(1).beta(6, 2, size=60)


def test_the_interval_of_a_mean_is_that_of_scipy() -> None:
    ours = interval_of(lambda counts: float(counts @ VALUES / 60), resamples(60, num=4000))
    theirs = stats.bootstrap(
        (VALUES,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval
    assert ours is not None
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.003)


def test_it_covers_the_true_mean_about_as_often_as_it_says() -> None:
    rng, hits = np.random.default_rng(0), 0
    weights = resamples(40, num=300)
    for _ in range(200):
        values = rng.normal(0.7, 0.1, 40)
        interval = interval_of(lambda counts, v=values: float(counts @ v / 40), weights)  # type: ignore[misc]
        assert interval is not None
        hits += interval.low <= 0.7 <= interval.high
    assert 0.88 <= hits / 200 <= 0.99


def test_each_resample_has_as_many_images_as_there_are() -> None:
    assert set(resamples(7, num=50).sum(axis=1).tolist()) == {7}


def test_the_same_seed_gives_the_same_resamples() -> None:
    np.testing.assert_array_equal(resamples(9, seed=2), resamples(9, seed=2))
    assert not np.array_equal(resamples(9, seed=2), resamples(9, seed=3))


def test_one_image_has_no_interval() -> None:
    assert interval_of(lambda _counts: 0.5, resamples(1)) is None


def test_undefined_resamples_are_left_out() -> None:
    values = np.array([np.nan, 0.2, 0.4, np.nan])
    interval = percentile_interval(values, level=1.0)
    assert interval == pytest.approx((0.2, 0.4))
    assert percentile_interval(np.full(3, np.nan)) is None
