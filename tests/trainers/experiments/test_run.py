"""A matrix is worked through once, whatever happens meanwhile."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from filelock import FileLock

from tests.trainers.experiments.conftest import FIELDS, MakeShop, unet_rows
from trainers.errors import DataError, TrainingError
from trainers.experiments.matrix import Row, rows_of
from trainers.experiments.results import RUNS, Result, Results
from trainers.experiments.row_work import Workshop, pictures_of
from trainers.experiments.run import run_rows
from trainers.experiments.tiles import ensure_tiles, read_tiles
from trainers.io import atomic
from trainers.io.masks import read_mask
from trainers.metrics.connectivity import track_errors
from trainers.models.unet_task import UNetTask
from trainers.predict import load_run, predict_image
from trainers.progress import read_events

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S = 60.0


def events_of(shop: Workshop) -> dict[str, list[dict[str, Any]]]:
    """Return the events of each run folder."""
    runs = (shop.out / RUNS).iterdir()
    return {run.name: read_events(run / "events.jsonl")[0] for run in runs if run.is_dir()}


def test_each_row_is_trained_and_tested_once(make_shop: MakeShop) -> None:
    shop, rows = make_shop(), unet_rows()[:2]
    first = run_rows(rows, shop)
    assert [(r.row, r.state) for r in first.results] == [(row, "done") for row in rows]
    before = events_of(shop)
    assert len(before) == 2
    ended: list[Result | None] = []
    began: list[Row] = []
    again = run_rows(
        rows,
        shop,
        on_begin=lambda _number, row: began.append(row),
        on_end=lambda _number, _row, result: ended.append(result),
    )
    assert again == first
    assert (began, ended) == ([], list(first.results))
    assert events_of(shop) == before


def test_the_scores_are_those_of_the_kept_weights_on_the_test_tiles(make_shop: MakeShop) -> None:
    shop, row = make_shop(lr=3e-3), unet_rows()[0]
    (result,) = run_rows([row], shop).results
    assert result.scores is not None
    loaded = load_run(shop.out / RUNS / result.run)
    pairs = []
    for item in shop.data.test.items:
        assert item.mask is not None
        image = read_mask(item.image)
        pairs.append((predict_image(loaded, image).labels > 0, read_mask(item.mask) > 0))
    preds, target = (np.stack(each) for each in zip(*pairs, strict=True))
    assert result.scores.pixel_accuracy == pytest.approx((preds == target).mean(), abs=1e-6)
    assert result.scores.blank_accuracy == pytest.approx(1 - target.mean(), abs=1e-6)
    shorts = sum(track_errors(p, t).shorts for p, t in pairs)
    tracks = sum(track_errors(p, t).num_tracks for p, t in pairs)
    assert (result.scores.shorts, result.scores.num_tracks) == (shorts, tracks)
    assert result.scores.num_test_images == 4
    assert not list((shop.out / RUNS / result.run).rglob("*.state.pt"))


def test_masks_of_the_shown_tiles_are_kept_with_their_row(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.shown.update(ensure_tiles(shop.data, shop.out))
    (result,) = run_rows(unet_rows()[:1], shop).results
    tiles = read_tiles(shop.out, shop.data.sha256)
    assert [tile.kind for tile in tiles] == ["easy", "hard", "blank"]
    loaded = load_run(shop.out / RUNS / result.run)
    for tile in tiles:
        kept = read_mask(pictures_of(shop.out, result) / f"{tile.kind}.png")
        np.testing.assert_array_equal(kept, predict_image(loaded, tile.image).labels)


def test_a_row_with_too_few_images_fails_and_the_others_go_on(make_shop: MakeShop) -> None:
    rows = rows_of("table3", models=["unet"], scale=0.01)[-3:]
    outcome = run_rows(rows, make_shop())
    assert [r.state for r in outcome.results] == ["done", "done", "failed"]
    assert "needs 10 training images, but there are 8" in outcome.failed[0].reason
    assert (outcome.failed[0].scores, outcome.failed[0].cost) == (None, None)


def test_a_training_that_diverges_is_a_failed_row_that_the_next_command_tries_again(
    make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, rows = make_shop(), unet_rows()[:2]
    original = UNetTask.training_loss

    def training_loss(self: UNetTask, model: Any, batch: Any) -> Any:
        return {"loss": original(self, model, batch)["loss"] * float("nan")}

    with monkeypatch.context() as patch:
        patch.setattr(UNetTask, "training_loss", training_loss)
        (failed,) = run_rows(rows[:1], shop).results
    assert failed.state == "failed"
    assert "diverged" in failed.reason
    assert failed.scores is None
    outcome = run_rows(rows, shop)
    assert [r.state for r in outcome.results] == ["done", "done"]
    assert outcome.results[0].reason == ""


def test_an_error_that_nobody_foresaw_fails_its_row_alone(
    make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, rows = make_shop(), unet_rows()[:2]

    def build_data(self: UNetTask, config: Any, run_dir: Path) -> Any:
        raise ZeroDivisionError("division by zero")

    with monkeypatch.context() as patch:
        patch.setattr(UNetTask, "build_data", build_data)
        (failed,) = run_rows(rows[:1], shop).results
    assert failed.reason == "ZeroDivisionError: division by zero"


def test_a_full_disk_stops_the_matrix_and_is_no_rows_fault(
    make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, rows = make_shop(), unet_rows()[:2]
    (done,) = run_rows(rows[:1], shop).results
    original = atomic._sync_file

    def sync(path: Path) -> None:
        if "checkpoints" in path.parts:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(path)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "_sync_file", sync)
        with pytest.raises(DataError, match=r"is full: .* start the same command again"):
            run_rows(rows, shop)
    assert Results(shop.out).read() == (done,)
    assert [r.state for r in run_rows(rows, shop).results] == ["done", "done"]


def test_a_stopped_row_goes_on_where_it_was(make_shop: MakeShop) -> None:
    row = unet_rows()[0]

    def stop(event: dict[str, Any]) -> None:
        if event["kind"] == "epoch" and event["epoch"] == 2:
            (shop.out / RUNS / shop.run_of(row) / "cancel").touch()

    plain = make_shop(epochs=4)
    shop = Workshop(plain.out, plain.data, plain.changes, on_event=stop)
    with pytest.raises(TrainingError, match="goes on where it was by the same command"):
        run_rows([row], shop)
    assert Results(shop.out).read() == ()
    (result,) = run_rows([row], plain).results
    assert result.state == "done"
    (events,) = events_of(shop).values()
    assert [e["epoch"] for e in events if e["kind"] == "epoch"] == [1, 2, 3, 4]


def test_unlabelled_images_are_learned_from_in_a_round(make_shop: MakeShop) -> None:
    row = Row("unet", "paper", 1e-3, 1, 5, 3, 0, "automatic", 1.0)
    shop = make_shop()
    (result,) = run_rows([row], shop).results
    assert result.state == "done"
    run = shop.out / RUNS / result.run
    record = json.loads((run / "round.json").read_text())
    assert (record["method"], len(record["unlabelled"])) == ("paper", 3)
    assert not (run / "proposals").exists()
    assert result.cost is not None
    assert result.cost.train_s > 0


def test_a_row_that_another_process_works_on_is_left_to_it(make_shop: MakeShop) -> None:
    shop, rows = make_shop(), unet_rows()[:2]
    (shop.out / RUNS).mkdir(parents=True)
    with FileLock(shop.out / RUNS / f".{shop.run_of(rows[0])}.lock"):
        outcome = run_rows(rows, shop)
    assert outcome.busy == (rows[0],)
    assert [r.row for r in outcome.results] == [rows[1]]


def start(root: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "trainers", "experiment", "table2", "--models", "unet"]
    command += ["--data", str(root), "--out", str(out), "--scale", "0.006"]
    for name, value in {**FIELDS, "epochs": 3}.items():
        if name != "model_options":
            command += ["--set", f"{name}={json.dumps(value)}"]
    command += ["--set", "option.widths=[4,8]", "--set", "option.min_crops=0"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_killed_beside_another_process_no_finished_row_is_repeated(
    root: Path, make_shop: MakeShop
) -> None:
    shop = make_shop(epochs=3)
    other = start(root, shop.out)
    deadline = time.monotonic() + TIMEOUT_S
    while not (early := Results(shop.out).read()):
        assert time.monotonic() < deadline
        assert other.poll() is None, other.communicate()[1].decode()
        time.sleep(0.01)

    def kill(_number: int, _row: Row) -> None:  # while both are at work
        other.kill()
        other.wait()

    outcome = run_rows(unet_rows(), shop, on_begin=kill)
    other.communicate()  # nobody was killed if it was done before our first row
    assert (len(outcome.results), outcome.busy) == (5, ())
    assert {r.state for r in outcome.results} == {"done"}
    assert set(early) <= set(outcome.results)
    for name, events in events_of(shop).items():
        kinds = [event["kind"] for event in events]
        assert kinds.count("finished") == 1, name
        epochs = [event["epoch"] for event in events if event["kind"] == "epoch"]
        if "resumed" not in kinds and kinds.count("started") == 1:
            assert epochs == [1, 2, 3], name
