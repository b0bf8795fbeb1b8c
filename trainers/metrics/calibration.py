"""Whether a model's scores mean what they say.

Source: the expected calibration error of Guo et al. 2017, "On Calibration of Modern Neural
Networks", section 2, equation 3, adapted to regression: a candidate's score is the IoU that
the model expects of it, so the mean true IoU takes the place of the accuracy of a bin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import isotonic_regression

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

NUM_BINS = 10


@dataclass(frozen=True)
class CalibrationBin:
    """The candidates whose score lies in [low, high), the last bin with its end.

    `score` and `iou` are means, 0..1; None in an empty bin.
    """

    low: float
    high: float
    num: int
    score: float | None
    iou: float | None


def calibration_bins(
    scores: ArrayLike, ious: ArrayLike, *, num_bins: int = NUM_BINS
) -> tuple[CalibrationBin, ...]:
    """Return the bins of equal width in which scores are compared with what came.

    Args:
        scores: (N,), the IoU expected, 0..1.
        ious: (N,), the true IoU of the same masks, 0..1.
        num_bins: at least 1.

    Raises:
        ValueError: different lengths, or a value that is not within 0..1.
    """
    expected, true = _checked("scores", scores), _checked("ious", ious)
    if len(expected) != len(true):
        raise ValueError(f"Expected as many ious as scores, got {len(true)} and {len(expected)}.")
    index = np.minimum((expected * num_bins).astype(int), num_bins - 1)
    return tuple(
        _bin(
            number / num_bins,
            (number + 1) / num_bins,
            expected[index == number],
            true[index == number],
        )
        for number in range(num_bins)
    )


def expected_calibration_error(
    scores: ArrayLike, ious: ArrayLike, *, num_bins: int = NUM_BINS
) -> float:
    """Return the mean over all masks of |mean score - mean IoU| of the mask's bin, 0..1.

    Args and errors as `calibration_bins`; empty bins count nothing.

    Raises:
        ValueError: also if there is no mask at all.
    """
    bins = calibration_bins(scores, ious, num_bins=num_bins)
    total = sum(each.num for each in bins)
    if not total:
        raise ValueError("Expected at least one mask; there is none.")
    return (
        sum(
            each.num * abs(each.score - each.iou)
            for each in bins
            if each.score is not None and each.iou is not None
        )
        / total
    )


@dataclass(frozen=True)
class ScoreCurve:
    """From the score that a model gives to the IoU that is to be expected, both 0..1.

    Attributes:
        score: rising, at least one.
        iou: as many, never falling; in between is interpolated, beyond the ends is constant.

    Raises:
        ValueError: the numbers are no such curve.
    """

    score: tuple[float, ...]
    iou: tuple[float, ...]

    def __post_init__(self) -> None:
        scores, ious = _checked("scores", self.score), _checked("ious", self.iou)
        same_number = len(scores) == len(ious) > 0
        if not same_number or (np.diff(scores) <= 0).any() or (np.diff(ious) < 0).any():
            raise ValueError("Expected rising scores and as many ious that never fall.")

    def __call__(self, score: float) -> float:
        """Return the IoU to be expected of a mask with this score."""
        return float(np.interp(score, self.score, self.iou))


def fit_curve(scores: ArrayLike, ious: ArrayLike, *, num_knots: int = 16) -> ScoreCurve:
    """Return the rising curve that fits best (isotonic regression, least squares).

    Source: Zadrozny and Elkan 2002, "Transforming classifier scores into accurate multiclass
    probability estimates", section 3.2.

    Args:
        scores: (N,), given by the model, 0..1.
        ious: (N,), the true IoU of the same masks, 0..1.
        num_knots: points of the curve: quantiles of the scores.

    Raises:
        ValueError: no mask, different lengths, or a value that is not within 0..1.
    """
    expected, true = _checked("scores", scores), _checked("ious", ious)
    if len(expected) != len(true) or not len(expected):
        raise ValueError(f"Expected masks, and as many ious as scores, got {len(true)}.")
    order = np.argsort(expected, kind="stable")
    fitted = isotonic_regression(true[order]).x
    groups = np.array_split(np.arange(len(order)), min(num_knots, len(order)))
    knots = [(expected[order][group].mean(), fitted[group].mean()) for group in groups]
    # means of equal numbers differ in their last digits, and equal scores may fill several groups
    rising = {round(float(score), 9): round(float(np.clip(iou, 0, 1)), 9) for score, iou in knots}
    return ScoreCurve(tuple(rising), tuple(rising.values()))


def _bin(
    low: float, high: float, scores: NDArray[np.float64], ious: NDArray[np.float64]
) -> CalibrationBin:
    if not len(scores):
        return CalibrationBin(low, high, 0, None, None)
    return CalibrationBin(low, high, len(scores), float(scores.mean()), float(ious.mean()))


def _checked(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64).reshape(-1)
    if not ((array >= 0) & (array <= 1)).all():
        raise ValueError(f"Expected {name} within 0..1, got {array.min()} to {array.max()}.")
    return array
