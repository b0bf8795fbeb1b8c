"""The objects of one image as one array of label values, for napari's Labels layer.

A label value holds a running number and a class: `value = number * num_slots + slot + 1`.
napari's cyclic colormap with `num_slots` colours then colours by class with no work per object.
Masks may overlap (a via lies on metal): the class further down the list is drawn on top, and
within a class the newer object. What lies hidden is kept in the records, never in the array.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.stroke import StrokeEdits, edits_of_stroke

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_icseg.project.records import ClassRecord, ObjectRecord

MAX_BOXES = 8


class ObjectMap:
    """Label values int32 (H, W) of the objects of one image; 0 is background.

    `labels` is changed in place, so that a napari layer can share it.

    Args:
        shape_hw: height and width of the image in pixels.
        classes: in the order of the list, the lowest drawn first.
        objects: of the image.
        reuse: the `labels` of a map that is not needed any more: they become those of this
            one if the shape is the same, so that the layer that shares them can stay as it is.

    """

    def __init__(
        self,
        shape_hw: tuple[int, int],
        classes: Sequence[ClassRecord],
        objects: Iterable[ObjectRecord],
        *,
        reuse: NDArray[np.int32] | None = None,
    ) -> None:
        if reuse is None or reuse.shape != shape_hw:
            reuse = np.zeros(shape_hw, dtype=np.int32)
        self.labels: NDArray[np.int32] = reuse
        self.labels[...] = 0
        self._saved = self.labels.copy()
        self._shape_hw = shape_hw
        self._slot_of = {record.id: slot for slot, record in enumerate(classes)}
        self.num_slots = max(1, len(classes))
        self._next_number = 0
        self._records: dict[int, ObjectRecord] = {}
        self._value_of: dict[int, int] = {}
        self.set_objects(objects)

    @property
    def objects(self) -> tuple[ObjectRecord, ...]:
        """The objects, in drawing order."""
        return tuple(sorted(self._records.values(), key=self._order))

    def set_objects(self, objects: Iterable[ObjectRecord]) -> None:
        """Makes these the objects; only the boxes of those that differ are drawn again."""
        new = {record.id: record for record in objects}
        changed = [
            record
            for source, other in ((self._records, new), (new, self._records))
            for key, record in source.items()
            if other.get(key) != record
        ]
        self._records = new
        self._value_of = {
            record.id: self._value(record) for record in sorted(new.values(), key=self._order)
        }
        for box in _few([Box.of_mask(record.mask) for record in changed]):
            self.redraw(box)

    def value_of(self, object_id: int) -> int:
        """The label value of an object."""
        return self._value_of[object_id]

    def object_at(self, row: int, col: int) -> ObjectRecord | None:
        """The topmost object at an image pixel."""
        value = int(self.labels[row, col])
        return next((r for r in self._records.values() if self._value_of[r.id] == value), None)

    def new_value(self, class_id: int) -> int:
        """A value that no object has yet, in the colour of a class."""
        return self._next_number * self.num_slots + self._slot_of.get(class_id, 0) + 1

    def redraw(self, box: Box) -> None:
        """Draws a part of the array again from the records."""
        box = box.clip(self._shape_hw)
        if box.is_empty:
            return
        self.labels[box.slices] = 0
        for record in self.objects:
            if box.meets(Box.of_mask(record.mask)):
                self._draw(record, box)
        self._saved[box.slices] = self.labels[box.slices]

    def take_stroke(self) -> StrokeEdits:
        """What was painted into `labels` since it was last drawn; nothing is saved here.

        A pixel painted over another object of the same class moves from it; one painted over
        an object of another class leaves that object as it is; an erased pixel is taken from
        the object in sight.
        """
        rows, cols = np.nonzero(self.labels != self._saved)
        if rows.size == 0:
            return StrokeEdits()
        box = Box(int(rows.min()), int(cols.min()), int(rows.max()) + 1, int(cols.max()) + 1)
        before, after = self._saved[box.slices], self.labels[box.slices]
        known = {value: self._records[key] for key, value in self._value_of.items()}
        return edits_of_stroke(before, after, known, self.num_slots, box)

    def discard_stroke(self) -> None:
        """Takes back what was painted and not saved."""
        self.labels[...] = self._saved

    def _order(self, record: ObjectRecord) -> tuple[int, int]:
        return self._slot_of.get(record.class_id, 0), record.id

    def _value(self, record: ObjectRecord) -> int:
        slot = self._slot_of.get(record.class_id, 0)
        old = self._value_of.get(record.id)
        if old is not None and (old - 1) % self.num_slots == slot:
            return old
        number, self._next_number = self._next_number, self._next_number + 1
        return number * self.num_slots + slot + 1

    def _draw(self, record: ObjectRecord, box: Box) -> None:
        own = Box.of_mask(record.mask).clip(self._shape_hw)
        part = own.common(box)
        crop = record.mask.crop()[part.within(Box.of_mask(record.mask))]
        self.labels[part.slices][crop] = self._value_of[record.id]


def _few(boxes: list[Box]) -> list[Box]:
    """One box around all when there are many: drawing everything once is then cheaper."""
    return boxes if len(boxes) <= MAX_BOXES else [reduce(Box.united, boxes)]
