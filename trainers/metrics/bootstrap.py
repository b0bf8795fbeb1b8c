"""How far a score would move with other images: percentile bootstrap intervals.

Source: Efron and Tibshirani 1993, "An introduction to the bootstrap", section 13.3. Images
are drawn with replacement, as many as there are; a resample is told by how often each image
is in it, because all statistics here are functions of such counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

Weights = npt.NDArray[np.int64]

LEVEL = 0.95
NUM_RESAMPLES = 1000
SEED = 0


class Interval(NamedTuple):
    """Both ends of a 95 % interval."""

    low: float
    high: float


def resamples(num_images: int, *, num: int = NUM_RESAMPLES, seed: int = SEED) -> Weights:
    """Return how often each image is drawn in each resample, int64 (num, num_images).

    Each row adds up to `num_images`. The same seed gives the same rows: two models scored on
    the same images are resampled alike.
    """
    if num_images < 1:
        raise ValueError(f"expected at least one image, got {num_images}")
    shares = np.full(num_images, 1 / num_images)
    return np.random.default_rng(seed).multinomial(num_images, shares, size=num)


def percentile_interval(
    values: npt.NDArray[np.float64], *, level: float = LEVEL
) -> Interval | None:
    """Return the central share `level` of the statistic's values over the resamples.

    NaN stands for a resample in which the statistic is not defined (an average precision
    without objects) and is left out; None if nothing is left.
    """
    defined = values[~np.isnan(values)]
    if not defined.size:
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def interval_of(
    statistic: Callable[[Weights], float], weights: Weights, *, level: float = LEVEL
) -> Interval | None:
    """Return the interval of a statistic of image counts, int64 (num_images,); NaN if undefined.

    None with fewer than two images: one image does not say how images differ.
    """
    if weights.shape[1] < 2:
        return None
    return percentile_interval(np.array([statistic(row) for row in weights]), level=level)
