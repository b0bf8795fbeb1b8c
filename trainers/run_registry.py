"""What is known of the runs in a folder, and how one is removed; no torch."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from trainers.config import read_config
from trainers.errors import CheckpointError, DataError, TrainingError
from trainers.io.atomic import write_error
from trainers.io.weights_file import SUFFIX, read_header
from trainers.progress import is_alive, read_events, read_process, read_status
from trainers.run_folder import RunFolder, checkpoint_file, list_runs, read_metrics

if TYPE_CHECKING:
    from pathlib import Path

EVALUATIONS = "evaluations"
_RUN_FOLDERS = ("checkpoints", "previews", "tensorboard", EVALUATIONS)
_DATA_FOLDERS = {"dataset": "dataset/manifest.json", "labels": "job.json"}
"""Removed only beside the file that says they are a run's own."""
_RUN_FILES = ("events.jsonl", "log.txt", "metrics.json", "process.json", "process.log", "job.json")
_RUN_PATTERNS = ("cancel", "pause", "*.tfevents.*", ".*.part*")
_CONFIG = "config.json"


@dataclass(frozen=True)
class RunDescription:
    """One run; None or empty where its folder does not tell.

    Attributes:
        path: the run folder.
        name: its name.
        model: kind of model.
        preset: "best" or "paper".
        state: "finished", "running", …; see `RunState`.
        reason: why it failed.
        epoch: epochs done.
        num_epochs: of how many.
        class_names: foreground classes with ids 1, 2, ….
        seed: of the run.
        metrics: of the best epoch on the validation tiles, classes under "per_class".
        best_epoch: 1-based.
        data_sha256: hash of the images, masks and splits that it trained on.
        parent: name and hash of the checkpoint whose weights it started from.
        code: package version and commit.
        started_unix_s: when training first began.
        ended_unix_s: when the last event was written.
        size_bytes: of all its files.
        num_evaluations: stored results of `compare`.
        config: all settings.
    """

    path: Path
    name: str
    model: str
    preset: str
    state: str
    reason: str
    epoch: int
    num_epochs: int
    class_names: tuple[str, ...]
    seed: int
    metrics: dict[str, Any] = field(hash=False)
    best_epoch: int | None
    data_sha256: str | None
    parent: dict[str, str] | None = field(hash=False)
    code: dict[str, str | None] = field(hash=False)
    started_unix_s: float | None
    ended_unix_s: float | None
    size_bytes: int
    num_evaluations: int
    config: dict[str, Any] = field(hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return {**asdict(self), "path": str(self.path), "class_names": list(self.class_names)}


def describe(run: Path) -> RunDescription:
    """Return what a run folder tells of itself.

    Raises:
        TrainingError: not a run folder, or its settings are damaged.

    """
    folder = RunFolder(run.absolute())
    config, status = read_config(folder.config), read_status(folder.path)
    metrics, meta = read_metrics(folder.path), checkpoint_meta(folder.path)
    events, _ = read_events(folder.events)
    started = next((event for event in events if event["kind"] == "started"), {})
    return RunDescription(
        path=folder.path,
        name=folder.path.name,
        model=config.model,
        preset=config.preset,
        state=status.state.value,
        reason=status.reason,
        epoch=status.epoch,
        num_epochs=config.epochs,
        class_names=config.class_names,
        seed=config.seed,
        metrics={name: value for name, value in metrics.items() if name != "last"},
        best_epoch=metrics.get("best_epoch") or meta.get("epoch"),
        data_sha256=meta.get("data_sha256") or started.get("data_sha256"),
        parent=meta.get("parent") or None,
        code=dict(meta.get("code") or started.get("code") or {}),
        started_unix_s=started.get("t"),
        ended_unix_s=events[-1].get("t") if events else None,
        size_bytes=_size_bytes(folder.path),
        num_evaluations=len(list((folder.path / EVALUATIONS).glob("*.json"))),
        config=json.loads(config.to_json()),
    )


class RunList(NamedTuple):
    """The runs of a folder; `damaged` are those whose settings cannot be read."""

    runs: tuple[RunDescription, ...]
    damaged: tuple[Path, ...]


def describe_all(folder: Path) -> RunList:
    """Return the runs directly in `folder`, or the one that it is; `DataError` if it is missing."""
    runs, damaged = [], []
    for run in list_runs(folder):
        try:
            runs.append(describe(run.path))
        except TrainingError:  # `describe` explains it; a list must not end at it
            damaged.append(run.path)
    return RunList(tuple(runs), tuple(damaged))


def checkpoint_meta(run: Path) -> dict[str, Any]:
    """Return what the header of the run's best checkpoint says; empty where there is none."""
    try:
        file = checkpoint_file(run)
        return read_header(file).meta if file.suffix == SUFFIX else {}
    except CheckpointError:
        return {}


def _size_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size if not path.is_dir() else 0
        except OSError:  # a temporary file that is gone by now
            continue
    return total


def delete_run(run: Path) -> tuple[Path, ...]:
    """Remove what a run has written, and its folder if nothing else lies in it.

    Returns what was left, because no run writes it. The settings go last, so that a run that
    could not be removed whole is still listed and can be removed again.

    Raises:
        TrainingError: a process works on it.
        DataError: not a run folder, a link to one, or the system refuses.

    """
    folder = run.absolute()
    if folder.is_symlink() or not (folder / _CONFIG).is_file():
        raise DataError(f"{run} is not a run folder: nothing was removed. Give the folder itself.")
    _refuse_if_worked_on(folder)
    own = [name for name, sign in _DATA_FOLDERS.items() if (folder / sign).is_file()]
    try:
        for name in (*_RUN_FOLDERS, *own):
            _remove_folder(folder / name)
        files = [folder / name for name in _RUN_FILES]
        files += [path for pattern in _RUN_PATTERNS for path in folder.glob(pattern)]
        for path in [*files, folder / _CONFIG]:
            if not path.is_dir():
                path.unlink(missing_ok=True)
        left = tuple(sorted(folder.iterdir()))
        if not left:
            folder.rmdir()
    except OSError as error:
        raise write_error(folder, error) from error
    return left


def _refuse_if_worked_on(folder: Path) -> None:
    process = read_process(folder)
    if process is not None and is_alive(*process) and not read_status(folder).state.is_over:
        raise TrainingError(f"{folder} is running. Cancel it first, then delete it.")


def _remove_folder(folder: Path) -> None:
    """Remove a folder; a link in its place is removed, and not what it points to."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.is_dir():
        shutil.rmtree(folder)
