"""`icseg bench noc` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_icseg.cli import app
from tests.napari_icseg.bench.fakes import PaintedPredictor, perfect
from trainers.terminal import run_app

SAMPLES = Path(__file__).parents[3] / "sample_data"


@pytest.fixture
def predictor(monkeypatch):
    painted = PaintedPredictor(perfect)
    monkeypatch.setattr(
        "napari_icseg.prompting.checkpoints.load_predictor", lambda *_args, **_options: painted
    )
    return painted


def run(*options):
    return run_app(app, ["bench", "noc", "--model", "m", "--data", str(SAMPLES), *options])


def test_the_table_the_json_and_the_figure_are_written(predictor, tmp_path, capsys):
    json_path, plot_path = tmp_path / "noc.json", tmp_path / "noc.svg"
    assert run("--limit", "2", "--json", str(json_path), "--plot", str(plot_path)) == 0
    shown = capsys.readouterr().out
    assert "NoC@90" in shown
    assert "metal layer" in shown
    report = json.loads(json_path.read_text())
    assert report["model"] == {"name": "painted", "checkpoint_id": "painted-1"}
    assert report["data"]["num_tiles"] == len(report["tiles"]) == 2
    assert {"seed", "jitter"} <= report["protocol"].keys()
    assert {"code", "command", "versions"} <= report.keys()
    assert b"<svg" in plot_path.read_bytes()


def test_ctrl_c_leaves_what_was_measured_marked_as_incomplete(
    predictor, tmp_path, monkeypatch, capsys
):
    predict, num_tiles = predictor.predict, []

    def interrupted(embedding, prompts):
        if len(num_tiles) == 2:
            raise KeyboardInterrupt
        return predict(embedding, prompts)

    embed = predictor.embed
    monkeypatch.setattr(predictor, "embed", lambda *a, **o: num_tiles.append(1) or embed(*a, **o))
    monkeypatch.setattr(predictor, "predict", interrupted)
    json_path = tmp_path / "noc.json"
    # 128 + SIGINT, as the shell has it
    assert run("--limit", "3", "--json", str(json_path)) == 130
    report = json.loads(json_path.read_text())
    assert not report["is_complete"]
    assert len(report["tiles"]) == 1
    assert "Incomplete: 1 of 3 tiles" in capsys.readouterr().out


def test_another_figure_format_is_wrong_usage(predictor, tmp_path, capsys):
    assert run("--plot", str(tmp_path / "noc.pdf")) == 2
    assert ".png or .svg" in " ".join(capsys.readouterr().err.split())


def test_the_help_shows_an_example(capsys):
    assert run_app(app, ["bench", "noc", "--help"]) == 0
    assert "Example: icseg bench noc" in " ".join(capsys.readouterr().out.split())
