"""What has changed in a runs folder since the last look; a timer or a thread drives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_icseg.jobs.folder import run_dirs
from napari_icseg.jobs.request import read_request
from napari_icseg.jobs.runs import LOG_FILE
from napari_icseg.jobs.status import poll, queued_at
from trainers.progress import EVENTS_FILE, WORKING, RunState, RunStatus, RunWatcher
from trainers.run_folder import read_metrics

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_icseg.jobs.request import RunRequest

LOG_TAIL_BYTES = 32 * 1024
_Signature = tuple[int, int]


@dataclass(frozen=True)
class RunSnapshot:
    """One run at one moment."""

    run_dir: Path
    status: RunStatus
    request: RunRequest | None
    """None for a run that the command line started."""
    created_unix_s: float
    queued_unix_s: float = 0.0
    """When a waiting run was put into the queue; 0 for any other."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Of a finished round's model on the validation tiles; a training has its curves."""

    @property
    def is_round(self) -> bool:
        """Whether it is a round of trainings."""
        return self.request is not None and self.request.is_round

    @property
    def name(self) -> str:
        """Name of the run folder, unique among the project's runs."""
        return self.run_dir.name


@dataclass(frozen=True)
class RunChanges:
    """What one step of the watcher found; falsy when nothing has changed."""

    updated: tuple[RunSnapshot, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.updated or self.removed)


class RunsWatcher:
    """Follows all runs of a folder; each `step` reads only what was written since the last.

    It has no thread and no timer of its own. One thread at a time may call `step`.
    """

    def __init__(self, runs_folder: Path) -> None:
        self.runs_folder = runs_folder
        self._followed: dict[str, _FollowedRun] = {}

    def step(self) -> RunChanges:
        """Look at the folder and return what is new; never raises for a damaged run."""
        present = {path.name: path for path in run_dirs(self.runs_folder)}
        removed = tuple(name for name in self._followed if name not in present)
        for name in removed:
            del self._followed[name]
        updated = []
        for name, path in present.items():
            followed = self._followed.setdefault(name, _FollowedRun(path))
            if (snapshot := followed.step()) is not None:
                updated.append(snapshot)
        return RunChanges(tuple(updated), removed)

    def snapshots(self) -> tuple[RunSnapshot, ...]:
        """Return the runs as of the last step, oldest first."""
        runs = (run.snapshot for run in self._followed.values())
        return tuple(sorted((r for r in runs if r), key=lambda run: run.created_unix_s))


class _FollowedRun:
    """One run folder: its file signature decides whether there is anything to read."""

    def __init__(self, run_dir: Path) -> None:
        self.snapshot: RunSnapshot | None = None
        self._run_dir = run_dir
        self._watcher = RunWatcher(run_dir)
        self._signature: _Signature | None = None
        self._request = read_request(run_dir)
        self._created_unix_s = _created(run_dir, self._request)

    def step(self) -> RunSnapshot | None:
        signature = _signature(self._run_dir)
        # a running process can end without writing a word: only then files do not tell
        is_working = self.snapshot is None or self.snapshot.status.state in WORKING
        if signature == self._signature and not is_working:
            return None
        self._signature = signature
        status = poll(self._watcher)
        if self.snapshot is not None and status == self.snapshot.status:
            return None
        waits_since = queued_at(self._run_dir) if status.state is RunState.QUEUED else 0.0
        is_done = status.state is RunState.FINISHED
        metrics = read_metrics(self._run_dir) if is_done and status.phases else {}
        self.snapshot = RunSnapshot(
            self._run_dir, status, self._request, self._created_unix_s, waits_since, metrics
        )
        return self.snapshot


def list_runs(runs_folder: Path) -> tuple[RunSnapshot, ...]:
    """Return all runs of a folder, oldest first; what is no run is left out."""
    watcher = RunsWatcher(runs_folder)
    watcher.step()
    return watcher.snapshots()


def read_log_tail(run_dir: Path, max_bytes: int = LOG_TAIL_BYTES) -> str:
    """Return the end of the run's log, whole lines only; empty where there is none."""
    try:
        with (run_dir / LOG_FILE).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - max_bytes))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return text if size <= max_bytes else text.partition("\n")[2]


def _signature(run_dir: Path) -> _Signature:
    try:
        stat = (run_dir / EVENTS_FILE).stat()
    except OSError:
        return (0, 0)
    return stat.st_mtime_ns, stat.st_size


def _created(run_dir: Path, request: RunRequest | None) -> float:
    if request is not None:
        return request.created_unix_s
    try:
        return run_dir.stat().st_mtime
    except OSError:  # removed in this moment: the next step drops it
        return 0.0
