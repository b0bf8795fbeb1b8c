"""Which run pre-fills a project: remembered beside its runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from trainers.io.atomic import write_text_atomic

if TYPE_CHECKING:
    from pathlib import Path

CHOICE_FILE = "prefill.json"


@dataclass(frozen=True)
class PrefillChoice:
    """The chosen run."""

    run: str | None = None
    """Name of its folder."""
    is_automatic: bool = False
    by_user: bool = False
    """False where the newest run was taken because nothing else was chosen."""


def read_choice(runs_dir: Path) -> PrefillChoice:
    """Return the remembered choice; none where nothing sensible is remembered."""
    try:
        fields = json.loads((runs_dir / CHOICE_FILE).read_text(encoding="utf-8"))
        choice = PrefillChoice(**fields)
    except (OSError, ValueError, TypeError):
        return PrefillChoice()
    return choice if isinstance(choice.run, str) else PrefillChoice()


def write_choice(runs_dir: Path, choice: PrefillChoice) -> None:
    """Remember the choice; raise `DataError` if the disk refuses it."""
    write_text_atomic(runs_dir / CHOICE_FILE, json.dumps(asdict(choice)) + "\n")
