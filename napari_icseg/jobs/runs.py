"""Start, pause, cancel and resume trainings that live in processes of their own.

Everything is told by the run folder, so that a restarted GUI, or another program, knows as
much as the one that started the run:

    start_run
        │
        ▼      launch_next             ┌──────▶ finished
      queued ─────────────▶ running ───┼──────▶ failed ────────┐
        │ ▲                 │  │       └ (killed) ▶ interrupted ┤
        │ │          cancel │                          │cancel  │
        │ │                 ▼                          ▼        │
        ├─┼───cancel───▶ cancelled ◀───────────────────┘        │
        │ └─ resume ────────┴───────────────────────────────────┘

A running one may be `paused` and then goes on, or ends as a running one does. One run of a
folder runs (or is paused, and keeps its memory) at a time. The others wait as `queued`, in the
order in which they were asked for, until `launch_next` is called (by the watcher of an open GUI).
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_icseg.jobs import process
from napari_icseg.jobs.errors import JobError
from napari_icseg.jobs.folder import LABELS_FOLDER, launch_lock, preparing, publish, run_dirs
from napari_icseg.jobs.process import ProcessId
from napari_icseg.jobs.request import RunRequest, command, write_request
from napari_icseg.jobs.status import queued_at, read_status
from trainers.io.atomic import write_error, write_text_atomic
from trainers.progress import (
    CANCEL_FILE,
    EVENTS_FILE,
    PAUSE_FILE,
    PROCESS_FILE,
    WORKING,
    EventWriter,
    RunState,
    RunStatus,
    read_process,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LOG_FILE = "log.txt"
CANCEL_GRACE_S = 5.0
_RESUMABLE = (RunState.INTERRUPTED, RunState.CANCELLED, RunState.FAILED)


@dataclass(frozen=True)
class RunHandle:
    """A run that was started, queued or resumed."""

    run_dir: Path
    is_queued: bool
    """True while another run of the same folder has to end first."""


def start_run(
    request: RunRequest,
    runs_folder: Path,
    write_labels: Callable[[Path], None],
    *,
    name: str = "",
) -> RunHandle:
    """Make a run folder, let `write_labels` fill its data folder, and launch or queue it.

    Returns as soon as the process has been started; never call it from the GUI thread,
    because writing the labels takes a while. `name` is the folder's, instead of time and model.
    Raises `IcsegError`, and then no run exists.
    """
    with preparing(runs_folder, request.model) as temporary:
        write_labels(temporary / LABELS_FOLDER)
        write_request(temporary, request)
        EventWriter(temporary / EVENTS_FILE).write("queued", model=request.model)
        run_dir = publish(temporary, request.model, name)
    return _launched_or_queued(run_dir)


def resume(run_dir: Path) -> RunHandle:
    """Go on with an interrupted, cancelled or failed run; raise JobError in any other state."""
    with launch_lock(run_dir.parent):
        status = read_status(run_dir)
        if status.state not in _RESUMABLE:
            raise JobError(_not_resumable(run_dir, status.state))
        for name in (CANCEL_FILE, PAUSE_FILE, PROCESS_FILE):
            (run_dir / name).unlink(missing_ok=True)
        EventWriter(run_dir / EVENTS_FILE).write("queued", model=status.model)
    return _launched_or_queued(run_dir)


def launch_next(runs_folder: Path) -> Path | None:
    """Launch the run that waits longest, unless one is running; return its folder.

    A run that cannot be launched is marked as failed with the reason, and the next is tried.
    """
    with launch_lock(runs_folder):
        states = {run_dir: read_status(run_dir).state for run_dir in run_dirs(runs_folder)}
        if any(state in WORKING for state in states.values()):
            return None
        waiting = [run_dir for run_dir, state in states.items() if state is RunState.QUEUED]
        for run_dir in sorted(waiting, key=queued_at):
            if _launch(run_dir):
                return run_dir
    return None


def pause(run_dir: Path) -> None:
    """Ask a running training to wait after its present step; raise JobError in other states."""
    status = read_status(run_dir)
    if status.state not in WORKING:
        raise JobError(f"{run_dir.name} is {status.state.value}: only a running one can pause.")
    _touch(run_dir / PAUSE_FILE)


def unpause(run_dir: Path) -> None:
    """Let a paused training go on; nothing happens in any other state."""
    (run_dir / PAUSE_FILE).unlink(missing_ok=True)


def cancel(run_dir: Path, grace_s: float = CANCEL_GRACE_S) -> RunStatus:
    """Stop a run from whatever state it is in, and return the state it is in then.

    A running one is asked first, and has `grace_s` seconds to write a checkpoint; then it is
    terminated, then killed with its children. A finished or failed run stays as it is.
    Blocks until the process is gone: call it from a worker thread. Raises JobError if the
    process cannot be stopped.
    """
    with launch_lock(run_dir.parent):
        status = read_status(run_dir)
        if status.state not in WORKING:
            return _cancel_idle(run_dir, status)
        _touch(run_dir / CANCEL_FILE)
    _end_process(run_dir, grace_s)
    for name in (CANCEL_FILE, PAUSE_FILE):
        (run_dir / name).unlink(missing_ok=True)
    return _cancel_idle(run_dir, read_status(run_dir))


def watch(run_dir: Path, *, poll_s: float = 0.25) -> Iterator[RunStatus]:
    """Yield the status whenever it has changed, until the run is over (that one included)."""
    former = None
    while True:
        status = read_status(run_dir)
        if status != former:
            yield status
            former = status
        if status.state.is_over:
            return
        time.sleep(poll_s)


def _launched_or_queued(run_dir: Path) -> RunHandle:
    launch_next(run_dir.parent)
    return RunHandle(run_dir, is_queued=read_status(run_dir).state is RunState.QUEUED)


def _launch(run_dir: Path) -> bool:
    events = EventWriter(run_dir / EVENTS_FILE)
    try:
        started = process.spawn_detached(command(run_dir), log=run_dir / LOG_FILE, cwd=run_dir)
    except JobError as error:
        events.write("failed", reason=str(error))
        return False
    fields = {"pid": started.pid, "create_time": started.create_time}
    write_text_atomic(run_dir / PROCESS_FILE, json.dumps(fields) + "\n")
    events.write("launched", pid=started.pid)
    return True


def _cancel_idle(run_dir: Path, status: RunStatus) -> RunStatus:
    """Mark a run on which no process works; what is finished or failed stays so."""
    if status.state in (RunState.QUEUED, RunState.INTERRUPTED):
        EventWriter(run_dir / EVENTS_FILE).write("cancelled")
        return read_status(run_dir)
    return status


def _end_process(run_dir: Path, grace_s: float) -> None:
    fields = read_process(run_dir)
    if fields is None:
        return
    process_id = ProcessId(*fields)
    if process.wait_until_ended(process_id, grace_s) or process.stop_tree(process_id):
        return
    raise JobError(
        f"Process {process_id.pid} of {run_dir.name} does not end, not even when killed. "
        "It may hang in a driver: end it in the system's task list, or restart the computer."
    )


def _touch(path: Path) -> None:
    """Make an empty file; raise JobError where the disk refuses it."""
    try:
        path.touch()
    except OSError as error:
        raise JobError(str(write_error(path, error))) from error


def _not_resumable(run_dir: Path, state: RunState) -> str:
    if state is RunState.FINISHED:
        return f"{run_dir.name} has finished: start a new training to learn from newer labels."
    return f"{run_dir.name} is {state.value} already: it needs no resuming."
