"""Whether a model's scores mean what they say.

Source: the expected calibration error of Guo et al. 2017, "On Calibration of Modern Neural
Networks", section 2, equation 3, adapted to regression: a candidate's score is the IoU that
the model expects of it, so the mean true IoU takes the place of the accuracy of a bin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

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
