"""Tables as CSV files."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from trainers.io.atomic import write_text_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, at least one, all with the names of the first, atomically; None is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text_atomic(path, text.getvalue())
