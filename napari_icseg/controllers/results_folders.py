"""Which experiments a project looks at: remembered beside its runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.io.atomic import write_text_atomic

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDERS_FILE = "experiments.json"


def read_folders(runs_dir: Path | None) -> tuple[Path, ...]:
    """Return the remembered folders; none where nothing sensible is remembered."""
    if runs_dir is None:
        return ()
    try:
        found = json.loads((runs_dir / FOLDERS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    if not isinstance(found, list):
        return ()
    return tuple(Path(path) for path in found if isinstance(path, str))


def write_folders(runs_dir: Path, folders: Sequence[Path]) -> None:
    """Remember the folders; raise `DataError` if the disk refuses it."""
    runs_dir.mkdir(parents=True, exist_ok=True)
    text = json.dumps([str(path) for path in folders], indent=1)
    write_text_atomic(runs_dir / FOLDERS_FILE, text + "\n")
