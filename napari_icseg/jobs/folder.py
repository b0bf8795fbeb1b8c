"""Run folders: their names, their preparation, and the lock that serialises launches.

- `<project>.runs/20260131-141503-unet/`: one run; it appears complete, by a rename.
- `<project>.runs/round-3/`: a round, with the runs `teacher/` and `student/` inside.
- `<project>.runs/.preparing-…/`: a run whose data are still being written.
- `<project>.runs/.launch.lock`: held for the moment in which a process is started.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from napari_icseg.jobs.errors import JobError
from trainers.io.atomic import write_error
from trainers.progress import EVENTS_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOB_FILE = "job.json"
CONFIG_FILE = "config.json"
LABELS_FOLDER = "labels"
UNLABELLED_FOLDER = "unlabelled"
"""Of a round: the list of the images that its model is to label."""
_PREPARING = ".preparing-"
_LOCK = ".launch.lock"
_ABANDONED_AFTER_S = 24 * 3600.0
_LOCK_TIMEOUT_S = 10.0


def runs_folder_of(project_file: Path) -> Path:
    """Return the folder, beside the project file, in which its runs live."""
    return project_file.with_name(f"{project_file.stem}.runs")


def is_run(path: Path) -> bool:
    """Say whether `path` looks like a run folder; anything else is left alone."""
    if path.name.startswith("."):
        return False
    try:
        return any((path / name).is_file() for name in (JOB_FILE, CONFIG_FILE, EVENTS_FILE))
    except OSError:  # a folder that we may not look into
        return False


def run_dirs(folder: Path) -> list[Path]:
    """Return the run folders in `folder`, oldest first; a missing folder has none."""
    try:
        entries = list(folder.iterdir())
    except OSError:  # missing, or not readable now: there is nothing to show
        return []
    return sorted(path for path in entries if is_run(path))


@contextmanager
def preparing(folder: Path, model: str) -> Iterator[Path]:
    """Yield a new folder to fill; leaving without an error makes it a run, else it is removed.

    After the block the run lies at `finished_path(yielded)`. Raises JobError when the disk
    does not take it.
    """
    temporary = folder / f"{_PREPARING}{_run_name(model)}-{secrets.token_hex(3)}"
    try:
        temporary.mkdir(parents=True)
        _remove_abandoned(folder)
        yield temporary
    except OSError as error:
        raise JobError(str(write_error(temporary, error))) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def publish(temporary: Path, model: str, name: str = "") -> Path:
    """Rename a prepared folder to a run of a name that no other has; return its path.

    `name` is instead of time and model.
    """
    name = name or _run_name(model)
    for suffix in ("", *(f"-{number}" for number in range(2, 1000))):
        target = temporary.with_name(name + suffix)
        if target.exists():
            continue
        with contextlib.suppress(FileExistsError):
            temporary.rename(target)
            return target
    raise JobError(f"No free name for a run like {name} in {temporary.parent}.")


@contextmanager
def launch_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a runs folder; the system frees it when its holder dies.

    Raises JobError when another process holds it for longer than ten seconds.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _LOCK, timeout=_LOCK_TIMEOUT_S):
            yield
    except Timeout as error:
        msg = f"Another program is starting a run in {folder}. Try again in a moment."
        raise JobError(msg) from error


def _run_name(model: str) -> str:
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{model}"


def _remove_abandoned(folder: Path) -> None:
    """A program killed while it prepared a run leaves a folder that nobody will finish."""
    for path in folder.glob(f"{_PREPARING}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_AFTER_S:
                shutil.rmtree(path, ignore_errors=True)
