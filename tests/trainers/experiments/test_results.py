from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from trainers.errors import DataError
from trainers.experiments.matrix import rows_of
from trainers.experiments.results import COLUMNS, Cost, Result, Results, Scores

if TYPE_CHECKING:
    from pathlib import Path

ROW = rows_of("table4", protocol="paper", scale=0.1)[0]
SCORES = Scores(0.95, 0.8, 0.7, 0.75, 3, 1, 0, 2, 4, 120, 40)
DONE = Result(
    row=ROW,
    settings='{"sam": "sam2-nano"}',
    data_sha256="d" * 64,
    state="done",
    scores=SCORES,
    cost=Cost(12.5, 3.25, 11.0, "cpu"),
    commit="abc",
    ended_utc="2026-01-31T12:00:00.000+00:00",
    run="run",
)
FAILED = replace(
    DONE,
    row=ROW.of_seed(1),
    state="failed",
    scores=None,
    cost=None,
    reason="it diverged,\nat step 3",
)


def test_results_come_back_as_they_were_put(tmp_path: Path) -> None:
    results = Results(tmp_path)
    assert results.read() == ()
    for each in (DONE, FAILED):
        results.put(each)
    assert results.read() == (DONE, replace(FAILED, reason="it diverged, at step 3"))


def test_a_later_result_of_a_row_replaces_the_earlier(tmp_path: Path) -> None:
    results = Results(tmp_path)
    for each in (FAILED, DONE, replace(DONE, row=FAILED.row)):
        results.put(each)
    assert [(each.row.seed, each.state) for each in results.read()] == [(0, "done"), (1, "done")]


def test_other_data_settings_or_protocols_are_other_rows(tmp_path: Path) -> None:
    others = [
        DONE,
        replace(DONE, settings=""),
        replace(DONE, data_sha256="e" * 64),
        replace(DONE, row=replace(ROW, protocol="automatic")),
        replace(DONE, row=replace(ROW, scale=0.2)),
    ]
    for each in others:
        Results(tmp_path).put(each)
    assert list(Results(tmp_path).read()) == others


def test_a_failed_row_holds_no_figure(tmp_path: Path) -> None:
    Results(tmp_path).put(FAILED)
    with (tmp_path / "results.csv").open(newline="") as file:
        (line,) = csv.DictReader(file)
    figures = ("pixel_accuracy", "foreground_iou", "opens", "num_tracks", "train_s", "size_mib")
    assert [line[name] for name in figures] == [""] * len(figures)


@pytest.mark.parametrize(
    ("column", "text"),
    [("pixel_accuracy", ""), ("opens", "many"), ("state", "perhaps"), ("model", "unet")],
)
def test_a_damaged_line_is_named_and_not_guessed(tmp_path: Path, column: str, text: str) -> None:
    Results(tmp_path).put(DONE)
    path = tmp_path / "results.csv"
    with path.open(newline="") as file:
        (line,) = csv.DictReader(file)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerow({**line, column: text})
    with pytest.raises(DataError, match=r"Line 2 of .* is damaged"):
        Results(tmp_path).read()


def test_a_table_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="other columns"):
        Results(tmp_path).put(DONE)
    assert path.read_text() == "a,b\n1,2\n"
