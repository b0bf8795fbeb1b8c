"""Pausing a training, and what the queue does meanwhile, with real but light processes."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from napari_icseg.jobs import runs
from napari_icseg.jobs.errors import JobError
from napari_icseg.jobs.watcher import RunsWatcher, list_runs
from tests.napari_icseg.jobs.conftest import tiny_request, write_labels
from trainers.progress import PAUSE_FILE, RunState, read_process, read_status

if TYPE_CHECKING:
    from collections.abc import Callable

FAKE = Path(__file__).with_name("fake_trainer.py")


@pytest.fixture
def start(runs_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Start a run that listens."""
    monkeypatch.setattr(
        runs, "command", lambda run_dir: [sys.executable, str(FAKE), str(run_dir), "polite"]
    )
    return lambda: runs.start_run(tiny_request(), runs_folder, Path.mkdir).run_dir


@pytest.fixture
def paused(start: Callable[[], Path]) -> Path:
    run_dir = start()
    wait_for(lambda: read_status(run_dir).step >= 1)
    runs.pause(run_dir)
    wait_for(lambda: read_status(run_dir).state is RunState.PAUSED)
    return run_dir


def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "the run did not get there in time"
        time.sleep(0.02)


def test_a_paused_training_makes_no_step_until_it_may_go_on(paused: Path) -> None:
    step = read_status(paused).step
    time.sleep(0.3)
    assert read_status(paused).step == step

    runs.unpause(paused)

    wait_for(lambda: read_status(paused).step > step)
    assert read_status(paused).state is RunState.RUNNING


def test_a_paused_training_keeps_its_place_and_the_others_wait(
    paused: Path, start: Callable[[], Path], runs_folder: Path
) -> None:
    second = start()

    assert runs.launch_next(runs_folder) is None
    assert read_status(second).state is RunState.QUEUED


def test_a_paused_training_can_be_cancelled_and_is_not_paused_when_resumed(paused: Path) -> None:
    assert runs.cancel(paused).state is RunState.CANCELLED
    assert not (paused / PAUSE_FILE).exists()

    runs.resume(paused)

    wait_for(lambda: read_status(paused).state is RunState.RUNNING)


def test_a_paused_training_that_is_killed_is_seen_to_be_interrupted(
    paused: Path, runs_folder: Path
) -> None:
    watcher = RunsWatcher(runs_folder)
    watcher.step()
    fields = read_process(paused)
    assert fields is not None
    psutil.Process(fields[0]).kill()

    wait_for(lambda: bool(watcher.step()))

    assert watcher.snapshots()[0].status.state is RunState.INTERRUPTED


def test_only_a_running_training_can_be_paused(paused: Path) -> None:
    runs.cancel(paused)

    with pytest.raises(JobError, match="only a running one can pause"):
        runs.pause(paused)


def test_waiting_runs_tell_since_when(start: Callable[[], Path], runs_folder: Path) -> None:
    names = [start().name for _ in range(3)]

    waiting = [run for run in list_runs(runs_folder) if run.status.state is RunState.QUEUED]

    waiting.sort(key=lambda run: run.queued_unix_s)
    assert [run.name for run in waiting] == names[1:]
    assert all(run.queued_unix_s > 0 for run in waiting)


def test_a_real_training_pauses_goes_on_and_finishes(runs_folder: Path) -> None:
    run_dir = runs.start_run(tiny_request(epochs=12), runs_folder, write_labels).run_dir
    wait_for(lambda: read_status(run_dir).step >= 1, timeout_s=90.0)
    runs.pause(run_dir)
    wait_for(lambda: read_status(run_dir).state is RunState.PAUSED, timeout_s=60.0)
    step = read_status(run_dir).step
    time.sleep(0.5)
    assert read_status(run_dir).step == step

    runs.unpause(run_dir)

    wait_for(lambda: read_status(run_dir).state is RunState.FINISHED, timeout_s=90.0)
    assert read_status(run_dir).epoch == 12
