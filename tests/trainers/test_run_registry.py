from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.trainers.run_samples import make_run
from trainers.errors import DataError, TrainingError
from trainers.events import EventWriter
from trainers.run_folder import RunFolder
from trainers.run_registry import delete_run, describe, describe_all

if TYPE_CHECKING:
    from pathlib import Path


def start_again(run: Path) -> None:
    """Let this very process work on the run."""
    folder = RunFolder(run)
    EventWriter(folder.events).write("resumed", epoch=0, step=0)
    folder.write_process()


def test_a_description_tells_where_a_run_comes_from(tmp_path: Path) -> None:
    parent = {"name": "older", "sha256": "f" * 64}
    run = describe(make_run(tmp_path / "first", seed=3, parent=parent))
    assert (run.name, run.model, run.preset, run.state) == ("first", "unet", "best", "finished")
    assert (run.epoch, run.num_epochs, run.best_epoch, run.seed) == (2, 2, 2, 3)
    assert run.data_sha256 == "d" * 64
    assert run.parent == parent
    assert run.code["commit"] == "abc"
    assert run.metrics["iou"] == 0.5
    assert run.started_unix_s is not None
    assert run.ended_unix_s is not None
    assert run.started_unix_s <= run.ended_unix_s
    json.dumps(run.to_dict())


def test_the_size_is_that_of_all_files(tmp_path: Path) -> None:
    run = make_run(tmp_path / "first")
    files = [path for path in run.rglob("*") if path.is_file()]
    assert describe(run).size_bytes == sum(path.stat().st_size for path in files)


def test_a_run_without_a_checkpoint_is_described_too(tmp_path: Path) -> None:
    run = make_run(tmp_path / "first")
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    described = describe(run)
    assert described.parent is None
    assert described.data_sha256 == "d" * 64  # from its events


def test_a_damaged_run_does_not_end_a_list(tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    (make_run(tmp_path / "b") / "config.json").write_text("{")
    found = describe_all(tmp_path)
    assert [run.name for run in found.runs] == ["a"]
    assert found.damaged == (tmp_path / "b",)


def test_something_else_is_not_described(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not a run folder"):
        describe(tmp_path)


def test_deleting_a_run_leaves_its_neighbours(tmp_path: Path) -> None:
    make_run(tmp_path / "kept")
    before = sorted(tmp_path.rglob("*"))
    assert delete_run(make_run(tmp_path / "gone")) == ()
    assert sorted(tmp_path.rglob("*")) == before


def test_deleting_leaves_what_no_run_writes(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run / "labels").mkdir()
    mine = [run / "labels" / "mine.png", run / "notes.txt"]
    for path in mine:
        path.touch()
    assert delete_run(run) == (run / "labels", run / "notes.txt")
    assert sorted(path for path in run.rglob("*") if path.is_file()) == mine


def test_a_link_inside_a_run_is_removed_and_not_what_it_points_to(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    run = make_run(tmp_path / "run")
    (run / "evaluations").symlink_to(outside, target_is_directory=True)
    delete_run(run)
    assert not run.exists()
    assert (outside / "precious").exists()


def test_a_running_run_is_not_deleted(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    before = sorted(run.rglob("*"))
    start_again(run)
    with pytest.raises(TrainingError, match="is running"):
        delete_run(run)
    assert set(before) <= set(run.rglob("*"))


def test_other_folders_and_links_are_not_deleted(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (tmp_path / "link").symlink_to(run, target_is_directory=True)
    (tmp_path / "other").mkdir()
    for path in (tmp_path / "other", tmp_path / "none", tmp_path / "link"):
        with pytest.raises(DataError, match="not a run folder"):
            delete_run(path)
    assert (run / "config.json").exists()
