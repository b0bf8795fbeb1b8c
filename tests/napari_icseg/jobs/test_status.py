"""Telling the state of a run in the moments in which it changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from napari_icseg.jobs.status import read_status
from trainers import progress
from trainers.progress import EVENTS_FILE, PROCESS_FILE, EventWriter, RunState

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_run_that_ends_while_it_is_looked_at_was_not_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = EventWriter(tmp_path / EVENTS_FILE)
    events.write("started", model="unet", num_epochs=1, num_steps=1)
    (tmp_path / PROCESS_FILE).write_text(json.dumps({"pid": 1, "create_time": 1.0}))

    def ends_now(_pid: int, _create_time: float) -> bool:
        events.write("finished", metrics={})
        return False

    monkeypatch.setattr(progress, "is_alive", ends_now)

    assert read_status(tmp_path).state is RunState.FINISHED
