from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.trainers.run_samples import make_run
from trainers import comparison
from trainers.comparison import Comparison, compare, write_comparison_csv
from trainers.errors import CheckpointError, DataError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainers.conftest import MakeTiles


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [make_run(tmp_path / "runs" / name, seed=n) for n, name in enumerate(("a", "b"))]


def stored(result: Comparison) -> list[bool]:
    return [run.is_stored for run in result.runs]


def test_all_runs_are_scored_on_the_same_images(runs: list[Path], make_tiles: MakeTiles) -> None:
    result = compare(runs, make_tiles(5))
    images = [{score.image for score in run.evaluation.images} for run in result.runs]
    assert images[0] == images[1]
    assert len(images[0]) == 5
    assert len({run.evaluation.data_sha256 for run in result.runs}) == 1


def test_results_are_used_again_until_weights_or_data_change(
    runs: list[Path], make_tiles: MakeTiles
) -> None:
    data = make_tiles(4)
    first = compare(runs, data)
    again = compare(runs, data)
    assert (stored(first), stored(again)) == ([False, False], [True, True])
    assert [run.evaluation for run in again.runs] == [run.evaluation for run in first.runs]
    assert stored(compare(runs, data, limit=3)) == [False, False]
    other = make_run(runs[0].parent.parent / "other", seed=9)
    (runs[0] / "checkpoints" / "best.safetensors").write_bytes(
        (other / "checkpoints" / "best.safetensors").read_bytes()
    )
    assert stored(compare(runs, data)) == [False, True]
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(data / "masks" / "t01.png")
    assert stored(compare(runs, data)) == [False, False]


def test_a_stored_result_costs_no_loading_of_the_model(
    runs: list[Path], make_tiles: MakeTiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_tiles(2)
    first = compare(runs, data)

    def load(_path: Path, *, device: str) -> None:
        raise AssertionError(f"a model was loaded to {device}")

    monkeypatch.setattr(comparison, "load_run", load)
    again = compare(runs, data)
    assert [(run.model, run.preset) for run in again.runs] == [("unet", "best")] * 2
    assert [run.evaluation for run in again.runs] == [run.evaluation for run in first.runs]


def test_a_damaged_result_is_made_anew(runs: list[Path], make_tiles: MakeTiles) -> None:
    data = make_tiles(3)
    compare(runs[:1], data)
    (file,) = (runs[0] / "evaluations").iterdir()
    file.write_text(file.read_text()[:100])
    assert stored(compare(runs[:1], data)) == [False]
    assert stored(compare(runs[:1], data)) == [True]


def test_a_stopped_comparison_keeps_the_runs_that_were_done(
    runs: list[Path], make_tiles: MakeTiles
) -> None:
    data = make_tiles(3)

    def stop(name: str, done: int, _total: int) -> None:
        if name == "b" and done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(runs, data, progress=stop)
    assert stored(compare(runs, data)) == [True, False]
    assert not list(runs[1].rglob("*.part*"))


def test_the_gain_over_the_first_run_is_paired(runs: list[Path], make_tiles: MakeTiles) -> None:
    result = compare([runs[0], runs[0], runs[1]], make_tiles(6))
    assert result.difference(result.runs[1]) == (0.0, 0.0)
    gain = result.difference(result.runs[2])
    means = [run.evaluation.metrics["iou"] for run in result.runs]
    assert gain is not None
    assert gain.low <= means[2] - means[0] <= gain.high


def test_json_and_csv_have_a_row_for_each_run(
    runs: list[Path], make_tiles: MakeTiles, tmp_path: Path
) -> None:
    result = compare(runs, make_tiles(3))
    report = json.loads(json.dumps(result.to_dict()))
    assert [run["run"] for run in report["runs"]] == ["a", "b"]
    assert report["num_images"] == 3
    assert len(report["runs"][1]["iou_gain_over_first"]) == 2
    write_comparison_csv(tmp_path / "c.csv", result)
    with (tmp_path / "c.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == ["a", "b"]
    assert float(rows[0]["iou_low"]) <= float(rows[0]["iou"]) <= float(rows[0]["iou_high"])


def test_an_oracle_result_is_never_taken_for_an_automatic_one(
    runs: list[Path], make_tiles: MakeTiles
) -> None:
    data = make_tiles(2)
    compare(runs, data)
    with pytest.raises(CheckpointError, match="takes no prompts"):
        compare(runs, data, protocol="oracle")


def test_runs_of_one_name_are_told_apart_by_their_paths(
    tmp_path: Path, make_tiles: MakeTiles
) -> None:
    both = [make_run(tmp_path / folder / "run") for folder in ("x", "y")]
    assert [run.name for run in compare(both, make_tiles(2)).runs] == [str(run) for run in both]


def test_no_run_is_refused(make_tiles: MakeTiles) -> None:
    with pytest.raises(DataError, match="no run to compare"):
        compare([], make_tiles(2))
