"""Objects in an image of any size, from any model that segments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from trainers.data.instances import object_rles
from trainers.io.images import to_unit
from trainers.io.rle import RleMask, unite
from trainers.models.base import PROPOSAL_SCORE, Instance, InstanceTask, ScoredTask
from trainers.predict import LoadedModel, as_batch, predict_image, windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainers.predict import Prediction

MIN_AREA_PX = 4
"""Smaller components of a semantic mask are no objects."""
JOIN_IOU = 0.5
"""IoU, within the overlap of two windows, from which two objects there are one."""


def predict_instances(loaded: LoadedModel, image: NDArray[Any]) -> list[Instance]:
    """Return the objects in a grey image, uint8 or uint16 (H, W), of any size, best first.

    Of a model that only segments they are the connected components of its labels, with their
    mean probability as score. Large images are searched in overlapping windows; what two
    windows agree on where they overlap becomes one object.
    """
    if not isinstance(loaded.task, InstanceTask):
        return components(predict_image(loaded, image))
    unit = to_unit(image)
    if max(unit.shape) <= loaded.window_px:
        found = _predict_window(loaded, loaded.task, unit)
    else:
        found = _joined(loaded, loaded.task, unit)
    return sorted(found, key=lambda instance: -instance.score)


def proposed_instances(loaded: LoadedModel, image: NDArray[Any]) -> list[Instance]:
    """Return those of `predict_instances` that are sure enough to be proposed to a person."""
    min_score = _proposal_score(loaded)
    return [found for found in predict_instances(loaded, image) if found.score >= min_score]


def _proposal_score(loaded: LoadedModel) -> float:
    if isinstance(loaded.task, ScoredTask):
        return loaded.task.proposal_score(loaded.config)
    return PROPOSAL_SCORE


def components(prediction: Prediction) -> list[Instance]:
    """Return the connected components of a prediction as objects, best first."""
    found = [
        Instance(class_id, _mean_prob(prediction.probs[class_id - 1], mask), mask)
        for class_id, mask in object_rles(prediction.labels, min_area_px=MIN_AREA_PX)
    ]
    return sorted(found, key=lambda instance: -instance.score)


def _mean_prob(prob: NDArray[np.float32], mask: RleMask) -> float:
    rows, cols = slice(mask.row, mask.row + mask.height), slice(mask.col, mask.col + mask.width)
    return float(prob[rows, cols][mask.crop()].mean())


def _predict_window(
    loaded: LoadedModel, task: InstanceTask, image: NDArray[np.float32]
) -> list[Instance]:
    with torch.no_grad():
        return task.predict_instances(loaded.model, as_batch(loaded, image))


def _joined(loaded: LoadedModel, task: InstanceTask, image: NDArray[np.float32]) -> list[Instance]:
    """Search window by window; each object is joined to those it continues."""
    found: list[Instance] = []
    seen = np.zeros(image.shape, np.bool_)
    for rows, cols in windows((image.shape[0], image.shape[1]), loaded.window_px):
        tile = image[rows, cols]
        window = (
            slice(rows.start, rows.start + tile.shape[0]),
            slice(cols.start, cols.start + tile.shape[1]),
        )
        # of thousands of objects nearly all lie elsewhere
        near = [each for each in found if each.mask.reaches(*window)]
        far = [each for each in found if not each.mask.reaches(*window)]
        for instance in _predict_window(loaded, task, tile):
            crop = instance.mask.to_mask((tile.shape[0], tile.shape[1]))
            mask = RleMask.from_mask(crop, (rows.start, cols.start))
            near = join(near, replace(instance, mask=mask), window, seen[rows, cols])
        found = far + near
        seen[rows, cols] = True
    return found


def join(
    found: Sequence[Instance],
    new: Instance,
    window: tuple[slice, slice],
    shared: NDArray[np.bool_],
) -> list[Instance]:
    """Return the objects with a new one, as one with those it agrees with where both were seen.

    Args:
        found: in other windows (or this one).
        new: found in `window`.
        window: rows and columns.
        shared: bool (h, w), the pixels of the window that other windows have seen.
    """
    own = new.mask.pixels_in(*window) & shared
    same: list[Instance] = []
    if own.any():
        for other in found:
            if other.class_id != new.class_id:
                continue
            theirs = other.mask.pixels_in(*window) & shared
            agreed = np.count_nonzero(own & theirs) / np.count_nonzero(own | theirs)
            if agreed > JOIN_IOU:
                same.append(other)
    if not same:
        return [*found, new]
    parts = [*same, new]
    joined = replace(
        new,
        score=float(np.average([p.score for p in parts], weights=[p.mask.area for p in parts])),
        mask=unite([p.mask for p in parts]),
    )
    return [*(other for other in found if all(other is not each for each in same)), joined]
