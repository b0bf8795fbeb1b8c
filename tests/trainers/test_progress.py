import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from trainers.progress import (
    EventWriter,
    RunState,
    RunWatcher,
    is_alive,
    read_events,
    read_status,
)


def write_process(run_dir: Path, pid: int, create_time: float) -> None:
    fields = {"pid": pid, "create_time": create_time}
    (run_dir / "process.json").write_text(json.dumps(fields))


def this_process(run_dir: Path) -> None:
    write_process(run_dir, os.getpid(), psutil.Process().create_time())


@pytest.fixture
def events(tmp_path: Path) -> EventWriter:
    return EventWriter(tmp_path / "events.jsonl")


def step(events: EventWriter, number: int) -> None:
    events.write("step", step=number, num_steps=10, epoch=1, loss=1.0 / number, lr=0.1)


def test_status_can_be_read_without_importing_torch() -> None:
    code = "import sys, trainers.progress; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_events_come_back_in_order_and_from_an_offset(events: EventWriter, tmp_path: Path) -> None:
    events.write("started", model="unet")
    first, offset = read_events(tmp_path / "events.jsonl")
    step(events, 1)
    second, _ = read_events(tmp_path / "events.jsonl", offset)
    assert [event["kind"] for event in (*first, *second)] == ["started", "step"]
    assert second[0]["loss"] == 1.0


def test_an_event_still_being_written_is_read_later(events: EventWriter, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    events.write("started", model="unet")
    with path.open("ab") as file:
        file.write(b'{"kind":"step","st')
    found, offset = read_events(path)
    assert [event["kind"] for event in found] == ["started"]
    with path.open("ab") as file:
        file.write(b'ep":1}\n')
    assert read_events(path, offset)[0] == [{"kind": "step", "step": 1}]


def test_an_event_after_a_torn_line_is_not_lost(events: EventWriter, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"kind":"step","st')
    events.write("resumed", epoch=0, step=0)
    assert [event["kind"] for event in read_events(path)[0]] == ["resumed"]


def test_a_listener_hears_each_event_after_it_is_written(tmp_path: Path) -> None:
    path, heard = tmp_path / "events.jsonl", []
    writer = EventWriter(path, listener=lambda event: heard.append((event, read_events(path)[0])))
    writer.write("warning", reason="odd")
    ((event, in_file),) = heard
    assert event == in_file[0]


def test_an_empty_folder_is_queued(tmp_path: Path) -> None:
    assert read_status(tmp_path).state is RunState.QUEUED


def test_a_run_whose_process_works_is_running(events: EventWriter, tmp_path: Path) -> None:
    events.write("started", model="unet", num_epochs=3, num_steps=10)
    this_process(tmp_path)
    step(events, 5)
    status = read_status(tmp_path)
    assert (status.state, status.model, status.fraction) == (RunState.RUNNING, "unet", 0.5)
    assert not status.state.is_over


def test_a_run_whose_process_is_gone_is_interrupted(events: EventWriter, tmp_path: Path) -> None:
    events.write("started", model="unet", num_epochs=3, num_steps=10)
    write_process(tmp_path, os.getpid(), psutil.Process().create_time() - 1000)  # a reused pid
    assert read_status(tmp_path).state is RunState.INTERRUPTED


def test_a_zombie_does_not_count_as_working() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    created = psutil.Process(child.pid).create_time()
    deadline = time.monotonic() + 20
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not is_alive(child.pid, created)
    child.wait()


@pytest.mark.parametrize("kind", ["finished", "cancelled", "failed"])
def test_the_last_word_of_a_run_holds_whatever_its_process_does(
    events: EventWriter, tmp_path: Path, kind: str
) -> None:
    events.write("started", model="unet")
    this_process(tmp_path)
    events.write(kind, reason="disk full")
    status = read_status(tmp_path)
    assert status.state.value == kind
    assert status.reason == "disk full"
    assert status.state.is_over


def test_a_run_queued_again_waits_without_its_old_reason(
    events: EventWriter, tmp_path: Path
) -> None:
    events.write("failed", reason="disk full")
    events.write("queued", model="unet")
    status = read_status(tmp_path)
    assert (status.state, status.reason, status.model) == (RunState.QUEUED, "", "unet")


def test_a_resume_takes_back_what_came_after_the_checkpoint(
    events: EventWriter, tmp_path: Path
) -> None:
    this_process(tmp_path)
    watcher = RunWatcher(tmp_path)
    events.write("started", model="unet", num_epochs=2, num_steps=10)
    for number in range(1, 7):
        step(events, number)
    events.write("epoch", epoch=1, num_epochs=2, train_loss=1.0, val_loss=1.0, val={})
    assert len(watcher.poll().curves.steps) == 6
    events.write("started", model="unet", num_epochs=2, num_steps=10)
    events.write("resumed", epoch=0, step=4)
    for status in (watcher.poll(), read_status(tmp_path)):
        assert [point.step for point in status.curves.steps] == [1, 2, 3, 4]
        assert status.curves.epochs == ()
        assert (status.epoch, status.step) == (0, 4)


def test_warnings_and_expected_duration_are_kept(events: EventWriter, tmp_path: Path) -> None:
    events.write("dry_run", expected_s=60.0)
    events.write("warning", reason="all blank")
    status = read_status(tmp_path)
    assert (status.expected_s, status.warnings) == (60.0, ("all blank",))


def test_a_paused_run_is_at_work_until_its_process_is_gone(
    events: EventWriter, tmp_path: Path
) -> None:
    events.write("started", model="unet", num_epochs=3, num_steps=10)
    this_process(tmp_path)
    events.write("paused", epoch=1, step=4)
    status = read_status(tmp_path)
    assert (status.state, status.epoch, status.step) == (RunState.PAUSED, 1, 4)
    assert not status.state.is_over
    events.write("continued", epoch=1, step=4)
    assert read_status(tmp_path).state is RunState.RUNNING
    events.write("paused", epoch=1, step=4)
    write_process(tmp_path, os.getpid(), psutil.Process().create_time() - 1000)
    assert read_status(tmp_path).state is RunState.INTERRUPTED


def test_the_newest_preview_is_told(events: EventWriter, tmp_path: Path) -> None:
    assert read_status(tmp_path).preview == ""
    for epoch in (1, 2):
        events.write("preview", epoch=epoch, file=f"previews/epoch_{epoch:04d}.png")
    assert read_status(tmp_path).preview == "previews/epoch_0002.png"
