"""Objects drawn into label images, with the rules for pixels that several objects share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_icseg.project.records import ObjectRecord


@dataclass(frozen=True, slots=True)
class DecodedObject:
    """An object with the pixels of its bounding box, bool (height, width), ready to draw."""

    id: int
    class_id: int
    row: int
    col: int
    crop: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rendering:
    """A label image, integers (H, W), 0 background, and what it could not show.

    `num_overlapped_px` counts the object pixels that another one covers; `hidden_ids` names
    the objects of which no pixel is left.
    """

    labels: npt.NDArray[Any]
    num_overlapped_px: int = 0
    hidden_ids: tuple[int, ...] = ()


def decode(objects: Sequence[ObjectRecord]) -> tuple[DecodedObject, ...]:
    """Decode the masks once, for however many drawings."""
    return tuple(
        DecodedObject(known.id, known.class_id, known.mask.row, known.mask.col, known.mask.crop())
        for known in objects
    )


def render_semantic(
    objects: Sequence[DecodedObject], value_of_class: Mapping[int, int], shape_hw: tuple[int, int]
) -> Rendering:
    """Draw class values, uint16 (H, W): of two classes the higher value lies on top.

    With the classes metal, via in this order a via is seen on the metal track it sits on.
    """
    ordered = sorted(objects, key=lambda known: value_of_class[known.class_id])
    labels = np.zeros(shape_hw, dtype=np.uint16)
    covered = sum(_draw(labels, known, value_of_class[known.class_id]) for known in ordered)
    return Rendering(labels, covered)


def render_instances(objects: Sequence[DecodedObject], shape_hw: tuple[int, int]) -> Rendering:
    """Draw instance ids 1, 2, ... in the order of `objects`, int32 (H, W): the smaller on top.

    Of two equal areas the later object lies on top.
    """
    numbered = list(enumerate(objects, start=1))
    labels = np.zeros(shape_hw, dtype=np.int32)
    covered = 0
    for number, known in sorted(numbered, key=lambda pair: -int(np.count_nonzero(pair[1].crop))):
        covered += _draw(labels, known, number)
    if not covered:
        return Rendering(labels)
    num_pixels = np.bincount(labels.ravel(), minlength=len(numbered) + 1)
    hidden = tuple(known.id for number, known in numbered if num_pixels[number] == 0)
    return Rendering(labels, covered, hidden)


def _draw(labels: npt.NDArray[Any], known: DecodedObject, value: int) -> int:
    """Draw one object; return how many pixels with another value it covered."""
    height, width = known.crop.shape
    window = labels[known.row : known.row + height, known.col : known.col + width]
    before = window[known.crop]
    window[known.crop] = value
    return int(np.count_nonzero(before)) - int(np.count_nonzero(before == value))
