"""The objects of one image, or of a part of it, as an array for napari's Labels layer.

A label value holds a running number and a class: `value = number * num_slots + slot + 1`.
napari's cyclic colormap with `num_slots` colours then colours by class with no work per object.
Masks may overlap (a via lies on metal): the class further down the list is drawn on top, and
within a class the newer object. Classes that are not visible are left out, so that what lies
below them is seen. What lies hidden is kept in the records, never in the array.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.frames import Frame
from napari_icseg.controllers.mask_view import mask_pixels
from napari_icseg.controllers.object_index import ObjectIndex
from napari_icseg.controllers.stroke import StrokeEdits, edits_of_stroke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from napari_icseg.project.records import ClassRecord, ObjectRecord

    Write = Callable[[Box, NDArray[np.int32]], None]

MAX_BOXES = 8
SMALL_SHARE = 3
"""Coarse pixels that an object may be high and wide to be drawn as a rectangle."""


class ObjectMap:
    """Label values int32 (h, w) of the objects in a frame; 0 is background.

    `labels` is changed in place, so that a napari layer can share it. It may be made in one
    thread and handed to another.

    Args:
        shape_hw: height and width of the image in pixels.
        classes: in the order of the list, the lowest drawn first.
        objects: of the image, or an index of them, which is shared.
        reuse: the `labels` of a map that is not needed any more: they become those of this
            one if the shape is the same, so that the layer that shares them can stay as it is.
        frame: the part of the image; by default all of it.

    """

    def __init__(
        self,
        shape_hw: tuple[int, int],
        classes: Sequence[ClassRecord],
        objects: Iterable[ObjectRecord] | ObjectIndex,
        *,
        reuse: NDArray[np.int32] | None = None,
        frame: Frame | None = None,
    ) -> None:
        self.frame = frame or Frame.whole(shape_hw)
        if reuse is None or reuse.shape != self.frame.shape_hw:
            reuse = np.zeros(self.frame.shape_hw, dtype=np.int32)
        self.labels: NDArray[np.int32] = reuse
        self.classes = tuple(classes)
        self.serial = 0
        """Of the objects when drawing began, see `ImageObjects.serial`."""
        self._slot_of = {record.id: slot for slot, record in enumerate(classes)}
        self._hidden = {record.id for record in classes if not record.is_visible}
        self.num_slots = max(1, len(classes))
        self._next_number = 0
        self._value_of: dict[int, int] = {}
        self._id_of: dict[int, int] = {}
        self.index = objects if isinstance(objects, ObjectIndex) else ObjectIndex(objects)
        self.labels[...] = 0
        self._saved = self.labels.copy()
        self.redraw(self.frame.box)

    @property
    def objects(self) -> tuple[ObjectRecord, ...]:
        """All objects of the image, in drawing order."""
        return tuple(sorted(self.index.all(), key=self._order))

    @property
    def objects_here(self) -> tuple[ObjectRecord, ...]:
        """The objects that reach into the frame, in drawing order."""
        return tuple(sorted(self.index.near(self.frame.box), key=self._order))

    def set_objects(self, objects: Iterable[ObjectRecord]) -> None:
        """Makes these the objects; only the boxes of those that differ are drawn again."""
        new: dict[int, ObjectRecord | None] = {record.id: record for record in objects}
        gone = {record.id: None for record in self.index.all() if record.id not in new}
        self.draw_changes(self.index.update({**gone, **new}))

    def draw_changes(self, boxes: list[Box], write: Write | None = None) -> None:
        """Draws boxes again after the index was updated; `write` as in `redraw`."""
        inside = [box for box in boxes if box.meets(self.frame.box)]
        for box in _few(inside):
            self.redraw(box, write)

    def adopt(self, labels: NDArray[np.int32]) -> bool:
        """Moves into another array of the same shape, the one that the layer has."""
        if labels.shape != self.labels.shape or labels.dtype != self.labels.dtype:
            return False
        if labels is not self.labels:
            labels[...] = self.labels
            self.labels = labels
        return True

    def value_of(self, object_id: int) -> int:
        """The label value of an object."""
        record = self.index.get(object_id)
        if record is None:
            raise KeyError(object_id)
        return self._value(record)

    def object_at(self, row: int, col: int) -> ObjectRecord | None:
        """The topmost visible object at an image pixel, exact also where the frame is coarse."""
        here = self._seen(Box(row, col, row + 1, col + 1))
        return next((r for r in reversed(here) if r.mask.contains(row, col)), None)

    def new_value(self, class_id: int) -> int:
        """A value that no object has yet, in the colour of a class."""
        return self._next_number * self.num_slots + self._slot_of.get(class_id, 0) + 1

    def redraw(self, box: Box, write: Write | None = None) -> None:
        """Draws a part of the image again from the records.

        Args:
            box: in image pixels.
            write: puts values, int32, into a box of `labels`; by default they are just stored.

        """
        box = self.frame.pixels(box)
        if box.is_empty:
            return
        patch = np.zeros((box.bottom - box.top, box.right - box.left), dtype=np.int32)
        for record in self._seen(self._in_image(box)):
            self._draw(record, box, patch)
        self._saved[box.slices] = patch
        if write is None:
            self.labels[box.slices] = patch
        else:
            write(box, patch)

    def take_stroke(self) -> StrokeEdits:
        """What was painted into `labels` since it was last drawn; nothing is saved here.

        A pixel painted over another object of the same class moves from it; one painted over
        an object of another class leaves that object as it is; an erased pixel is taken from
        the object in sight. Nothing can be painted where the frame is coarse.
        """
        if self.frame.step > 1:
            return StrokeEdits()
        rows, cols = np.nonzero(self.labels != self._saved)
        if rows.size == 0:
            return StrokeEdits()
        box = Box(int(rows.min()), int(cols.min()), int(rows.max()) + 1, int(cols.max()) + 1)
        before, after = self._saved[box.slices], self.labels[box.slices]
        return edits_of_stroke(
            before, after, self._known(before, after), self.num_slots, self._in_image(box)
        )

    @property
    def has_stroke(self) -> bool:
        """Whether something was painted that is not saved."""
        return not np.array_equal(self.labels, self._saved)

    def discard_stroke(self) -> None:
        """Takes back what was painted and not saved."""
        self.labels[...] = self._saved

    def _known(
        self, before: NDArray[np.int32], after: NDArray[np.int32]
    ) -> dict[int, ObjectRecord]:
        """The objects of the values that a stroke changed."""
        changed = before != after
        known: dict[int, ObjectRecord] = {}
        for value in np.union1d(before[changed], after[changed]):
            record = self.index.get(self._id_of.get(int(value), -1))
            if record is not None and self._value_of.get(record.id) == int(value):
                known[int(value)] = record
        return known

    def _in_image(self, box: Box) -> Box:
        """A box of the arrays' pixels in the image."""
        own, step = self.frame.box, self.frame.step
        return Box(
            own.top + box.top * step,
            own.left + box.left * step,
            own.top + box.bottom * step,
            own.left + box.right * step,
        )

    def _seen(self, box: Box) -> list[ObjectRecord]:
        """The objects of visible classes that reach into a box of the image, lowest first."""
        near = (record for record in self.index.near(box) if record.class_id not in self._hidden)
        return sorted(near, key=self._order)

    def _order(self, record: ObjectRecord) -> tuple[int, int]:
        return self._slot_of.get(record.class_id, 0), record.id

    def _value(self, record: ObjectRecord) -> int:
        slot = self._slot_of.get(record.class_id, 0)
        old = self._value_of.get(record.id)
        if old is not None and (old - 1) % self.num_slots == slot:
            return old
        value = self._next_number * self.num_slots + slot + 1
        self._next_number += 1
        self._value_of[record.id], self._id_of[value] = value, record.id
        return value

    def _draw(self, record: ObjectRecord, box: Box, patch: NDArray[np.int32]) -> None:
        mask, step = record.mask, self.frame.step
        if step > 1 and max(mask.height, mask.width) <= SMALL_SHARE * step:
            self._draw_small(record, box, patch)
            return
        part = self.frame.pixels(Box.of_mask(record.mask)).common(box)
        if not part.is_empty:
            shown = mask_pixels(record.mask, self.frame, part)
            patch[part.within(box)][shown] = self._value(record)

    def _draw_small(self, record: ObjectRecord, box: Box, patch: NDArray[np.int32]) -> None:
        """Draws an object of a few coarse pixels as a rectangle: there may be thousands."""
        mask, step = record.mask, self.frame.step
        top, left = mask.row - self.frame.box.top, mask.col - self.frame.box.left
        # the pixels whose middles lie in it, at least one of them
        ahead = step - step // 2 - 1
        first_row, first_col = (top + ahead) // step, (left + ahead) // step
        last_row = max(first_row + 1, (top + mask.height + ahead) // step)
        last_col = max(first_col + 1, (left + mask.width + ahead) // step)
        rows = slice(max(0, first_row - box.top), max(0, last_row - box.top))
        cols = slice(max(0, first_col - box.left), max(0, last_col - box.left))
        patch[rows, cols] = self._value(record)


def _few(boxes: list[Box]) -> list[Box]:
    """One box around all when there are many: drawing everything once is then cheaper."""
    return boxes if len(boxes) <= MAX_BOXES else [reduce(Box.united, boxes)]
