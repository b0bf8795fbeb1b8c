"""The objects of one image, found by place: what a window holds costs no more than that."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from napari_icseg.controllers.boxes import Box

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from napari_icseg.project.records import ObjectRecord

CELL_PX = 512
MAX_CELLS = 64
"""An object that reaches into more cells is kept apart and looked at for every window."""


class ObjectIndex:
    """Object records by id and by the grid cells that their boxes reach into.

    Safe to use from several threads.
    """

    def __init__(self, records: Iterable[ObjectRecord] = ()) -> None:
        self._lock = threading.Lock()
        self._records: dict[int, ObjectRecord] = {}
        self._cells: dict[tuple[int, int], set[int]] = {}
        self._wide: set[int] = set()
        for record in records:
            self._put(record)

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, object_id: object) -> bool:
        return object_id in self._records

    def get(self, object_id: int) -> ObjectRecord | None:
        """One object, if it is there."""
        return self._records.get(object_id)

    def all(self) -> tuple[ObjectRecord, ...]:
        """Every object, oldest first."""
        with self._lock:
            return tuple(self._records[key] for key in sorted(self._records))

    def near(self, box: Box) -> list[ObjectRecord]:
        """The objects whose boxes meet a box, oldest first."""
        with self._lock:
            ids = set(self._wide)
            for cell in self._cells_near(box):
                ids |= self._cells.get(cell, set())
            found = [self._records[key] for key in sorted(ids)]
        rows, cols = box.slices
        return [record for record in found if record.mask.reaches(rows, cols)]

    def update(self, changes: Mapping[int, ObjectRecord | None]) -> list[Box]:
        """Puts objects in place of those with the same id; None takes one out.

        Returns the boxes, before and after, of those that differ.
        """
        boxes: list[Box] = []
        with self._lock:
            for key, new in changes.items():
                old = self._records.get(key)
                if old == new:
                    continue
                if old is not None:
                    boxes.append(Box.of_mask(old.mask))
                    self._take(old)
                if new is not None:
                    boxes.append(Box.of_mask(new.mask))
                    self._put(new)
        return boxes

    def _put(self, record: ObjectRecord) -> None:
        self._records[record.id] = record
        cells = _cells_of(Box.of_mask(record.mask))
        if cells is None:
            self._wide.add(record.id)
            return
        for cell in cells:
            self._cells.setdefault(cell, set()).add(record.id)

    def _take(self, record: ObjectRecord) -> None:
        del self._records[record.id]
        self._wide.discard(record.id)
        for cell in _cells_of(Box.of_mask(record.mask)) or ():
            self._cells[cell].discard(record.id)

    def _cells_near(self, box: Box) -> Iterable[tuple[int, int]]:
        if box.is_empty:
            return ()
        num = (_num(box.top, box.bottom)) * (_num(box.left, box.right))
        if num > len(self._cells):
            return [cell for cell in self._cells if box.meets(_cell_box(cell))]
        return _cells(box)


def _num(start: int, stop: int) -> int:
    return (stop - 1) // CELL_PX - start // CELL_PX + 1


def _cells(box: Box) -> Iterator[tuple[int, int]]:
    for row in range(box.top // CELL_PX, (box.bottom - 1) // CELL_PX + 1):
        for col in range(box.left // CELL_PX, (box.right - 1) // CELL_PX + 1):
            yield row, col


def _cells_of(box: Box) -> list[tuple[int, int]] | None:
    num = _num(box.top, box.bottom) * _num(box.left, box.right)
    return list(_cells(box)) if num <= MAX_CELLS else None


def _cell_box(cell: tuple[int, int]) -> Box:
    top, left = cell[0] * CELL_PX, cell[1] * CELL_PX
    return Box(top, left, top + CELL_PX, left + CELL_PX)
