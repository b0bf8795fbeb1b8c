"""What a run was asked to be: kept in the run folder, so that any process can launch it."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from napari_icseg.jobs.errors import JobError
from napari_icseg.jobs.folder import CONFIG_FILE, JOB_FILE, LABELS_FOLDER, UNLABELLED_FOLDER
from trainers.io.atomic import write_text_atomic
from trainers.io.manifest import MANIFEST_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class RunRequest:
    """A training, or a round of trainings, to start."""

    model: str
    preset: str = "best"
    epochs: int | None = None
    """None leaves the number to the preset."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of `trainers.config.TrainConfig`, and `option.NAME` of the model; JSON."""
    num_train: int | None = None
    num_val: int | None = None
    data_label: str = ""
    """What it learns, in words, where it is not everything that is labelled."""
    created_unix_s: float = field(default_factory=time.time)
    method: str = ""
    """How a round uses unlabelled images (`trainers.semi_supervised`); empty for a training."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What whoever asked wants to know again when it has ended; JSON."""

    @property
    def is_round(self) -> bool:
        """Whether it is a round: two trainings, labels and proposals of models."""
        return bool(self.method)


def write_request(run_dir: Path, request: RunRequest) -> None:
    """Write the request into the run folder; raise `DataError` if the disk refuses it."""
    write_text_atomic(run_dir / JOB_FILE, json.dumps(asdict(request), indent=2) + "\n")


def read_request(run_dir: Path) -> RunRequest | None:
    """Return the request, or None where there is none (a run of the command line) or no sense."""
    try:
        fields = json.loads((run_dir / JOB_FILE).read_text(encoding="utf-8"))
        return RunRequest(**fields)
    except (OSError, ValueError, TypeError):
        return None


def command(run_dir: Path) -> list[str]:
    """Return the command that starts the run, or goes on with it where it was started before.

    `-P` keeps a folder named like one of our packages, in the working directory, from being
    imported. Raises JobError if the folder says neither what to start nor what to resume.
    """
    request = read_request(run_dir)
    is_round = request is not None and request.is_round
    start = [sys.executable, "-P", "-m", "trainers.cli"]
    start += ["rounds", "run"] if is_round else ["train"]
    if (run_dir / CONFIG_FILE).is_file():
        return [*start, "--resume", str(run_dir)]
    if request is None:
        raise JobError(f"{run_dir} has no readable {JOB_FILE}. Start a new training instead.")
    return [*start, request.model, *_arguments(run_dir, request)]


def _arguments(run_dir: Path, request: RunRequest) -> list[str]:
    arguments = ["--data", str(run_dir / LABELS_FOLDER), "--preset", request.preset]
    if request.epochs is not None:
        arguments += ["--epochs", str(request.epochs)]
    for name, value in request.options.items():
        arguments += ["--set", f"{name}={json.dumps(value)}"]
    if request.is_round:
        arguments += ["--unlabelled", str(run_dir / UNLABELLED_FOLDER / MANIFEST_NAME)]
        arguments += ["--method", request.method]
    return [*arguments, "--out", str(run_dir)]
