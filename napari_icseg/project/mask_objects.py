"""Label images taken apart into objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_icseg.project.import_plan import ImportedObject
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def semantic_objects(labels: npt.NDArray[Any], names: Sequence[str]) -> tuple[ImportedObject, ...]:
    """Return one object for each connected region of a class in `labels`, ints (H, W).

    `names[value - 1]` is the class of a value; there must be one for each.
    Pixels that touch at a corner only are not connected: neither are the metal nets that they
    belong to. Drawn again, the objects give exactly `labels`.
    """
    objects: list[ImportedObject] = []
    for value in _values(labels):
        regions, _ = ndimage.label(labels == value)
        objects.extend(ImportedObject(names[value - 1], mask) for _, mask in label_masks(regions))
    return tuple(objects)


def instance_objects(
    labels: npt.NDArray[Any], class_names: Sequence[str], default: str
) -> tuple[ImportedObject, ...]:
    """Return one object for each id in `labels`, ints (H, W), in the order of the ids.

    `class_names[i]` is the class of id i + 1, `default` that of ids beyond them. An object
    may have separate parts.
    """
    return tuple(
        ImportedObject(class_names[value - 1] if value <= len(class_names) else default, mask)
        for value, mask in label_masks(labels)
    )


def _values(labels: npt.NDArray[Any]) -> list[int]:
    return [int(value) for value in np.unique(labels) if value > 0]


def label_masks(labels: npt.NDArray[Any]) -> Iterator[tuple[int, RleMask]]:
    """Yield each value of `labels`, ints (H, W) from 1 on, with its pixels."""
    boxes = ndimage.find_objects(labels.astype(np.int32, copy=False))
    for value, box in enumerate(boxes, start=1):
        if box is not None:
            origin = (box[0].start, box[1].start)
            yield value, RleMask.from_mask(labels[box] == value, origin)
