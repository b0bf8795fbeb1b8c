"""Cancelling from every state, with real processes that are not as heavy as a training."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from napari_icseg.jobs import runs
from napari_icseg.jobs.errors import JobError
from tests.napari_icseg.jobs.conftest import tiny_request
from trainers.progress import (
    CANCEL_FILE,
    EVENTS_FILE,
    PROCESS_FILE,
    EventWriter,
    RunState,
    read_process,
    read_status,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FAKE = Path(__file__).with_name("fake_trainer.py")
Start = "Callable[[str], Path]"


@pytest.fixture
def start(runs_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Start a run that behaves as told."""

    def start_as(behaviour: str) -> Path:
        monkeypatch.setattr(
            runs, "command", lambda run_dir: [sys.executable, str(FAKE), str(run_dir), behaviour]
        )
        return runs.start_run(tiny_request(), runs_folder, Path.mkdir).run_dir

    return start_as


def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "the run did not get there in time"
        time.sleep(0.02)


def steps_of(run_dir: Path) -> int:
    return read_status(run_dir).step


def test_a_running_training_is_asked_first_and_ends_by_itself(start: Start) -> None:
    run_dir = start("polite")
    wait_for(lambda: steps_of(run_dir) >= 2)
    started = time.monotonic()

    status = runs.cancel(run_dir)

    assert status.state is RunState.CANCELLED
    assert time.monotonic() - started < runs.CANCEL_GRACE_S
    assert not (run_dir / CANCEL_FILE).exists(), "a later resume must not be cancelled by it"


def test_a_training_that_does_not_listen_is_killed_with_its_children(start: Start) -> None:
    run_dir = start("stubborn")
    wait_for(lambda: steps_of(run_dir) >= 1)
    child = psutil.Process(int((run_dir / "child.txt").read_text()))

    status = runs.cancel(run_dir, grace_s=0.2)

    assert status.state is RunState.CANCELLED
    fields = read_process(run_dir)
    assert fields is not None
    assert not psutil.pid_exists(fields[0]) or not runs.process.is_alive(
        runs.process.ProcessId(*fields)
    )
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_training_that_has_not_said_anything_yet_can_be_cancelled(start: Start) -> None:
    run_dir = start("silent")
    assert read_status(run_dir).state is RunState.RUNNING

    assert runs.cancel(run_dir, grace_s=0.1).state is RunState.CANCELLED


def test_a_queued_training_never_starts_once_cancelled(start: Start, runs_folder: Path) -> None:
    first, second = start("polite"), start("polite")
    assert read_status(second).state is RunState.QUEUED

    assert runs.cancel(second).state is RunState.CANCELLED
    runs.cancel(first)

    assert runs.launch_next(runs_folder) is None
    assert not (second / PROCESS_FILE).exists()


@pytest.mark.parametrize(
    ("behaviour", "state"), [("quick", RunState.FINISHED), ("failing", RunState.FAILED)]
)
def test_what_is_over_stays_as_it_is(start: Start, behaviour: str, state: RunState) -> None:
    run_dir = start(behaviour)
    wait_for(lambda: read_status(run_dir).state is state)

    assert runs.cancel(run_dir).state is state
    assert not (run_dir / CANCEL_FILE).exists()


def test_cancelling_twice_is_harmless(start: Start) -> None:
    run_dir = start("polite")
    runs.cancel(run_dir)
    size = (run_dir / EVENTS_FILE).stat().st_size

    assert runs.cancel(run_dir).state is RunState.CANCELLED
    assert (run_dir / EVENTS_FILE).stat().st_size == size


def test_an_interrupted_training_can_be_put_aside(start: Start) -> None:
    run_dir = start("polite")
    wait_for(lambda: steps_of(run_dir) >= 1)
    kill(run_dir)
    assert read_status(run_dir).state is RunState.INTERRUPTED

    assert runs.cancel(run_dir).state is RunState.CANCELLED


def test_a_process_that_got_the_pid_of_a_dead_training_is_left_alone(start: Start) -> None:
    run_dir = start("polite")
    wait_for(lambda: steps_of(run_dir) >= 1)
    kill(run_dir)
    # this very process stands for a stranger that was given the pid anew
    (run_dir / PROCESS_FILE).write_text(json.dumps({"pid": os.getpid(), "create_time": 1.0}))

    assert read_status(run_dir).state is RunState.INTERRUPTED
    assert runs.cancel(run_dir, grace_s=0.0).state is RunState.CANCELLED  # and we still live


def test_resume_is_refused_while_it_runs_and_after_it_has_finished(start: Start) -> None:
    running = start("polite")
    with pytest.raises(JobError, match="running already"):
        runs.resume(running)
    runs.cancel(running)

    finished = start("quick")
    wait_for(lambda: read_status(finished).state is RunState.FINISHED)
    with pytest.raises(JobError, match="start a new training"):
        runs.resume(finished)


def test_a_cancelled_training_counts_as_running_from_the_moment_it_is_resumed(
    start: Start,
) -> None:
    run_dir = start("polite")
    wait_for(lambda: steps_of(run_dir) >= 1)
    runs.cancel(run_dir)

    assert not runs.resume(run_dir).is_queued
    assert read_status(run_dir).state is RunState.RUNNING


def test_waiting_trainings_start_one_by_one_in_their_order(start: Start, runs_folder: Path) -> None:
    first, second, third = start("polite"), start("polite"), start("polite")
    runs.cancel(first)

    # a cancelled run that is resumed has to wait behind the others
    assert runs.resume(first).is_queued
    assert runs.launch_next(runs_folder) is None, "one was launched by resume already"
    assert [read_status(run).state for run in (second, third, first)] == [
        RunState.RUNNING,
        RunState.QUEUED,
        RunState.QUEUED,
    ]
    runs.cancel(second)
    assert runs.launch_next(runs_folder) == third
    runs.cancel(third)
    assert runs.launch_next(runs_folder) == first


def test_a_run_that_cannot_be_launched_fails_with_the_reason_and_the_next_one_starts(
    start: Start, runs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, broken, good = start("polite"), start("polite"), start("polite")

    def command(run_dir: Path) -> list[str]:
        program = "/no/such/program" if run_dir == broken else sys.executable
        return [program, str(FAKE), str(run_dir), "polite"]

    monkeypatch.setattr(runs, "command", command)
    runs.cancel(first)

    assert runs.launch_next(runs_folder) == good
    status = read_status(broken)
    assert status.state is RunState.FAILED
    assert "/no/such/program" in status.reason


def test_events_after_a_torn_line_count(start: Start) -> None:
    run_dir = start("polite")
    wait_for(lambda: steps_of(run_dir) >= 1)
    kill(run_dir)
    with (run_dir / EVENTS_FILE).open("ab") as file:
        file.write(b'{"t": 1, "kind": "st')

    EventWriter(run_dir / EVENTS_FILE).write("finished", metrics={})

    assert read_status(run_dir).state is RunState.FINISHED


def kill(run_dir: Path) -> None:
    fields = read_process(run_dir)
    assert fields is not None
    victim = psutil.Process(fields[0])
    victim.kill()
    wait_for(lambda: not runs.process.is_alive(runs.process.ProcessId(*fields)))
