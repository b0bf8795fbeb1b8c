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
class Rendering:
    """A label image, integers (H, W), 0 background, and what it could not show.

    `num_overlapped_px` counts the object pixels that another one covers; `hidden_ids` names
    the objects of which no pixel is left.
    """

    labels: npt.NDArray[Any]
    num_overlapped_px: int = 0
    hidden_ids: tuple[int, ...] = ()


def render_semantic(
    objects: Sequence[ObjectRecord], value_of_class: Mapping[int, int], shape_hw: tuple[int, int]
) -> Rendering:
    """Draw class values, uint16 (H, W): of two classes the higher value lies on top.

    With the classes metal, via in this order a via is seen on the metal track it sits on.
    """
    ordered = sorted(objects, key=lambda known: value_of_class[known.class_id])
    labels = np.zeros(shape_hw, dtype=np.uint16)
    covered = sum(_draw(labels, known, value_of_class[known.class_id]) for known in ordered)
    return Rendering(labels, covered)


def render_instances(objects: Sequence[ObjectRecord], shape_hw: tuple[int, int]) -> Rendering:
    """Draw instance ids 1, 2, ... in the order of `objects`, int32 (H, W): the smaller on top.

    Of two equal areas the later object lies on top.
    """
    numbered = list(enumerate(objects, start=1))
    labels = np.zeros(shape_hw, dtype=np.int32)
    covered = 0
    for number, known in sorted(numbered, key=lambda pair: -pair[1].mask.area):
        covered += _draw(labels, known, number)
    hidden: tuple[int, ...] = ()
    if covered:
        seen = set(np.unique(labels).tolist())
        hidden = tuple(known.id for number, known in numbered if number not in seen)
    return Rendering(labels, covered, hidden)


def _draw(labels: npt.NDArray[Any], known: ObjectRecord, value: int) -> int:
    """Draw one object; return how many pixels with another value it covered."""
    mask = known.mask
    window = labels[mask.row : mask.row + mask.height, mask.col : mask.col + mask.width]
    crop = mask.crop()
    num_covered = int(np.count_nonzero(crop & (window != 0) & (window != value)))
    window[crop] = value
    return num_covered
