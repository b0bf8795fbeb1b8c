"""From the objects that a detector has found to probabilities, and to instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from trainers.data.instances import object_masks
from trainers.io.rle import RleMask
from trainers.models.base import Instance

if TYPE_CHECKING:
    from trainers.models.sam_det import FoundObjects

_SAME_SHARE = 0.5
"""Of the smaller of two objects of a class, from which their overlap makes them one."""


def target_boxes(target: Tensor, *, min_area_px: int) -> list[dict[str, Tensor]]:
    """Return the objects of masks of class ids, uint8 (B, H, W), as boxes and labels.

    Boxes are float32 (N, 4) as xyxy edges in pixels, those of one pixel at the origin 0, 0, 1,
    1; labels are int64 (N,). A blank mask has N = 0.
    """
    found = []
    for ids in target.cpu().numpy():
        masks, classes = object_masks(ids, min_area_px=min_area_px)
        boxes = torch.tensor([_box(mask) for mask in masks], dtype=torch.float32)
        found.append(
            {
                "boxes": boxes.reshape(-1, 4).to(target.device),
                "labels": torch.from_numpy(classes).to(target.device),
            }
        )
    return found


def _box(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> tuple[int, int, int, int]:
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1


def class_probs(found: FoundObjects, num_classes: int, *, threshold: float) -> Tensor:
    """Return the probability of each class, float32 (C, H, W), 0..1; their sum is at most 1.

    A pixel is as sure as its mask or as its object, whichever is less: the score counts as a
    probability whose even odds lie at `threshold`, so that a pixel is above .5 only in the mask
    of an object above the threshold. Of a class the surest object counts. Where classes meet
    the smaller object lies on top, as a via lies over its metal.
    """
    score = found.scores.double().clamp(1e-6, 1 - 1e-6)
    sure = (torch.logit(score) - torch.logit(torch.tensor(threshold).double())).float()
    probs = found.logits.new_zeros(num_classes, *found.logits.shape[-2:])
    for index in _largest_first(found):
        class_id = int(found.labels[index]) - 1
        own = torch.minimum(found.logits[index], sure[index]).sigmoid()
        kept = torch.maximum(probs[class_id], own)
        probs *= 1.0 - own
        probs[class_id] = kept
    return probs


def instances(found: FoundObjects, *, threshold: float) -> list[Instance]:
    """Return the objects with a mask, best first.

    Objects of a class do not overlap: of two that share half of the smaller one the weaker is
    left out. A larger object has no pixels where a smaller one of another class, above the
    threshold, lies on it.
    """
    masks = found.logits > 0
    kept: list[int] = []
    for index in _best_first(found, masks):
        if not any(_is_same(masks[index], masks[k]) for k in kept if _one_class(found, index, k)):
            kept.append(index)
    free = _uncovered(found, masks, kept, threshold=threshold)
    return [
        Instance(
            int(found.labels[index]),
            float(found.scores[index]),
            RleMask.from_mask(mask.cpu().numpy()),
        )
        for index, mask in zip(kept, free, strict=True)
        if bool(mask.any())
    ]


def _uncovered(
    found: FoundObjects, masks: Tensor, kept: list[int], *, threshold: float
) -> list[Tensor]:
    """Return the masks without what smaller objects of other classes cover."""
    free = {index: masks[index] for index in kept}
    order = [index for index in _largest_first(found) if index in free]
    for position, index in enumerate(order):
        for smaller in order[position + 1 :]:
            covers = float(found.scores[smaller]) > threshold
            if covers and not _one_class(found, index, smaller):
                free[index] = free[index] & ~masks[smaller]
    return [free[index] for index in kept]


def _largest_first(found: FoundObjects) -> list[int]:
    width, height = (found.boxes[:, 2:] - found.boxes[:, :2]).unbind(1)
    order: list[int] = (width * height).sort(descending=True, stable=True).indices.tolist()
    return order


def _best_first(found: FoundObjects, masks: Tensor) -> list[int]:
    order = found.scores.sort(descending=True, stable=True).indices.tolist()
    has_pixels = masks.flatten(1).any(dim=1).tolist()
    return [index for index in order if has_pixels[index]]


def _one_class(found: FoundObjects, a: int, b: int) -> bool:
    return bool(found.labels[a] == found.labels[b])


def _is_same(a: Tensor, b: Tensor) -> bool:
    smaller = min(int(a.sum()), int(b.sum()))
    return int((a & b).sum()) >= _SAME_SHARE * smaller
