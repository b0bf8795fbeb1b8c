"""The events of a run: one JSON object a line, appended to a file that others may be reading."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVENTS_FILE = "events.jsonl"
Event = dict[str, Any]
# Windows would otherwise change line ends behind our back, and byte offsets with them
_OPEN_TO_APPEND = os.O_APPEND | os.O_CREAT | os.O_RDWR | getattr(os, "O_BINARY", 0)


class EventWriter:
    """Appends events to a file, one JSON object a line, each written by one system call."""

    def __init__(self, path: Path, *, listener: Callable[[Event], None] | None = None) -> None:
        self._path = path
        self._listener = listener

    def write(self, kind: str, **fields: Any) -> None:
        """Append an event and tell the listener; raise `OSError` if the disk does not take it."""
        event = {"t": round(time.time(), 3), "kind": kind, **fields}
        line = json.dumps(event, separators=(",", ":"), default=str) + "\n"
        descriptor = os.open(self._path, _OPEN_TO_APPEND, 0o644)
        try:
            _end_torn_line(descriptor)
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
        if self._listener is not None:
            self._listener(event)


class SilentEvents(EventWriter):
    """Writes nothing: only the first process of a run speaks."""

    def write(self, kind: str, **fields: Any) -> None:
        """Do nothing."""


def _end_torn_line(descriptor: int) -> None:
    """A killed writer may have left half a line: the next event must not join it."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if size:
        os.lseek(descriptor, size - 1, os.SEEK_SET)
        if os.read(descriptor, 1) != b"\n":
            os.write(descriptor, b"\n")


def read_events(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """Return the events from byte `offset` on, and the offset to go on from.

    A line still being written is left for the next call; a damaged line is skipped.
    A missing file has no events.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return [], offset
    complete = content[: content.rfind(b"\n") + 1]
    events = [event for line in complete.splitlines() if (event := _parse(line)) is not None]
    return events, offset + len(complete)


def _parse(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:  # torn by a kill in mid-write: what it said is lost, the rest is not
        return None
    return event if isinstance(event, dict) and "kind" in event else None
