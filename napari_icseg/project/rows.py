"""Rows of a project file, read one question at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.sqlite_errors import damage_errors

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

MAX_VALUES = 500
"""Values given to SQLite in one question."""

_Record = TypeVar("_Record")


class RowReader:
    """One connection, which calls from any thread use in turns."""

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self._closed = False
        self.file = file

    def close(self) -> None:
        """Close the connection; doing it twice is harmless."""
        with self._lock:
            self._closed = True
            self._connection.close()

    def _rows(self, question: str, *values: object) -> list[Any]:
        with self._lock:
            self._require_open()
            with damage_errors(self.file):
                return self._connection.execute(question, values).fetchall()

    def _rows_of(self, question: str, ids: Iterable[int]) -> list[Any]:
        """Return the rows of a question with "IN ({})" in it, for any number of ids."""
        wanted = sorted({int(each) for each in ids})
        found: list[Any] = []
        for start in range(0, len(wanted), MAX_VALUES):
            some = wanted[start : start + MAX_VALUES]
            found.extend(self._rows(question.format(", ".join("?" * len(some))), *some))
        return found

    def _records(
        self, make: Callable[[Sequence[Any]], _Record], rows: list[Any]
    ) -> tuple[_Record, ...]:
        with damage_errors(self.file):
            return tuple([make(row) for row in rows])

    def _one(
        self, make: Callable[[Sequence[Any]], _Record], question: str, row_id: int, noun: str
    ) -> _Record:
        rows = self._rows(f"{question} WHERE id = ?", int(row_id))
        if not rows:
            raise ProjectError(f"this project has no {noun} {row_id}; it may have been undone")
        return self._records(make, rows)[0]

    def _require_open(self) -> None:
        if self._closed:
            raise ProjectError(f"{self.file} is closed; open it again first")
