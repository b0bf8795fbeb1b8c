"""The status of a run folder that anybody may have written into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainers.progress import EVENTS_FILE, RunState, RunStatus, RunWatcher, read_events

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


def queued_at(run_dir: Path) -> float:
    """Return when the run was last put into the queue (s since 1970); 0 if it never was."""
    events, _ = read_events(run_dir / EVENTS_FILE)
    return max((float(e.get("t", 0.0)) for e in events if e["kind"] == "queued"), default=0.0)
