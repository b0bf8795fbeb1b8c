"""COCO mask average precision of objects found one by one.

Objects are matched by pycocotools, one image at a time, and only the outcome is kept: score,
right or wrong at each IoU threshold. The accumulation over images is that of pycocotools
too, but takes weights, so that a resample of the images costs no new matching.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask
from pycocotools.cocoeval import COCOeval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.io.rle import RleMask
    from trainers.metrics.bootstrap import Weights

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_THRESHOLDS = np.linspace(0.0, 1.0, 101)
_ALL_AREAS = (0.0, 1e10)
_IMAGE, _CLASS = 1, 1
_CHUNK = 1000
"""Detections whose IoUs are computed at once: noise may give very many."""


class Found(NamedTuple):
    """One object of a prediction (`score` 0..1)."""

    mask: RleMask
    score: float


class Precisions(NamedTuple):
    """AP over IoU .50 to .95, at .50 and at .75, each 0..1; NaN where nothing was to be found."""

    ap: float
    ap50: float
    ap75: float


@dataclass(frozen=True, eq=False)
class MatchedImage:
    """Objects of one class in one image, best score first.

    Attributes:
        scores: float64 (D,).
        right: bool (T, D), matched at each of `IOU_THRESHOLDS`.
        wrong: bool (T, D), not matched; a detection in ignored pixels is neither.
        num_wanted: true objects.
    """

    scores: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]
    wrong: npt.NDArray[np.bool_]
    num_wanted: int


def match_image(
    preds: Sequence[Found],
    target: Sequence[RleMask],
    shape_hw: tuple[int, int],
    *,
    ignore: RleMask | None = None,
) -> MatchedImage:
    """Match the objects of one class in one image, greedily by score (Lin et al. 2014, COCO).

    Args:
        preds: what was found, in any order; unlike COCO's 100, all of them count.
        target: the true objects.
        shape_hw: height and width of the image in pixels.
        ignore: pixels that do not count; a detection in them is no mistake (COCO's crowd).

    """
    ranked = sorted(preds, key=lambda found: -found.score)
    codes = [found.mask.to_coco(shape_hw) for found in ranked]
    truths = [_truth(mask, number, shape_hw) for number, mask in enumerate(target, 1)]
    if ignore is not None:
        truths.append(_truth(ignore, len(truths) + 1, shape_hw, iscrowd=1))
    right = np.zeros((len(IOU_THRESHOLDS), len(ranked)), np.bool_)
    ignored = np.zeros_like(right)
    near_preds, near_truths, ious = _possible_pairs(codes, truths)
    if near_preds.size:
        chosen = [truths[index] for index in near_truths]
        result = _evaluated(near_preds, [ranked[index].score for index in near_preds], chosen, ious)
        ignored[:, near_preds] = result["dtIgnore"] == 1
        right[:, near_preds] = (result["dtMatches"] > 0) & ~ignored[:, near_preds]
    scores = np.array([found.score for found in ranked], np.float64)
    return MatchedImage(scores, right, ~right & ~ignored, len(target))


def _truth(
    mask: RleMask, number: int, shape_hw: tuple[int, int], *, iscrowd: int = 0
) -> dict[str, Any]:
    rle = mask.to_coco(shape_hw)
    # ids from 1: pycocotools takes a match with id 0 for none
    return {"id": number, "segmentation": rle, "iscrowd": iscrowd, "ignore": iscrowd}


def _possible_pairs(
    codes: list[dict[str, Any]], truths: list[dict[str, Any]]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return which detections and truths overlap enough with any other, and their IoUs.

    The rest can never be matched, and matching costs with the product of both numbers.
    """
    if not codes or not truths:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 0))
    masks = [truth["segmentation"] for truth in truths]
    crowd = [truth["iscrowd"] for truth in truths]
    kept, rows = [], []
    for start in range(0, len(codes), _CHUNK):
        part = np.asarray(coco_mask.iou(codes[start : start + _CHUNK], masks, crowd))
        near = np.flatnonzero((part >= IOU_THRESHOLDS[0] - 1e-9).any(axis=1))
        kept.append(near + start)
        rows.append(part[near])
    ious = np.concatenate(rows)
    near_truths = np.flatnonzero((ious >= IOU_THRESHOLDS[0] - 1e-9).any(axis=0))
    return np.concatenate(kept), near_truths, ious[:, near_truths]


def _evaluated(
    numbers: npt.NDArray[np.int64],
    scores: list[float],
    truths: list[dict[str, Any]],
    ious: npt.NDArray[np.float64],
) -> dict[str, Any]:
    """Return what `COCOeval.evaluateImg` says of one image and class.

    Its tables are filled directly: its own loaders print, and read whole data sets.
    """
    found = [
        {"id": int(number) + 1, "score": score, "area": 1.0}
        for number, score in zip(numbers, scores, strict=True)
    ]
    evaluator = COCOeval(iouType="segm")
    evaluator._gts = {(_IMAGE, _CLASS): [{**truth, "area": 1.0} for truth in truths]}  # noqa: SLF001
    evaluator._dts = {(_IMAGE, _CLASS): found}  # noqa: SLF001
    # pycocotools reorders the truths so that ignored ones come last, and these columns alike
    evaluator.ious = {(_IMAGE, _CLASS): ious}
    result: dict[str, Any] = evaluator.evaluateImg(_IMAGE, _CLASS, _ALL_AREAS, len(found))
    return result


def average_precisions(
    images: Sequence[MatchedImage], weights: Weights | None = None
) -> Precisions:
    """Return the average precisions of one class over images, as `COCOeval.accumulate` does.

    `weights`, int64 (num_images,), says how often each image counts; once if left out.
    Empty rule: NaN where there is no true object, however much was found (as COCO).
    """
    return RankedDetections.of(images).precisions(weights)


@dataclass(frozen=True, eq=False)
class RankedDetections:
    """All detections of one class over images, best score first; made once, weighted often.

    Attributes:
        image: int64 (D,), the number of each detection's image.
        right: bool (T, D).
        wrong: bool (T, D).
        num_wanted: int64 (num_images,).
    """

    image: npt.NDArray[np.int64]
    right: npt.NDArray[np.bool_]
    wrong: npt.NDArray[np.bool_]
    num_wanted: npt.NDArray[np.int64]

    @classmethod
    def of(cls, images: Sequence[MatchedImage]) -> RankedDetections:
        """Return the detections of all images; equal scores stay in the order of the images."""
        if not images:
            raise ValueError("expected at least one image")
        scores = np.concatenate([image.scores for image in images])
        order = np.argsort(-scores, kind="mergesort")
        numbers = np.repeat(np.arange(len(images)), [len(image.scores) for image in images])
        return cls(
            numbers[order],
            np.concatenate([image.right for image in images], axis=1)[:, order],
            np.concatenate([image.wrong for image in images], axis=1)[:, order],
            np.array([image.num_wanted for image in images], np.int64),
        )

    @cached_property
    def _hits(self) -> tuple[npt.NDArray[np.int64], ...]:
        """Where the right detections stand, at each threshold: the curve turns only there."""
        return tuple(np.flatnonzero(right) for right in self.right)

    @cached_property
    def _ignored(self) -> tuple[npt.NDArray[np.bool_] | None, ...]:
        """What is neither right nor wrong at each threshold, bool (D,); None for nothing."""
        neither = ~(self.right | self.wrong)
        return tuple(row if row.any() else None for row in neither)

    def precisions(self, weights: Weights | None = None) -> Precisions:
        """Return the average precisions with each image counted `weights` times."""
        counted = np.ones(len(self.num_wanted), np.int64) if weights is None else weights
        num_wanted = int(counted @ self.num_wanted)
        if num_wanted == 0:
            return Precisions(np.nan, np.nan, np.nan)
        times = counted[self.image]
        ranks = np.cumsum(times)
        areas = []
        for hits, ignored in zip(self._hits, self._ignored, strict=True):
            seen = ranks if ignored is None else ranks - np.cumsum(times * ignored)
            areas.append(_area_under_curve(np.cumsum(times[hits]), seen[hits], num_wanted))
        return Precisions(float(np.mean(areas)), areas[0], areas[5])


def _area_under_curve(
    num_right: npt.NDArray[np.int64], num_seen: npt.NDArray[np.int64], num_wanted: int
) -> float:
    """Return the mean of the precision, made falling, at 101 recalls.

    Both counts, int64, are those after each right detection, best score first.
    """
    precision = num_right / np.maximum(num_seen, 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    positions = np.searchsorted(num_right / num_wanted, RECALL_THRESHOLDS, side="left")
    return float(np.append(falling, 0.0)[positions].mean())


def mean_precisions(by_class: Sequence[Precisions]) -> Precisions:
    """Return the means over the classes that have true objects; NaN if none has."""
    table = np.array(by_class, np.float64)
    defined = table[~np.isnan(table).any(axis=1)]
    return Precisions(*defined.mean(axis=0).tolist()) if len(defined) else Precisions(*[np.nan] * 3)
