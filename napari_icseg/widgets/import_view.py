"""What the import dialog shows, as a frozen snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_icseg.widgets.training_view import Tone


@dataclass(frozen=True, slots=True)
class MapRow:
    """A class of the file; `existing` is the project's class of that name, "" if it has none."""

    name: str
    num_objects: int
    color: str
    existing: str = ""


@dataclass(frozen=True, slots=True)
class ImportView:
    """What was found in a source.

    Args:
        summary: One or two sentences.
        tone: Of the summary.
        rows: The classes of the file.
        targets: Name and colour of the project's classes.
        details: Notes, one a line.
        is_busy: Whether the source is being read.
        can_import: Whether there is anything to import.
        num_worked_on: Images that are labelled already.

    """

    summary: str = ""
    tone: Tone = "active"
    rows: tuple[MapRow, ...] = ()
    targets: tuple[tuple[str, str], ...] = ()
    details: tuple[str, ...] = ()
    is_busy: bool = False
    can_import: bool = False
    num_worked_on: int = 0
