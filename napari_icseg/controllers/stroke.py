"""From a brush stroke in the label array to edits of objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.controllers.boxes import Box
from trainers.io.rle import EmptyMaskError, RleMask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_icseg.project.records import ObjectRecord


@dataclass(frozen=True, slots=True)
class StrokeEdits:
    """What a brush stroke did to the objects.

    `added` are masks painted with a value that no object has.
    """

    replaced: tuple[tuple[int, RleMask], ...] = ()
    deleted: tuple[int, ...] = ()
    added: tuple[RleMask, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.replaced or self.deleted or self.added)


def edits_of_stroke(
    before: NDArray[np.int32],
    after: NDArray[np.int32],
    known: dict[int, ObjectRecord],
    num_slots: int,
    box: Box,
) -> StrokeEdits:
    """What a stroke changed.

    Args:
        before: int32 (h, w), label values of `box` before the stroke, see `ObjectMap`.
        after: int32 (h, w), the same after it.
        known: the object of each label value.
        num_slots: as in `ObjectMap`.
        box: where `before` and `after` lie in the image.

    """
    changed = before != after
    same_class = (before - 1) % num_slots == (after - 1) % num_slots
    replaced: list[tuple[int, RleMask]] = []
    deleted: list[int] = []
    added: list[RleMask] = []
    for value in np.union1d(before[changed], after[changed]):
        gained = changed & (after == value)
        if int(value) not in known:
            if value and gained.any():
                added.append(RleMask.from_mask(gained, (box.top, box.left)))
            continue
        lost = changed & (before == value) & ((after == 0) | same_class)
        record = known[int(value)]
        mask = _with_pixels(record.mask, gained, lost, box)
        if mask is None:
            deleted.append(record.id)
        elif mask != record.mask:
            replaced.append((record.id, mask))
    return StrokeEdits(tuple(replaced), tuple(deleted), tuple(added))


def _with_pixels(
    mask: RleMask,
    gained: NDArray[np.bool_],
    lost: NDArray[np.bool_],
    box: Box,
) -> RleMask | None:
    """The mask with pixels of `box` added and removed; None if nothing is left."""
    own = Box.of_mask(mask)
    union = own.united(box)
    pixels = np.zeros((union.bottom - union.top, union.right - union.left), dtype=np.bool_)
    pixels[own.within(union)] = mask.crop()
    part = pixels[box.within(union)]
    part |= gained
    part &= ~lost
    try:
        return RleMask.from_mask(pixels, (union.top, union.left))
    except EmptyMaskError:
        return None
