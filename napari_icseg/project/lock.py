"""One process at a time may write a project.

The lock is the operating system's, on a side file: it vanishes with its process, however that
ends. The side file itself stays, because removing it could give two processes a lock each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from napari_icseg.project.errors import ProjectLockedError, ProjectReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def lock_path(project_file: Path) -> Path:
    """Return the path of the side file that carries the lock."""
    return project_file.with_name(project_file.name + "-lock")


def acquire(project_file: Path, describe_holder: Callable[[], str]) -> FileLock:
    """Lock the project for this process, or say who has it.

    Raises:
        ProjectLockedError: if it is open elsewhere; `describe_holder` is asked for the words.
        ProjectReadOnlyError: if the side file cannot be written.

    """
    lock = FileLock(lock_path(project_file), thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ProjectLockedError(
            f"{project_file} is open in {describe_holder()}. Close it there, then open it here; "
            "exporting works meanwhile."
        ) from None
    except OSError as error:
        raise ProjectReadOnlyError(
            f"cannot write beside {project_file} ({error.strerror}). Labelling needs a folder "
            "with write permission: copy the project there, or only export from it here."
        ) from error
    return lock
