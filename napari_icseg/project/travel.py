"""Far through the history: what lies on the way, and many steps of undo or redo in one go."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_icseg.project.core import FIRST_UNDONE, LAST_DONE, ProjectCore
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.history import NOTHING_TOUCHED
from napari_icseg.project.records import OperationState

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.project.history import Touched

_ROWS = (
    "SELECT o.id, o.created_unix_s, o.summary, images.path, o.state FROM operations AS o "
    "LEFT JOIN images ON images.id = o.image_id "
    "WHERE o.undoable AND o.state != 'abandoned' AND {} ORDER BY o.id DESC LIMIT ?"
)
_CURSOR = "SELECT id FROM operations WHERE state = 'done' AND undoable = 1 ORDER BY id DESC LIMIT 1"
_NEWEST = "SELECT id FROM operations WHERE undoable ORDER BY id DESC LIMIT 1"
_STEPS_BACK = "SELECT COUNT(*) FROM operations WHERE state = 'done' AND undoable = 1 AND id > ?"
_STEPS_ON = "SELECT COUNT(*) FROM operations WHERE state = 'undone' AND undoable = 1 AND id <= ?"
_SIZE = "SELECT LENGTH(other_side) FROM operations WHERE id = ({})"
_STORED = "SELECT other_side FROM operations WHERE id = ({})"
_FAR = 2**62
_LONG_BYTES = 8192
"""Of rows that an operation stored: about 400 objects that it added, or 50 that it deleted."""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One operation that can be undone or redone; `image_name` is "" if it was on several."""

    id: int
    created_unix_s: float
    summary: str
    image_name: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class Journey:
    """What `go_to` did: so many operations undone, redone, and the images they were on."""

    num_undone: int
    num_redone: int
    image_ids: tuple[int, ...]


class Travel(ProjectCore):
    """The history as a line on which the project stands at one place, the cursor."""

    def history_rows(
        self, limit: int, *, before_id: int = _FAR, after_id: int = 0
    ) -> tuple[HistoryRow, ...]:
        """Return the newest `limit` operations between these two, newest first.

        Operations that can neither be undone nor redone are left out.
        """
        rows = self._rows(_ROWS.format("o.id < ? AND o.id > ?"), before_id, after_id, limit)
        return tuple(
            HistoryRow(row[0], row[1], row[2], _name(row[3]), row[4] == OperationState.DONE)
            for row in rows
        )

    def history_cursor(self) -> int:
        """Return the id of the operation that `undo` would take back; 0 if there is none.

        All rows of `history_rows` up to it are done, all above it are undone.
        """
        rows = self._rows(_CURSOR)
        return int(rows[0][0]) if rows else 0

    def is_swap_long(self, direction: str) -> bool:
        """Return whether the next "undo" or "redo" may take long: hundreds of rows are changed."""
        question = (LAST_DONE if direction == "undo" else FIRST_UNDONE).format("id")
        size = self._rows(_SIZE.format(question))
        if not size or size[0][0] > _LONG_BYTES:
            return bool(size)
        stored = self._rows(_STORED.format(question))[0][0]
        return len(zlib.decompress(stored)) > _LONG_BYTES

    def go_to(
        self,
        operation_id: int,
        *,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Journey:
        """Undo or redo until an operation is the last one done; 0: until all are undone.

        Each step is a transaction, so that it stops at whole operations, however it stops.
        Listeners are told once, at the end. `progress` gets the steps done and their number.

        Raises:
            ProjectError: if the operation can be neither undone nor redone, or if somebody
                edits the project meanwhile: what was edited is kept, and this stops there.

        """
        num_steps = self._num_steps(operation_id)
        touched, newest = NOTHING_TOUCHED, self._newest()
        num_undone = num_redone = 0
        try:
            while (cursor := self.history_cursor()) != operation_id:
                if cancelled is not None and cancelled():
                    break
                step = self._step(newest, back=cursor > operation_id)
                if step is None:
                    break
                touched = touched.united(step)
                num_undone += cursor > operation_id
                num_redone += cursor < operation_id
                if progress is not None:
                    progress(num_undone + num_redone, num_steps)
        finally:
            if num_undone or num_redone:
                self._tell(touched)
        return Journey(num_undone, num_redone, tuple(sorted(touched.images)))

    def _step(self, newest: int, *, back: bool) -> Touched | None:
        """Undo or redo one operation, unless there is a newer one than when the way began."""
        with self._lock:
            if self._newest() != newest:
                raise ProjectError(
                    "the project was edited on the way, so going through its history stopped "
                    "there. Choose a place in the history again."
                )
            swapped = (
                self._swap_quietly(LAST_DONE, OperationState.UNDONE)
                if back
                else self._swap_quietly(FIRST_UNDONE, OperationState.DONE)
            )
        return None if swapped is None else swapped[1]

    def _newest(self) -> int:
        rows = self._rows(_NEWEST)
        return int(rows[0][0]) if rows else 0

    def _num_steps(self, operation_id: int) -> int:
        known = self._rows(
            "SELECT 1 FROM operations WHERE id = ? AND undoable AND state != 'abandoned'",
            int(operation_id),
        )
        if operation_id != 0 and not known:
            raise ProjectError(
                f"operation {operation_id} can neither be undone nor redone any more"
            )
        back, on = self._rows(_STEPS_BACK, int(operation_id)), self._rows(_STEPS_ON, operation_id)
        return int(back[0][0]) + int(on[0][0])


def _name(path: str | None) -> str:
    return "" if path is None else path.rsplit("/", 1)[-1]
