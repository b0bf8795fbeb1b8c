"""A table of results that grows row by row and survives being stopped."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from trainers.errors import DataError
from trainers.io.atomic import write_text_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Row = dict[str, str]
STATE = "state"
FINISHED, FAILED = "finished", "failed"


class ResultTable:
    """Rows of a CSV file; the key columns name a row, an unknown value is empty, never 0."""

    def __init__(self, path: Path, *, keys: tuple[str, ...], values: tuple[str, ...]) -> None:
        """Read the file if there is one; raise `DataError` if its columns are others."""
        self._path = path
        self._keys = keys
        self._columns = (*keys, STATE, *values)
        self.rows: list[Row] = self._read()

    def is_finished(self, key: Mapping[str, object]) -> bool:
        """True if the row is there and did not fail."""
        wanted = self._key(key)
        return any(self._key(row) == wanted and row[STATE] == FINISHED for row in self.rows)

    def put(self, row: Mapping[str, object]) -> None:
        """Add a row, or replace the one of the same key, and write the file atomically."""
        text = {name: _text(row.get(name)) for name in self._columns}
        self.rows = [old for old in self.rows if self._key(old) != self._key(text)] + [text]
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, self._columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text_atomic(self._path, buffer.getvalue())

    def _key(self, row: Mapping[str, object]) -> tuple[str, ...]:
        return tuple(_text(row[name]) for name in self._keys)

    def _read(self) -> list[Row]:
        if not self._path.exists():
            return []
        with self._path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != self._columns:
                raise DataError(
                    f"{self._path} has other columns than {', '.join(self._columns)}. "
                    "Choose another folder for the results."
                )
            return list(reader)


def _text(value: object) -> str:
    return "" if value is None else str(value)
