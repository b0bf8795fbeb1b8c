"""Errors that change the circuit: opens, shorts, false and missing tracks, and vias by centres.

Source: the electrically significant differences (ESD) of Rothaug et al., here on connected
regions of pixels instead of polygons: a predicted track that touches k true tracks is k - 1
shorts, a true track that n predicted ones touch is n - 1 opens, a predicted track that touches
none is false, a true one that none touches is missing. Two regions touch if they share a pixel.
Empty-mask rule: two blank masks have no error, and a track error rate of 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

MIN_AREA_PX = 35
"""Predicted regions below this are dropped, as in the source."""


@dataclass(frozen=True)
class TrackErrors:
    """Counts of one or several tiles; they add up.

    Attributes:
        shorts, opens, false_tracks, missing_tracks: see the module.
        wrong_tracks: true tracks with an open, a short or nothing predicted.
        num_tracks: true tracks.

    """

    shorts: int = 0
    opens: int = 0
    false_tracks: int = 0
    missing_tracks: int = 0
    wrong_tracks: int = 0
    num_tracks: int = 0

    def __add__(self, other: TrackErrors) -> TrackErrors:
        mine, theirs = self.counts, other.counts
        return TrackErrors(*(a + b for a, b in zip(mine, theirs, strict=True)))

    @property
    def counts(self) -> tuple[int, int, int, int, int, int]:
        """All counts in the order of the attributes."""
        return (
            self.shorts,
            self.opens,
            self.false_tracks,
            self.missing_tracks,
            self.wrong_tracks,
            self.num_tracks,
        )

    @property
    def num_errors(self) -> int:
        """Opens, shorts, false and missing tracks together."""
        return self.shorts + self.opens + self.false_tracks + self.missing_tracks

    @property
    def track_error_rate(self) -> float:
        """Share of the true tracks with any error; 0 without a true track."""
        return self.wrong_tracks / self.num_tracks if self.num_tracks else 0.0


def track_errors(
    preds: Mask, target: Mask, *, min_area_px: int = MIN_AREA_PX, border_px: int = 0
) -> TrackErrors:
    """Count the electrical errors of a predicted mask, bool (H, W), against the true one.

    Args:
        preds: predicted conductor; regions are 8-connected.
        target: true conductor of the same shape.
        min_area_px: smaller predicted regions are dropped; true ones never are.
        border_px: width of a frame in which nothing counts (the source ignores 35 px of its
            large images, because tracks are cut there). Regions are formed before it is cut.

    Raises:
        ValueError: the shapes differ.

    """
    if preds.shape != target.shape:
        raise ValueError(f"Expected masks of one shape, got {preds.shape} and {target.shape}.")
    return errors_of(regions_of(preds, min_area_px), regions_of(target, 0), border_px=border_px)


def errors_of(
    found: npt.NDArray[np.int32], true: npt.NDArray[np.int32], *, border_px: int = 0
) -> TrackErrors:
    """Count the errors of regions as `regions_of` gives them, int32 (H, W); see `track_errors`."""
    inner = np.s_[border_px : found.shape[0] - border_px, border_px : found.shape[1] - border_px]
    found, true = found[inner], true[inner]
    found_ids, true_ids = _ids(found), _ids(true)
    both = (found > 0) & (true > 0)
    pairs = distinct_pairs(found[both], true[both])
    per_found = _count(pairs[:, 0], found_ids)
    per_true = _count(pairs[:, 1], true_ids)
    shorted = found_ids[per_found > 1]
    in_short = np.unique(pairs[np.isin(pairs[:, 0], shorted), 1])
    wrong = (per_true != 1) | np.isin(true_ids, in_short)
    return TrackErrors(
        shorts=int(np.maximum(per_found - 1, 0).sum()),
        opens=int(np.maximum(per_true - 1, 0).sum()),
        false_tracks=int(np.count_nonzero(per_found == 0)),
        missing_tracks=int(np.count_nonzero(per_true == 0)),
        wrong_tracks=int(np.count_nonzero(wrong)),
        num_tracks=len(true_ids),
    )


@dataclass(frozen=True)
class ViaScore:
    """Matched, false and missing vias of one or several tiles; they add up."""

    matched: int = 0
    false: int = 0
    missing: int = 0

    def __add__(self, other: ViaScore) -> ViaScore:
        return ViaScore(
            self.matched + other.matched, self.false + other.false, self.missing + other.missing
        )

    @property
    def precision(self) -> float:
        """Share of the predicted vias that are true; 1 without a predicted one."""
        predicted = self.matched + self.false
        return self.matched / predicted if predicted else 1.0

    @property
    def recall(self) -> float:
        """Share of the true vias that were found; 1 without a true one."""
        true = self.matched + self.missing
        return self.matched / true if true else 1.0

    @property
    def f_score(self) -> float:
        """Harmonic mean of both; 1 where there is no via and none is predicted."""
        total = 2 * self.matched + self.false + self.missing
        return 2 * self.matched / total if total else 1.0


def via_score(
    preds: Mask, target: Mask, *, max_distance_px: float, min_area_px: int = 0
) -> ViaScore:
    """Match predicted and true vias by their centres, one to one, the most pairs first.

    Args:
        preds: predicted vias, bool (H, W).
        target: true vias of the same shape.
        max_distance_px: centres further apart do not match; a via's radius is a good choice.
        min_area_px: smaller predicted regions are dropped.

    """
    found, true = _centres(preds, min_area_px), _centres(target, 0)
    if not len(found) or not len(true):
        return ViaScore(0, len(found), len(true))
    distances = cdist(found, true)
    too_far = max_distance_px * (1 + len(found) + len(true)) + 1
    cost = np.where(distances <= max_distance_px, distances, too_far)
    rows, cols = linear_sum_assignment(cost)
    matched = int(np.count_nonzero(cost[rows, cols] <= max_distance_px))
    return ViaScore(matched, len(found) - matched, len(true) - matched)


def regions_of(mask: Mask, min_area_px: int = MIN_AREA_PX) -> npt.NDArray[np.int32]:
    """Return the number of the 8-connected region of each pixel, int32 (H, W), 0 outside.

    Smaller regions are left out.
    """
    num, ids, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = np.ones(num, dtype=np.bool_)
    keep[1:] = stats[1:, cv2.CC_STAT_AREA] >= min_area_px
    return np.where(keep[ids], ids, 0).astype(np.int32)


def _centres(mask: Mask, min_area_px: int) -> npt.NDArray[np.float64]:
    """Return the centres (x, y) of the regions, float64 (N, 2)."""
    _, _, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return np.asarray(centres[1:][stats[1:, cv2.CC_STAT_AREA] >= min_area_px], dtype=np.float64)


def distinct_pairs(
    first: npt.NDArray[np.int32], second: npt.NDArray[np.int32]
) -> npt.NDArray[np.int64]:
    """Return the distinct pairs of two arrays (N,) of numbers from 0 on, sorted, int64 (M, 2).

    As single numbers: sorting rows takes 25 times as long and lets no other thread run.
    """
    base = int(second.max(initial=0)) + 1
    keys = np.unique(first.astype(np.int64) * base + second)
    return np.stack(np.divmod(keys, base), axis=1)


def _ids(regions: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    return np.flatnonzero(np.bincount(regions.ravel())[1:]) + 1


def _count(members: npt.NDArray[np.int64], ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return how often each of the sorted `ids` occurs in `members`."""
    places = np.searchsorted(ids, members)
    return np.bincount(places, minlength=len(ids)).astype(np.int64)
