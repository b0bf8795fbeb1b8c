"""Detached processes: spawn one, recognise it again, stop it with its children.

A process is identified by its pid *and* its creation time, because the system gives a
pid again once its process has ended.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from napari_icseg.jobs.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# psutil computes the creation time from clock ticks; two readings may differ by rounding
CREATE_TIME_TOLERANCE_S = 0.1
POLITE_NICENESS = 10


@dataclass(frozen=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    create_time: float
    """Seconds since the epoch, as psutil gives it."""


def find(process_id: ProcessId) -> psutil.Process | None:
    """Return the running process, or None if it ended, is a zombie or its pid was reused."""
    try:
        process = psutil.Process(process_id.pid)
        same = abs(process.create_time() - process_id.create_time) <= CREATE_TIME_TOLERANCE_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def is_alive(process_id: ProcessId) -> bool:
    """Say whether exactly this process is still running."""
    return find(process_id) is not None


def spawn_detached(argv: Sequence[str], *, log: Path, cwd: Path) -> ProcessId:
    """Start `argv` in a session of its own, with stdout and stderr appended to `log`.

    No pipe ties it to this process: it goes on when this one is closed or killed. It runs
    at a lower priority, so that the GUI keeps answering on a machine with few cores.
    Raises JobError if it cannot be started.
    """
    try:
        with log.open("ab") as stream:
            process = _popen(argv, stream.fileno(), cwd)
    except OSError as error:
        msg = f"The training process could not be started ({error}). Command: {' '.join(argv)}"
        raise JobError(msg) from error
    _reap_in_background(process)
    return _identify(process.pid)


def stop_tree(process_id: ProcessId, *, terminate_s: float = 3.0, kill_s: float = 3.0) -> bool:
    """Terminate the process and its children, kill what is left; True if all have ended."""
    process = find(process_id)
    if process is None:
        return True
    with contextlib.suppress(psutil.NoSuchProcess):
        victims = [process, *process.children(recursive=True)]
        _, left = _signal_and_wait(victims, "terminate", terminate_s)
        _, left = _signal_and_wait(left, "kill", kill_s)
        return not left
    return True


def wait_until_ended(process_id: ProcessId, timeout_s: float) -> bool:
    """Wait for the process to end by itself; False when it still runs after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while is_alive(process_id):
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)
    return True


def _popen(argv: Sequence[str], log_fd: int, cwd: Path) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log_fd, stderr=log_fd, cwd=cwd, env=env,
            creationflags=flags,
        )  # fmt: skip
    return subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=log_fd, stderr=log_fd, cwd=cwd, env=env,
        start_new_session=True,
    )  # fmt: skip


def _reap_in_background(process: subprocess.Popen[bytes]) -> None:
    # without a wait() the ended child would stay a zombie for as long as the GUI lives
    threading.Thread(target=process.wait, name=f"reap-{process.pid}", daemon=True).start()


def _identify(pid: int) -> ProcessId:
    try:
        process = psutil.Process(pid)
        process_id = ProcessId(pid, process.create_time())
        process.nice(
            psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else POLITE_NICENESS
        )
    except psutil.NoSuchProcess:  # it has already ended: an identity that nothing matches
        return ProcessId(pid, 0.0)
    return process_id


def _signal_and_wait(
    processes: Sequence[psutil.Process], method: str, timeout_s: float
) -> tuple[list[psutil.Process], list[psutil.Process]]:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            getattr(process, method)()
    gone, left = psutil.wait_procs(list(processes), timeout=timeout_s)
    return gone, left
