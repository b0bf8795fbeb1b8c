"""The files of a run folder, and the facts about code and process that go into them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import psutil

from trainers.errors import TrainingError
from trainers.io.atomic import write_text_atomic
from trainers.progress import CANCEL_FILE, EVENTS_FILE, PROCESS_FILE


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run."""

    path: Path

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
        return self.path / CANCEL_FILE

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
        return self.path / "log.txt"

    def require_new(self) -> None:
        """Raise `TrainingError` if the folder holds a run already."""
        if self.config.exists():
            raise TrainingError(
                f"{self.path} already holds a run. Go on with it by "
                f"`icseg train --resume {self.path}`, or choose another folder."
            )

    def write_process(self) -> None:
        """Say which process works on the run now."""
        process = psutil.Process(os.getpid())
        fields = {"pid": process.pid, "create_time": process.create_time()}
        write_text_atomic(self.path / PROCESS_FILE, json.dumps(fields) + "\n")


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
