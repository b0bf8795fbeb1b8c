"""The files of a run folder, and the facts about code and process that go into them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from trainers.errors import CheckpointError, DataError, TrainingError
from trainers.io.atomic import write_error, write_text_atomic
from trainers.io.manifest import MANIFEST_NAME
from trainers.progress import (
    CANCEL_FILE,
    EVENTS_FILE,
    LOG_FILE,
    PAUSE_FILE,
    PROCESS_FILE,
    WORKING,
    RunStatus,
    read_status,
)

TEACHER, STUDENT = "teacher", "student"
"""Folders of the two trainings of a round."""


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run.

    `control` is the folder in which it is asked to stop or to wait, where that is another: a
    round speaks for the trainings in it.
    """

    path: Path
    control: Path | None = None

    @property
    def config(self) -> Path:
        """The `TrainConfig` as JSON."""
        return self.path / "config.json"

    @property
    def dataset(self) -> Path:
        """Snapshot of what is trained on: `manifest.json` and `masks/`."""
        return self.path / "dataset"

    @property
    def events(self) -> Path:
        """Progress, one JSON object a line."""
        return self.path / EVENTS_FILE

    @property
    def cancel(self) -> Path:
        """A file that asks the run to stop; its content does not matter."""
        return (self.control or self.path) / CANCEL_FILE

    @property
    def pause(self) -> Path:
        """A file that asks the run to wait until it is removed; its content does not matter."""
        return (self.control or self.path) / PAUSE_FILE

    @property
    def previews(self) -> Path:
        """Pictures of predictions on some validation tiles, one an epoch."""
        return self.path / "previews"

    @property
    def tensorboard(self) -> Path:
        """The curves once more, as TensorBoard reads them."""
        return self.path / "tensorboard"

    @property
    def last(self) -> Path:
        """Newest weights."""
        return self.path / "checkpoints" / "last.safetensors"

    @property
    def best(self) -> Path:
        """Weights of the epoch with the best validation metric."""
        return self.path / "checkpoints" / "best.safetensors"

    @property
    def state(self) -> Path:
        """All that a resume needs, in one file and hence consistent."""
        return self.path / "checkpoints" / "last.state.pt"

    @property
    def metrics(self) -> Path:
        """Validation metrics of the best and the last epoch."""
        return self.path / "metrics.json"

    @property
    def log(self) -> Path:
        """Readable log, with tracebacks."""
        return self.path / LOG_FILE

    def make_new(self) -> None:
        """Make the folder; what a run left that never reached a checkpoint is removed.

        Raises `TrainingError` if it holds a run that did, or that goes on.
        """
        is_running = read_status(self.path).state in WORKING
        if self.state.exists() or (self.config.exists() and is_running):
            raise TrainingError(
                f"{self.path} already holds a run. Go on with it by "
                f"`icseg train --resume {self.path}`, or choose another folder."
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(self.path, error) from error
        if self.config.exists():
            stale = (self.events, self.dataset / MANIFEST_NAME, self.config)
            for left in stale:
                left.unlink(missing_ok=True)
            self.forget_wishes()

    def forget_wishes(self) -> None:
        """Remove what the run itself was asked for: to start or to resume is to go on."""
        for name in (CANCEL_FILE, PAUSE_FILE):
            (self.path / name).unlink(missing_ok=True)

    def write_process(self) -> None:
        """Say which process works on the run now."""
        process = psutil.Process(os.getpid())
        fields = {"pid": process.pid, "create_time": process.create_time()}
        write_text_atomic(self.path / PROCESS_FILE, json.dumps(fields) + "\n")


def checkpoint_file(path: Path) -> Path:
    """Return the file itself, or the best (else the last) checkpoint of a run folder.

    A round's folder stands for its student. Raises `CheckpointError` if the run has none yet.
    """
    if not path.is_dir():
        return path
    folder, student = RunFolder(path), RunFolder(path / STUDENT)
    for file in (folder.best, folder.last, student.best, student.last):
        if file.exists():
            return file
    raise CheckpointError(
        f"{path} has no checkpoint yet. Wait for the first epoch, or choose a finished run."
    )


@dataclass(frozen=True)
class RunSummary:
    """One run of a folder, as a list shows it; `metrics` is empty before the run finishes."""

    path: Path
    status: RunStatus
    metrics: dict[str, Any]


def list_runs(folder: Path) -> list[RunSummary]:
    """Return the runs directly in `folder`, or the one that `folder` is, oldest name first.

    Raises `DataError` if there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}. Give the folder that holds the runs.")
    candidates = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    runs = [path for path in candidates if RunFolder(path).config.is_file()]
    return [RunSummary(path, read_status(path), read_metrics(path)) for path in runs]


def read_metrics(run_dir: Path) -> dict[str, Any]:
    """Return `metrics.json`; empty before the run finishes, or if it is damaged."""
    try:
        metrics = json.loads(RunFolder(run_dir).metrics.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return metrics if isinstance(metrics, dict) else {}


@cache
def code_version() -> dict[str, str | None]:
    """Return the package version and, from a git checkout, the commit ("-dirty" if changed)."""
    try:
        version = metadata.version("napari-icseg")
    except metadata.PackageNotFoundError:
        version = None
    return {"version": version, "commit": _git_commit(Path(__file__).resolve().parent)}


def _git_commit(folder: Path) -> str | None:
    if not (folder.parent / ".git").exists():
        return None  # installed from a wheel, maybe inside somebody else's repository
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None  # git is not installed or not willing: the version must do
    return done.stdout.strip() or None
