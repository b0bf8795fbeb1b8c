"""Collects the outcome of each image, and makes all scores of it, for any weights of images.

What is kept of an image are counts: its confusion matrix, its outlines and the outcome of
matching its objects. Memory does not depend on the size of the images.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainers.data.labels import IGNORE
from trainers.evaluation.records import ImageScore
from trainers.io.rle import RleMask
from trainers.metrics.average_precision import (
    Found,
    MatchedImage,
    Precisions,
    RankedDetections,
    average_precisions,
    match_image,
    mean_precisions,
)
from trainers.metrics.bootstrap import Interval, Weights, percentile_interval, resamples
from trainers.metrics.boundary import TOLERANCE_PX, boundary_counts, boundary_f
from trainers.metrics.segmentation import (
    Counts,
    Ids,
    confusion_matrix,
    dice,
    foreground,
    iou,
    pixel_accuracy,
    precision,
    recall,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainers.evaluation.data import TrueObject
    from trainers.models.base import Instance

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Table:
    """The images side by side; the first axis is the image, the last one the class.

    Attributes:
        counts: int64 (N, C + 1, C + 1).
        by_class: scores, float64 (N, C).
        overall: scores, float64 (N,).
        ranked: detections of each class.
    """

    counts: Counts
    by_class: dict[str, Floats]
    overall: dict[str, Floats]
    ranked: list[RankedDetections]


class ScoreCollector:
    """Takes image by image; then `scores`, `intervals` and `image_scores` answer."""

    def __init__(self, class_names: Sequence[str], *, tolerance_px: float = TOLERANCE_PX) -> None:
        self._class_names, self._tolerance_px = tuple(class_names), tolerance_px
        self._images: list[str] = []
        self._counts: list[Counts] = []
        self._boundary_f: list[list[float]] = []
        self._matched: list[list[MatchedImage]] = []

    def update(
        self,
        image: str,
        preds: Ids,
        target: Ids,
        *,
        found: Sequence[Instance],
        wanted: Sequence[TrueObject],
    ) -> None:
        """Add an image.

        Args:
            image: its name.
            preds: class ids, uint8 (H, W).
            target: the same; pixels of `IGNORE` do not count.
            found: objects of the prediction.
            wanted: objects of the truth.

        """
        self._images.append(image)
        self._counts.append(confusion_matrix(preds, target, len(self._class_names)))
        ignored = target == IGNORE
        self._boundary_f.append(
            [
                boundary_f(
                    boundary_counts(
                        preds == number,
                        target == number,
                        ignore=ignored,
                        tolerance_px=self._tolerance_px,
                    )
                )
                for number in self._numbers
            ]
        )
        crowd = RleMask.from_mask(ignored) if ignored.any() else None
        self._matched.append(
            [
                match_image(
                    [Found(one.mask, one.score) for one in found if one.class_id == number],
                    [one.mask for one in wanted if one.class_id == number],
                    (target.shape[0], target.shape[1]),
                    ignore=crowd,
                )
                for number in self._numbers
            ]
        )

    @property
    def _numbers(self) -> range:
        return range(1, len(self._class_names) + 1)

    def scores(self, weights: Weights | None = None) -> dict[str, float]:
        """Return all scores, 0..1, those of a class as "iou/<class>"; NaN where undefined.

        `iou`, `dice`, `foreground_…` and `boundary_f` are means over images, then over
        classes; `pixel_accuracy`, `precision`, `recall`, the foreground's shares and what
        ends in `_pooled` come from the pixels of all images together; the average precisions
        from the objects of all images. `weights`, int64 (num_images,), says how often each counts.
        """
        table = self._table
        times = np.ones(len(self._images), np.int64) if weights is None else weights
        pooled = np.tensordot(times, table.counts, axes=1)
        by_class = {
            **{name: _mean(times, values) for name, values in table.by_class.items()},
            "iou_pooled": iou(pooled),
            "precision": precision(pooled),
            "recall": recall(pooled),
        }
        aps = [ranked.precisions(times) for ranked in table.ranked]
        overall = mean_precisions(aps)._asdict()
        return {
            "pixel_accuracy": pixel_accuracy(pooled),
            **{name: float(values.mean()) for name, values in by_class.items()},
            **{name: float(_mean(times, values)) for name, values in table.overall.items()},
            **overall,
            "foreground_true": float(pooled[1:].sum() / pooled.sum()),
            "foreground_iou_pooled": float(iou(foreground(pooled))[0]),
            "foreground_predicted": float(pooled[:, 1:].sum() / pooled.sum()),
            **self._named({name: values.tolist() for name, values in by_class.items()}),
            **self._named({name: [getattr(ap, name) for ap in aps] for name in overall}),
        }

    def defined_scores(self) -> dict[str, float]:
        """Return all scores but those that are not defined."""
        return {name: value for name, value in self.scores().items() if not np.isnan(value)}

    def _named(self, by_class: dict[str, list[float]]) -> dict[str, float]:
        return {
            f"{metric}/{name}": value
            for metric, values in by_class.items()
            for name, value in zip(self._class_names, values, strict=True)
        }

    def intervals(
        self, *, progress: Callable[[int, int], None] = lambda _done, _total: None
    ) -> dict[str, Interval]:
        """Return the bootstrap interval of each score; none of a single image."""
        if len(self._images) < 2:
            return {}
        drawn = resamples(len(self._images))
        rows = []
        for number, weights in enumerate(drawn):
            progress(number, len(drawn))
            rows.append(self.scores(weights))
        ends = {
            name: percentile_interval(np.array([row[name] for row in rows])) for name in rows[0]
        }
        return {name: interval for name, interval in ends.items() if interval is not None}

    def image_scores(self) -> tuple[ImageScore, ...]:
        """Return the scores of each image, worst IoU first."""
        scores = [self._image_score(number) for number in range(len(self._images))]
        return tuple(sorted(scores, key=lambda score: (score.iou, score.image)))

    def _image_score(self, number: int) -> ImageScore:
        counts = self._counts[number]
        together = foreground(counts)
        aps = [average_precisions([matched]) for matched in self._matched[number]]
        by_class = {
            "iou": iou(counts),
            "dice": dice(counts),
            "precision": precision(counts),
            "recall": recall(counts),
            "boundary_f": np.array(self._boundary_f[number]),
        }
        return ImageScore(
            image=self._images[number],
            pixel_accuracy=pixel_accuracy(counts),
            foreground_iou=float(iou(together)[0]),
            foreground_dice=float(dice(together)[0]),
            iou=float(by_class["iou"].mean()),
            dice=float(by_class["dice"].mean()),
            precision=float(by_class["precision"].mean()),
            recall=float(by_class["recall"].mean()),
            boundary_f=float(by_class["boundary_f"].mean()),
            **_defined(mean_precisions(aps)),
            per_class={
                name: {
                    **{metric: float(values[index]) for metric, values in by_class.items()},
                    **_defined(aps[index]),
                }
                for index, name in enumerate(self._class_names)
            },
        )

    @cached_property
    def _table(self) -> _Table:
        if not self._images:
            raise ValueError("expected at least one image")
        together = [foreground(counts) for counts in self._counts]
        return _Table(
            counts=np.array(self._counts),
            by_class={
                "iou": np.array([iou(counts) for counts in self._counts]),
                "dice": np.array([dice(counts) for counts in self._counts]),
                "boundary_f": np.array(self._boundary_f),
            },
            overall={
                "foreground_iou": np.array([iou(counts)[0] for counts in together]),
                "foreground_dice": np.array([dice(counts)[0] for counts in together]),
            },
            ranked=[RankedDetections.of(of_class) for of_class in zip(*self._matched, strict=True)],
        )


def _mean(times: Weights, values: Floats) -> Floats:
    """Return the mean over images, the first axis of `values`."""
    return np.asarray(times @ values / times.sum())


def _defined(aps: Precisions) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else value for name, value in aps._asdict().items()}
