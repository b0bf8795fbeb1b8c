"""The status of a run folder that anybody may have written into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainers.progress import RunState, RunStatus, RunWatcher

if TYPE_CHECKING:
    from pathlib import Path


def read_status(run_dir: Path) -> RunStatus:
    """Return the status that a run folder tells; see `poll`."""
    return poll(RunWatcher(run_dir))


def poll(watcher: RunWatcher) -> RunStatus:
    """Return the present status; a folder whose events make no sense counts as failed.

    One damaged folder must not hide all other runs.
    """
    try:
        return watcher.poll()
    except (KeyError, TypeError, ValueError, OSError) as error:
        reason = f"Its events cannot be read ({type(error).__name__}: {error})."
        return RunStatus(state=RunState.FAILED, reason=reason)
