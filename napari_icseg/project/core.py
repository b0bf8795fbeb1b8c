"""What every edit of a project shares: the transaction, the log, undo and the signals."""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_icseg.project.errors import ProjectError, ProjectWriteError
from napari_icseg.project.history import Operation, Touched, other_side, swap
from napari_icseg.project.opening import check_all
from napari_icseg.project.reader import ProjectReader
from napari_icseg.project.records import (
    ImageStatus,
    OperationKind,
    OperationState,
    ReviewState,
    UndoResult,
)
from napari_icseg.project.sqlite_errors import damage_errors, write_errors

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# above this, listeners are told to read all anew instead of being called once an image
MAX_CHANGED_SIGNALS = 64

LAST_DONE = (
    "SELECT {} FROM operations WHERE state = 'done' AND undoable = 1 ORDER BY id DESC LIMIT 1"
)
FIRST_UNDONE = "SELECT {} FROM operations WHERE state = 'undone' ORDER BY id LIMIT 1"


class ProjectCore(ProjectReader):
    """A project that can be changed: one call, one transaction, one row in the log.

    Safe to call from any thread: calls wait for each other. The signals are emitted in the
    calling thread after the transaction is on the disk; whatever a listener does,
    the change stays.
    """

    changed = Signal(int)
    """An image's objects, proposals, status, split or notes changed: its id."""
    objects_changed = Signal(object)
    """Objects came, went or changed: their ids, a frozenset. Emitted before `changed`."""
    images_changed = Signal()
    """Images came or went, or so many changed that all should be read anew."""
    classes_changed = Signal()
    """A class was added, changed, moved or removed."""
    history_changed = Signal()
    """Something was logged, undone or redone: what can be undone may be another now."""

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        super().__init__(connection, file)
        self._identity = _identity(file)
        self._note_holder()

    # undo ---------------------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        """Whether `undo` would do something."""
        return bool(self._rows(LAST_DONE.format("id")))

    @property
    def can_redo(self) -> bool:
        """Whether `redo` would do something."""
        return bool(self._rows(FIRST_UNDONE.format("id")))

    def undo(self) -> UndoResult | None:
        """Take back the last operation that was not yet; None if there is none.

        There is no limit, and what was done before the project was last closed counts, too.
        """
        return self._swap(LAST_DONE, OperationState.UNDONE)

    def redo(self) -> UndoResult | None:
        """Do again what `undo` took back last; None if there is nothing.

        A new operation after an undo ends the chance: the undone ones stay in the log as
        ABANDONED, so that the history still shows them.
        """
        return self._swap(FIRST_UNDONE, OperationState.DONE)

    def check(self) -> None:
        """Check every page of the file (seconds for a big one).

        Raises:
            ProjectDamagedError: with the first thing found.

        """
        with self._lock:
            self._require_open()
            check_all(self._connection, self.file)

    # for the edits in the other modules of this package -----------------------------------

    @contextmanager
    def operation(
        self,
        kind: OperationKind,
        summary: str,
        *,
        image_id: int | None = None,
        undoable: bool = True,
    ) -> Iterator[Operation]:
        """Open a transaction; on leaving, log what it did, commit, and tell the listeners.

        Any exception takes everything back. An operation that changed nothing leaves no row.
        """
        with self._lock:
            with self._transaction():
                operation = Operation(self._connection)
                yield operation
                self._settle_reviews(operation)
                if not operation.is_empty:
                    operation.log(kind, summary, image_id=image_id, undoable=undoable)
            touched = operation.touched()
        if not operation.is_empty:
            self._tell(touched)

    def _settle_reviews(self, operation: Operation) -> None:
        """Let decisions follow what an operation did to the labels that they led to.

        Accepted labels that were changed are EDITED ones; labels that were taken back leave a
        REJECTED proposal, as do objects on what was blank: a later round may propose again.
        """
        question = (
            "SELECT r.id, r.image_id, r.state, i.status, i.num_objects FROM reviews AS r JOIN "
            "images AS i ON i.id = r.image_id WHERE r.state IN ('accepted', 'edited', 'blank') "
            "AND r.image_id IN ({})"
        )
        for row_id, image_id, state, status, num_objects in self._rows_of(
            question, operation.images
        ):
            if operation.has_touched("reviews", row_id):
                continue
            is_withdrawn = status == ImageStatus.UNLABELLED and num_objects == 0
            if is_withdrawn or (state == ReviewState.BLANK and num_objects):
                operation.update("reviews", row_id, {"state": ReviewState.REJECTED})
            elif state == ReviewState.ACCEPTED and image_id in operation.images_of_objects:
                operation.update("reviews", row_id, {"state": ReviewState.EDITED})

    def require_classes(self, class_ids: Iterable[int]) -> None:
        """Raise `ProjectError` if the project lacks one of the classes."""
        for class_id in set(class_ids):
            self.class_by_id(class_id)

    def require_unlocked(self, class_ids: Iterable[int]) -> None:
        """Raise `ProjectError` if one of the classes is locked: its objects are not to change."""
        locked = self.class_flags().locked & set(class_ids)
        if locked:
            name = self.class_by_id(min(locked)).name
            raise ProjectError(
                f"class {name} is locked, so nothing was changed. Unlock it in the list of classes "
                "to edit its objects."
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._require_open()
        self._require_file()
        if self._connection.in_transaction:
            raise ProjectError("a change is being made already; finish it first")
        with write_errors(self.file):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _require_file(self) -> None:
        """Refuse a change while the file is not there: SQLite would write into nowhere."""
        try:
            now = _identity(self.file)
        except OSError as error:
            raise ProjectWriteError(
                f"the change was not saved: {self.file} is not there any more "
                f"({error.strerror}). Connect the drive again, or put the file back, and repeat "
                "the last step. Everything accepted before is in that file."
            ) from error
        if now != self._identity:
            raise ProjectWriteError(
                f"the change was not saved: another file has taken the place of {self.file}. "
                "Close the project and open it again."
            )

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # SQLite does it itself after some errors
            self._connection.execute("ROLLBACK")

    def _swap(self, question: str, state: OperationState) -> UndoResult | None:
        swapped = self._swap_quietly(question, state)
        if swapped is None:
            return None
        found, touched = swapped
        self._tell(touched)
        images, objects = tuple(sorted(touched.images)), tuple(sorted(touched.objects))
        return UndoResult(found[0], OperationKind(found[1]), found[2], images, objects)

    def _swap_quietly(
        self, question: str, state: OperationState
    ) -> tuple[tuple[int, str, str], Touched] | None:
        """Undo or redo; return (id, kind, summary) and what it touched, and tell nobody."""
        with self._lock, self._transaction():
            found = self._connection.execute(question.format("id, kind, summary")).fetchone()
            if found is None:
                return None
            with damage_errors(self.file):
                stored = other_side(self._connection, found[0])
            return found, swap(self._connection, found[0], stored, state)

    def _tell(self, touched: Touched) -> None:
        if touched.objects:
            self.objects_changed.emit(touched.objects)
        if touched.classes:
            self.classes_changed.emit()
        if touched.image_list or len(touched.images) > MAX_CHANGED_SIGNALS:
            self.images_changed.emit()
        if len(touched.images) <= MAX_CHANGED_SIGNALS:
            for image_id in sorted(touched.images):
                self.changed.emit(image_id)
        self.history_changed.emit()

    def _note_holder(self) -> None:
        """Leave word for those who find the project locked."""
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since_unix_s": time.time()}
        with self._lock, self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO meta VALUES ('holder', ?)", (json.dumps(holder),)
            )


def _identity(file: Path) -> tuple[int, int]:
    """Return what tells a file from another one of the same name."""
    stat = os.stat(file)
    return stat.st_dev, stat.st_ino
