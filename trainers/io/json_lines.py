"""Records appended to a file as they come: what was done is known after a kill."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainers.io.atomic import write_error

if TYPE_CHECKING:
    from pathlib import Path


def append_line(path: Path, fields: dict[str, Any]) -> None:
    """Append a JSON object as a line; raise `DataError` if the disk does not take it.

    What a killed writer left of a line is ended first.
    """
    text = json.dumps(fields) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            if file.tell():
                file.seek(-1, 2)
                text = text if file.read(1) == b"\n" else "\n" + text
            file.write(text.encode())
    except OSError as error:
        raise write_error(path, error) from error


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file, none where there is no file; torn lines are left out."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [fields for line in lines if (fields := _parsed(line)) is not None]


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None
