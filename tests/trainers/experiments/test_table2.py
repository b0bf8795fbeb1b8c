from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest

from trainers.errors import DataError
from trainers.experiments.results import ResultTable
from trainers.experiments.table2 import run_table2
from trainers.models.unet_task import UNetTask

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainers.conftest import MakeTiles

CHANGES: dict[str, Any] = {
    "image_size": 32,
    "num_threads": 1,
    "device": "cpu",
    "model_options": {"widths": (4, 8)},
}


def table(tmp_path: Path, data: Path, lrs: list[float]) -> list[dict[str, str]]:
    return run_table2(
        data=data, out=tmp_path / "out", models=["unet"], lrs=lrs, epochs=1, changes=CHANGES
    )


def test_each_rate_gets_a_row_and_finished_rows_are_skipped(
    make_tiles: MakeTiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_tiles(4)
    rows = table(tmp_path, data, [1e-3, 1e-5])
    assert [(row["lr"], row["state"]) for row in rows] == [
        ("0.001", "finished"),
        ("1e-05", "finished"),
    ]
    assert [row["paper_pixel_accuracy"] for row in rows] == ["", "0.9312"]
    assert all(0 < float(row["pixel_accuracy"]) <= 1 for row in rows)
    with (tmp_path / "out" / "results.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == rows
    monkeypatch.setattr("trainers.experiments.table2.ensure_trained", None)  # must not be called
    assert table(tmp_path, data, [1e-3, 1e-5]) == rows


def test_a_failed_row_says_failed_and_holds_no_figure(
    make_tiles: MakeTiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_tiles(4)
    original = UNetTask.training_loss

    def training_loss(self: UNetTask, model: Any, batch: Any) -> Any:
        losses = original(self, model, batch)
        return {"loss": losses["loss"] * float("nan")}

    with monkeypatch.context() as patch:
        patch.setattr(UNetTask, "training_loss", training_loss)
        (row,) = table(tmp_path, data, [1e-3])
    assert row["state"] == "failed"
    assert "diverged" in row["reason"]
    assert [row[name] for name in ("pixel_accuracy", "iou", "dice")] == ["", "", ""]
    (row,) = table(tmp_path, data, [1e-3])
    assert (row["state"], row["reason"]) == ("finished", "")


def test_a_table_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="other columns"):
        ResultTable(path, keys=("model",), values=("iou",))
    assert path.read_text() == "a,b\n1,2\n"
