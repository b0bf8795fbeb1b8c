"""All results that the dock lists, read anew only where something has changed. For one thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_icseg.controllers.results_rows import experiment_runs, project_run
from napari_icseg.controllers.training_words import can_prefill
from napari_icseg.jobs.watcher import RunsWatcher
from trainers.errors import IcsegError
from trainers.experiments.results import RESULTS_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_icseg.controllers.results_rows import ResultRun

_Stamp = tuple[int, int] | None
_NEVER = (-1, -1)


@dataclass(frozen=True)
class FoundResults:
    """All results, and what could not be read and was not said before."""

    runs: tuple[ResultRun, ...]
    problems: tuple[str, ...]


@dataclass
class _Experiment:
    stamp: _Stamp = _NEVER
    runs: tuple[ResultRun, ...] = ()


class ResultsReader:
    """Follows the runs of one project and the results of any number of experiments."""

    def __init__(self) -> None:
        self._watcher: RunsWatcher | None = None
        self._experiments: dict[Path, _Experiment] = {}
        self._asked: object = None
        self._told: set[str] = set()

    def read(self, runs_dir: Path | None, folders: Sequence[Path]) -> FoundResults | None:
        """Return what there is now; None if that is what was returned the last time.

        Args:
            runs_dir: of the project, if one is open.
            folders: of experiments.

        """
        is_changed = (runs_dir, tuple(folders)) != self._asked
        self._asked = (runs_dir, tuple(folders))
        problems: list[str] = []
        try:
            is_changed |= self._step(runs_dir)
        except (OSError, IcsegError) as error:
            problems.append(str(error))
        for folder in folders:
            try:
                is_changed |= self._look(folder)
            except (OSError, IcsegError) as error:
                problems.append(str(error))
        told = tuple(problem for problem in problems if problem not in self._told)
        self._told = set(problems)
        return FoundResults(self._all(folders), told) if is_changed or told else None

    def _step(self, runs_dir: Path | None) -> bool:
        if self._watcher is None or self._watcher.runs_folder != runs_dir:
            self._watcher = None if runs_dir is None else RunsWatcher(runs_dir)
        return self._watcher is not None and bool(self._watcher.step())

    def _look(self, folder: Path) -> bool:
        known, now = self._experiments.setdefault(folder, _Experiment()), _stamp(folder)
        if now == known.stamp:
            return False
        known.stamp = now  # what cannot be read is not tried again before it changes
        known.runs = ()
        known.runs = experiment_runs(folder)
        return True

    def _all(self, folders: Sequence[Path]) -> tuple[ResultRun, ...]:
        watched = () if self._watcher is None else self._watcher.snapshots()
        own = tuple(project_run(run) for run in watched if can_prefill(run))
        return own + tuple(run for folder in folders for run in self._experiments[folder].runs)


def _stamp(folder: Path) -> _Stamp:
    """Return time and size of an experiment's results; None where there are none."""
    try:
        status = (folder / RESULTS_NAME).stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size
