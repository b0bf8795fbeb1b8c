"""Pixel accuracy, IoU, Dice, precision and recall of class ids.

Everything is derived from one confusion matrix an image, so that it can be pooled as wanted.
Class 0 is background and takes part in the pixel accuracy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from trainers.data.labels import IGNORE, labels_from_probs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

Ids = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]


def confusion_matrix(preds: Ids, target: Ids, num_classes: int) -> Counts:
    """Return counts, int64 (C + 1, C + 1): row = target id, column = predicted id.

    Args:
        preds: integers (H, W) or any shape, in 0..num_classes.
        target: the same shape; pixels of `IGNORE` do not count.
        num_classes: foreground classes C.

    Raises:
        ValueError: shapes differ, or an id is out of range.

    """
    if preds.shape != target.shape:
        raise ValueError(f"expected equal shapes, got {preds.shape} and {target.shape}")
    valid = target != IGNORE
    wanted, found = target[valid].astype(np.int64), preds[valid].astype(np.int64)
    size = num_classes + 1
    if wanted.size and max(int(wanted.max()), int(found.max())) > num_classes:
        raise ValueError(f"expected ids in 0..{num_classes}")
    return np.bincount(wanted * size + found, minlength=size * size).reshape(size, size)


def pixel_accuracy(counts: Counts) -> float:
    """Return the share of pixels with the right class, background included, 0..1."""
    return float(np.trace(counts) / counts.sum())


def iou(counts: Counts) -> npt.NDArray[np.float64]:
    """Return intersection over union of each foreground class, float64 (C,), 0..1.

    Source: Jaccard 1912; Everingham et al. 2015 (PASCAL VOC), section 4.3.
    Empty rule: a class in neither prediction nor target scores 1.
    """
    hits, found, wanted = _sums(counts)
    return _ratio(hits, found + wanted - hits, empty=1.0)


def dice(counts: Counts) -> npt.NDArray[np.float64]:
    """Return the Dice coefficient (F1) of each foreground class, float64 (C,), 0..1.

    Source: Dice 1945. Empty rule: a class in neither prediction nor target scores 1.
    """
    hits, found, wanted = _sums(counts)
    return _ratio(2 * hits, found + wanted, empty=1.0)


def precision(counts: Counts) -> npt.NDArray[np.float64]:
    """Return the right share of what was predicted, float64 (C,), 0..1.

    Empty rule: nothing predicted scores 1 where there was nothing to find, else 0.
    """
    hits, found, wanted = _sums(counts)
    return np.where(found > 0, _ratio(hits, found, empty=0.0), wanted == 0)


def recall(counts: Counts) -> npt.NDArray[np.float64]:
    """Return the share that was found, float64 (C,), 0..1.

    Empty rule: nothing to find scores 1 where nothing was predicted, else 0.
    """
    hits, found, wanted = _sums(counts)
    return np.where(wanted > 0, _ratio(hits, wanted, empty=0.0), found == 0)


def foreground(counts: Counts) -> Counts:
    """Return the matrix, int64 (2, 2), of object against background, whatever the class."""
    split = np.array([[counts[0, 0], counts[0, 1:].sum()], [counts[1:, 0].sum(), 0]])
    split[1, 1] = counts.sum() - split.sum()
    return split


class SegmentationMetrics:
    """Collects the tiles of a split; `compute` averages over images and classes.

    `iou` and `dice` are means over images, then over classes: an image without objects that
    is predicted blank scores 1, one with a single wrong pixel 0. `iou_pooled`, `precision`
    and `recall` come from the pixels of all images together.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._class_names = tuple(class_names)
        self._counts: dict[int | str, Counts] = {}

    def update(self, preds: Ids, target: Ids, *, image: int | str) -> None:
        """Add (a window of) an image, integers (H, W); see `confusion_matrix`."""
        counts = confusion_matrix(preds, target, len(self._class_names))
        self._counts[image] = self._counts[image] + counts if image in self._counts else counts

    def update_batch(self, probs: Tensor, batch: Mapping[str, Tensor]) -> None:
        """Add predicted tiles, probabilities (B, C, H, W) in 0..1, of a validation batch.

        `batch` holds "target", uint8 (B, H, W), and "tile", the number of each one's image.
        """
        targets, tiles = batch["target"].cpu().numpy(), batch["tile"].tolist()
        for prob, target, tile in zip(probs.float().cpu().numpy(), targets, tiles, strict=True):
            self.update(labels_from_probs(prob), target, image=tile)

    @property
    def per_image(self) -> dict[int | str, Counts]:
        """Confusion matrix of each image."""
        return dict(self._counts)

    def compute(self) -> dict[str, float]:
        """Return the metrics, all 0..1; those of a class are named "iou/<class>".

        `foreground_true` and `foreground_predicted` are shares of all pixels;
        `foreground_iou_pooled` is that of all images and classes together, which may be
        confused with one another, and `foreground_iou_inverted` what the opposite
        prediction would score.
        Raises ValueError if nothing was added.
        """
        if not self._counts:
            raise ValueError("expected at least one image")
        images = list(self._counts.values())
        pooled = np.sum(images, axis=0)
        by_class = {
            "iou": np.mean([iou(counts) for counts in images], axis=0),
            "dice": np.mean([dice(counts) for counts in images], axis=0),
            "iou_pooled": iou(pooled),
            "precision": precision(pooled),
            "recall": recall(pooled),
        }
        total = pooled.sum()
        return {
            "pixel_accuracy": pixel_accuracy(pooled),
            **{name: float(values.mean()) for name, values in by_class.items()},
            "foreground_true": float(pooled[1:].sum() / total),
            "foreground_predicted": float(pooled[:, 1:].sum() / total),
            "foreground_iou_pooled": float(iou(foreground(pooled))[0]),
            "foreground_iou_inverted": float(iou(foreground(pooled)[:, ::-1])[0]),
            **{
                f"{name}/{class_name}": float(value)
                for name, values in by_class.items()
                for class_name, value in zip(self._class_names, values, strict=True)
            },
        }


def nested(metrics: dict[str, float]) -> dict[str, Any]:
    """Return the metrics with "iou/metal" sorted under {"per_class": {"metal": {"iou": …}}}."""
    nested: dict[str, Any] = {}
    for name, value in metrics.items():
        metric, _, class_name = name.partition("/")
        if class_name:
            nested.setdefault("per_class", {}).setdefault(class_name, {})[metric] = value
        else:
            nested[metric] = value
    return nested


def _sums(counts: Counts) -> tuple[Counts, Counts, Counts]:
    """Return hits, predicted and wanted pixels of each foreground class."""
    return np.diag(counts)[1:], counts.sum(axis=0)[1:], counts.sum(axis=1)[1:]


def _ratio(above: Counts, below: Counts, *, empty: float) -> npt.NDArray[np.float64]:
    return np.where(below > 0, above / np.maximum(below, 1), empty)
