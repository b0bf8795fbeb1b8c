from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.trainers.run_samples import make_run
from trainers.cli import app
from trainers.io.masks import read_mask
from trainers.progress import RunState, read_status
from trainers.terminal import run_app

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainers.conftest import MakeTiles

COMMANDS = [
    ["train"],
    ["predict"],
    ["evaluate"],
    ["synth"],
    *(["models", name] for name in ("list", "show", "compare", "delete", "export", "import")),
    *(["experiment", name] for name in ("table1", "table2", "table3", "table4", "report")),
    ["rounds", "run"],
]
TINY = ["--image-size", "32", "--num-threads", "1", "--device", "cpu"]
TINY += ["--set", "option.widths=[4,8]", "--set", "option.min_crops=0"]


def icseg(*words: object) -> int:
    return run_app(app, [str(word) for word in words])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_shows_an_example(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert icseg(*command, "--help") == 0
    words = " ".join(capsys.readouterr().out.split())
    assert f"Example: icseg {' '.join(command)}" in words


def test_help_imports_no_torch() -> None:
    code = (
        "import sys; from trainers.cli import app; from trainers.terminal import run_app; "
        "assert run_app(app, ['train', '--help']) == 0; sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_synth_train_evaluate_predict_and_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = tmp_path / "tiles", tmp_path / "runs" / "first"
    synth = ["--count", 4, "--test-count", 2, "--seed", 3, "--size-px", 64]
    assert icseg("synth", "--preset", "avr_m1", *synth, "--out", data) == 0
    assert icseg("train", "unet", "--data", data, "--epochs", 1, "--out", run, *TINY) == 0
    shown = capsys.readouterr().out
    assert "validating on" in shown
    assert "Epoch 1/1" in shown
    scores = tmp_path / "scores.json"
    files = ["--json", scores, "--csv", tmp_path / "scores.csv", "--report", tmp_path / "report"]
    assert icseg("evaluate", run, "--data", data, *files) == 0
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 1 + 2
    assert (tmp_path / "report" / "index.html").stat().st_size > 10_000
    report: dict[str, Any] = json.loads(scores.read_text())
    assert report["split"] == "test"
    assert 0.0 <= report["pixel_accuracy"] <= 1.0
    masks = tmp_path / "masks"
    assert icseg("predict", run, "--images", data / "test" / "images", "--out", masks) == 0
    assert {read_mask(path).shape for path in masks.iterdir()} == {(64, 64)}
    capsys.readouterr()
    assert icseg("models", "list", tmp_path / "runs", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["run"], row["model"], row["state"]) == ("first", "unet", "finished")
    assert row["iou"] is not None
    assert icseg("models", "list", tmp_path / "runs") == 0
    assert "first" in capsys.readouterr().out


def test_a_run_is_shown_compared_carried_away_and_deleted(
    make_tiles: MakeTiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = make_tiles(3), make_run(tmp_path / "runs" / "first")
    assert icseg("models", "show", run) == 0
    assert "finished" in capsys.readouterr().out
    assert icseg("models", "show", run, "--json") == 0
    assert json.loads(capsys.readouterr().out)["data_sha256"] == "d" * 64
    bundle, table = tmp_path / "first.zip", tmp_path / "table.csv"
    assert icseg("models", "export", run, bundle) == 0
    assert icseg("models", "import", bundle, "--into", tmp_path / "there") == 0
    both = [run, tmp_path / "there" / "first"]
    assert icseg("models", "compare", *both, "--data", data, "--csv", table) == 0
    assert len(table.read_text().splitlines()) == 3
    assert icseg("models", "delete", run, "--yes") == 0
    assert not run.exists()


def test_ctrl_c_leaves_no_half_written_scores(
    make_tiles: MakeTiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data, out = make_run(tmp_path / "run"), make_tiles(3), tmp_path / "out"

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("trainers.evaluate.answer", interrupted)
    files = ["--json", out / "s.json", "--csv", out / "s.csv", "--report", out / "report"]
    assert icseg("evaluate", run, "--data", data, *files) != 0
    assert not out.exists()


@pytest.mark.parametrize(("answer", "is_left"), [("n", True), ("y", False)])
def test_a_run_is_deleted_only_on_a_yes(
    answer: str, is_left: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "first")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{answer}\n"))
    assert icseg("models", "delete", run) == 0
    assert run.exists() == is_left


def test_settings_reach_the_run(make_tiles: MakeTiles, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["--epochs", 1, "--lr", 0.01, "--seed", 4, "--set", "grad_clip=2.5", *TINY]
    assert icseg("train", "unet", "--data", make_tiles(4), "--out", run, *words) == 0
    config = json.loads((run / "config.json").read_text())
    assert (config["lr"], config["seed"], config["grad_clip"]) == (0.01, 4, 2.5)
    assert config["model_options"]["widths"] == [4, 8]


def test_a_stopped_run_exits_with_1_and_can_be_resumed(
    make_tiles: MakeTiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "cancel").touch()
    data = make_tiles(4)
    assert icseg("train", "unet", "--data", data, "--epochs", 1, "--out", run, *TINY) == 1
    assert f"--resume {run}" in capsys.readouterr().err
    assert icseg("train", "--resume", run) == 0
    assert read_status(run).state is RunState.FINISHED


@pytest.mark.parametrize(
    "words",
    [
        ["train"],
        ["train", "unet"],
        ["train", "no-such-model", "--out", "x"],
        ["train", "unet", "--out", "x", "--epochs", "many"],
        ["train", "unet", "--out", "x", "--resume", "y"],
        ["train", "unet", "--data", "d", "--out", "x", "--set", "lr"],
        ["predict"],
        ["evaluate", "run"],
        ["evaluate", "run", "--data", "d", "--protocol", "guess"],
        ["evaluate", "run", "--data", "d", "--limit", "0"],
        ["no-such-command"],
    ],
)
def test_wrong_usage_exits_with_2(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert icseg(*words) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["train", "unet", "--out", "x"], "--data DIR"),
        (["train", "unet", "--data", "none", "--out", "x"], "no folder"),
        (["train", "unet", "--data", "none", "--out", "x", "--set", "lrr=1"], "lrr"),
        (["train", "--resume", "none"], "not a run folder"),
        (["evaluate", "none", "--data", "none"], "no checkpoint"),
        (["evaluate", "none", "--data", "none", "--protocol", "oracle"], "no checkpoint"),
        (["predict", "none.safetensors", "--images", "none", "--out", "x"], "no checkpoint"),
        (["models", "list", "none"], "no folder"),
        (["models", "show", "none"], "not a run folder"),
        (["models", "delete", "none", "--yes"], "not a run folder"),
        (["models", "export", "none", "x.zip"], "not a run folder"),
        (["models", "import", "none.zip"], "no file"),
        (["synth", "--preset", "none", "--out", "x"], "none"),
    ],
)
def test_a_failure_exits_with_1_and_one_line(
    words: list[str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert icseg(*words) == 1
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("icseg: ")
    assert reason in lines[0]


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no checkpoint"):
        icseg("evaluate", tmp_path / "none", "--data", "x", "--debug")


def test_a_mistake_of_ours_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(_folder: object) -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("trainers.run_registry.describe_all", broken)
    assert icseg("models", "list", tmp_path) == 1
    assert capsys.readouterr().err.splitlines() == [
        "icseg: ZeroDivisionError: two lines (run again with --debug for the traceback)"
    ]


def test_a_round_is_run_and_says_what_changed(
    make_tiles: MakeTiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labelled, others = make_tiles(4, size_px=32, folder="a"), make_tiles(6, size_px=32, folder="b")
    words = ["rounds", "run", "unet", "--data", labelled, "--unlabelled", others / "images"]
    tiny = ["--set", "image_size=32", "--num-threads", "1", "--device", "cpu", "--epochs", "1"]
    assert icseg(*words, "--out", tmp_path / "round", *tiny, *TINY[-4:]) == 0
    said = capsys.readouterr().out
    assert "4 labelled and 2 unlabelled images" in said  # the others are copies
    assert "proposals for 2 images" in said
    assert (tmp_path / "round" / "round.json").is_file()


def test_a_dry_run_of_a_table_says_what_it_takes_and_trains_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "tiles", tmp_path / "out"
    assert icseg("synth", "--count", 6, "--test-count", 2, "--size-px", 64, "--out", data) == 0
    given = ["--data", data, "--out", out, "--models", "unet", "--scale", 0.008]
    assert icseg("experiment", "table3", *given, "--dry-run") == 0
    shown = capsys.readouterr().out
    assert "unet-paper-lr1e-05-e5-n800-s0-x0.008" in shown
    assert "Will fail: unet-paper-lr1e-05-e5-n1000-s0-x0.008. The row needs 8 training" in shown
    assert "4 of 5 rows are to be done" in shown
    assert "Where it says guess" in shown
    assert not out.exists()
