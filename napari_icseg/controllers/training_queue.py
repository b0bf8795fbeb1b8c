"""Which run works and which wait, in what order; pure functions of snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainers.progress import WORKING, RunState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_icseg.jobs.watcher import RunSnapshot


@dataclass(frozen=True)
class Queue:
    """The run that works (or is paused), and those that wait, the next first."""

    working: RunSnapshot | None = None
    waiting: tuple[RunSnapshot, ...] = ()

    @classmethod
    def of(cls, runs: Iterable[RunSnapshot]) -> Queue:
        """Return the queue among all runs of a folder."""
        runs = tuple(runs)
        working = next((run for run in runs if run.status.state in WORKING), None)
        waiting = [run for run in runs if run.status.state is RunState.QUEUED]
        return cls(working, tuple(sorted(waiting, key=lambda run: run.queued_unix_s)))

    def place(self, name: str) -> int:
        """Return the place of a waiting run, from 1 on; 0 if it does not wait."""
        names = [run.name for run in self.waiting]
        return names.index(name) + 1 if name in names else 0
