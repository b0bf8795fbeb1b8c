"""`icseg bench economy` from end to end on tiny tiles, and after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_icseg.bench.economy import Settings, run_economy
from napari_icseg.cli import app
from tests.napari_icseg.bench.fakes import PaintedPredictor, perfect
from trainers.config import read_config
from trainers.errors import DataError
from trainers.io.masks import write_grey, write_semantic
from trainers.terminal import run_app

TINY = {
    "image_size": 32,
    "model_options": {"widths": [2, 4], "min_crops": 8},
    "batch_size": 8,
    "augment": "none",
}
SIDE_PX = 32


def write_tiles(root):
    """Tiles with two bars, and some without anything."""
    rng = np.random.default_rng(0)
    for split, num in (("train", 12), ("test", 3)):
        for number in range(num):
            pixels = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
            if number % 5 != 4:
                top, width = int(rng.integers(2, 10)), int(rng.integers(12, 30))
                pixels[top : top + 6, :width] = 120
                pixels[top + 12 : top + 18, -width:] = 200
            write_grey(root / split / "images" / f"t{number}.png", pixels)
            write_semantic(root / split / "masks" / f"t{number}.png", (pixels > 0).astype(np.uint8))
    return root


def settings(root, **changes):
    return Settings(
        data=str(root),
        num_tiles=12,
        num_test=3,
        epochs=1,
        num_rounds=1,
        training=TINY,
        **changes,
    )


@pytest.fixture
def root(tmp_path):
    return write_tiles(tmp_path / "tiles")


def test_the_tables_the_json_and_the_figure_are_written(root, tmp_path, monkeypatch, capsys):
    painted = PaintedPredictor(perfect)
    monkeypatch.setattr(
        "napari_icseg.prompting.checkpoints.load_predictor", lambda *_args, **_options: painted
    )
    files = tmp_path / "economy.json", tmp_path / "economy.svg"
    page = tmp_path / "pages" / "economy.md"
    command = ["bench", "economy", "--data", str(root), "--out", str(tmp_path / "out")]
    command += ["--tiles", "12", "--test-tiles", "3", "--epochs", "1", "--rounds", "1"]
    for name, value in TINY.items():
        command += ["--set", f"{name}={json.dumps(value)}"]
    command += ["--json", str(files[0]), "--plot", str(files[1]), "--page", str(page)]
    assert run_app(app, command) == 0
    shown = capsys.readouterr().out
    assert "d: rounds + suggestion" in shown
    report = json.loads(files[0].read_text())
    assert report["is_complete"]
    assert report["settings"]["data"] == root.name  # whose machine it was is nobody's business
    assert list(report["routes"]) == list("abcd")
    for route in report["routes"].values():
        in_all = sum(way["human_s"] for way in route["ways"].values())
        assert in_all == pytest.approx(route["points"][-1]["human_s"])
        seconds = [point["human_s"] for point in route["points"]]
        assert seconds == sorted(seconds)
        assert all(0 <= point["test_iou"] <= 1 for point in route["points"])
    by_clicks = report["routes"]["a"]
    assert (
        sum(way["num"] for way in by_clicks["ways"].values())
        == by_clicks["points"][-1]["num_labelled"]
        == 12
    )
    assert by_clicks["points"][-1]["label_iou"] == 1.0
    assert b"<svg" in files[1].read_bytes()
    told = page.read_text()
    assert "](../economy.svg)" in told
    for route in report["routes"].values():
        last = route["points"][-1]
        assert f"| {last['human_s']:.0f} | {last['test_iou']:.4f} |" in told
    # once more: all is there already, and it is told again
    painted.embed = painted.predict = None
    assert run_app(app, command) == 0
    assert json.loads(files[0].read_text())["routes"] == report["routes"]
    # with other costs: labels and models stay, the seconds are counted anew
    assert run_app(app, [*command, "--cost", "first_click=100"]) == 0
    dear = json.loads(files[0].read_text())["routes"]["a"]["points"][-1]
    num_tiles = by_clicks["ways"]["clicks"]["num"]
    assert dear["human_s"] == pytest.approx(by_clicks["points"][-1]["human_s"] + 97.6 * num_tiles)


def test_other_settings_are_refused_for_a_folder_that_has_begun(root, tmp_path):
    out, predictor = tmp_path / "out", PaintedPredictor(perfect)
    with pytest.raises(DataError, match="fewer --tiles"):
        run_economy(settings(root / "train"), out, predictor)
    (out / "economy.json").parent.mkdir(exist_ok=True)
    (out / "economy.json").write_text('{"seed": 3}')
    with pytest.raises(DataError, match=r"other settings \(.*seed: 3"):
        run_economy(settings(root), out, predictor)


def test_another_model_can_be_scored_and_only_what_proposes_is_trained_beside_it(root, tmp_path):
    out = tmp_path / "out"
    with_other = settings(root, routes=("a",), model="sam_seg", scored="unet", scored_epochs=1)
    with_other = replace(with_other, training={"image_size": 32})
    found = run_economy(with_other, out, PaintedPredictor(perfect))
    assert len(found["a"].points) == 3
    for folder in (out / "a").glob("point-*"):
        assert read_config(folder / "scored" / "run" / "config.json").model == "unet"
        assert not (folder / "run").exists()  # on this route nobody proposes


def test_a_killed_run_goes_on_to_the_same_result(root, tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _SCRIPT, str(root), str(killed)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    book = killed / "d" / "book.jsonl"
    until = time.monotonic() + 60
    while not (book.exists() and book.read_bytes().count(b"\n") >= 3):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with book.open("a") as file:
        file.write('{"name": "t1", "ho')  # torn
    before = book.read_text().splitlines()[:3]
    found = run_economy(settings(root, routes=("d",)), killed, PaintedPredictor(perfect))
    assert book.read_text().splitlines()[:3] == before
    assert found == run_economy(settings(root, routes=("d",)), whole, PaintedPredictor(perfect))


_SCRIPT = """
import sys
from pathlib import Path
from napari_icseg.bench.economy import run_economy
from tests.napari_icseg.bench.fakes import PaintedPredictor, perfect
from tests.napari_icseg.bench.test_economy_run import settings
root, out = map(Path, sys.argv[1:])
run_economy(settings(root, routes=("d",)), out, PaintedPredictor(perfect))
"""
