"""Finding runs again, and following them without reading everything anew."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from napari_icseg.jobs import runs, watcher
from napari_icseg.jobs.errors import JobError
from napari_icseg.jobs.folder import run_dirs
from napari_icseg.jobs.watcher import RunsWatcher, list_runs, read_log_tail
from tests.napari_icseg.jobs.conftest import tiny_request
from trainers.progress import EVENTS_FILE, EventWriter, RunState


def make_run(folder: Path, name: str, num_steps: int = 3, last: str | None = "finished") -> Path:
    run_dir = folder / name
    run_dir.mkdir(parents=True)
    events = EventWriter(run_dir / EVENTS_FILE)
    events.write("started", model="unet", num_epochs=1, num_steps=num_steps)
    for step in range(1, num_steps + 1):
        events.write("step", step=step, num_steps=num_steps, epoch=1, loss=1 / step, lr=0.1)
    if last is not None:
        events.write(last, reason="")
    return run_dir


def test_a_folder_full_of_other_things_shows_only_its_runs(tmp_path: Path) -> None:
    make_run(tmp_path, "20260101-000000-unet")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / ".preparing-20260101-000000-unet-abc").mkdir()
    (tmp_path / ".preparing-20260101-000000-unet-abc" / "job.json").write_text("{}")

    assert [run.name for run in list_runs(tmp_path)] == ["20260101-000000-unet"]


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\xff\xfe garbage\n",
        b"[1, 2]\n",
        b'{"kind": "step"}\n',
        b'{"kind": "epoch", "epoch": "many", "num_epochs": null}\n',
        b"",
    ],
)
def test_a_damaged_run_hides_no_other(tmp_path: Path, content: bytes) -> None:
    make_run(tmp_path, "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / EVENTS_FILE).write_bytes(content)
    (tmp_path / "b" / "job.json").write_text("not json")

    by_name = {run.name: run.status.state for run in list_runs(tmp_path)}

    assert by_name["a"] is RunState.FINISHED
    assert by_name["b"] is not RunState.RUNNING


def test_a_missing_folder_has_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == ()
    assert not RunsWatcher(tmp_path / "none").step()


def test_a_step_tells_only_what_has_changed(tmp_path: Path) -> None:
    make_run(tmp_path, "a")
    running = make_run(tmp_path, "b", last=None)
    follower = RunsWatcher(tmp_path)
    assert {run.name for run in follower.step().updated} == {"a", "b"}
    assert not follower.step()

    EventWriter(running / EVENTS_FILE).write("finished", metrics={})
    (changed,) = follower.step().updated
    assert (changed.name, changed.status.state) == ("b", RunState.FINISHED)

    shutil.rmtree(running)
    assert follower.step().removed == ("b",)
    assert [run.name for run in follower.snapshots()] == ["a"]


def test_two_hundred_long_runs_are_listed_quickly_and_followed_almost_for_free(
    tmp_path: Path,
) -> None:
    first = make_run(tmp_path, "run000", num_steps=500)
    for number in range(1, 200):
        shutil.copytree(first, tmp_path / f"run{number:03d}")
    follower = RunsWatcher(tmp_path)
    started = time.perf_counter()
    assert len(follower.step().updated) == 200
    first_s = time.perf_counter() - started
    started = time.perf_counter()
    assert not follower.step()
    second_s = time.perf_counter() - started
    # 100,000 events; wide margins for a machine that does other things, too
    assert first_s < 10.0
    assert second_s < first_s / 5


def test_the_log_is_read_from_its_end(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("".join(f"line {n}\n" for n in range(10_000)))

    tail = read_log_tail(tmp_path, max_bytes=100)

    assert tail.endswith("line 9999\n")
    assert tail.startswith("line "), "no torn first line"
    assert read_log_tail(tmp_path / "none") == ""


def test_labels_that_cannot_be_written_leave_no_run_behind(runs_folder: Path) -> None:
    def full_disk(folder: Path) -> None:
        folder.mkdir()
        (folder / "half.png").write_bytes(b"x")
        raise OSError(28, "No space left on device")

    with pytest.raises(JobError, match="No space left"):
        runs.start_run(tiny_request(), runs_folder, full_disk)

    assert run_dirs(runs_folder) == []
    assert [path.name for path in runs_folder.iterdir() if path.is_dir()] == []


def test_two_trainings_asked_for_in_one_second_get_folders_of_their_own(
    runs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "launch_next", lambda _folder: None)
    handles = [runs.start_run(tiny_request(), runs_folder, Path.mkdir) for _ in range(3)]

    assert len({handle.run_dir for handle in handles}) == 3
    assert all(handle.is_queued for handle in handles)
    requests = [json.loads((h.run_dir / "job.json").read_text()) for h in handles]
    assert {request["model"] for request in requests} == {"unet"}


def test_watchers_do_not_read_on_in_a_run_that_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path, "a")
    follower = RunsWatcher(tmp_path)
    follower.step()
    monkeypatch.setattr(watcher, "poll", lambda _watcher: pytest.fail("it was read again"))

    assert not follower.step()
