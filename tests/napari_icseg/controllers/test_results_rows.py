"""Rows of results, lines of the plot, and the folders that are remembered."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from napari_icseg.controllers.results_folders import FOLDERS_FILE, read_folders, write_folders
from napari_icseg.controllers.results_layers import middle_for
from napari_icseg.controllers.results_reader import ResultsReader
from napari_icseg.controllers.results_rows import experiment_runs, learning_curve
from napari_icseg.widgets.results_plot_data import lines_of
from napari_icseg.widgets.results_view import COLUMNS
from tests.trainers.run_samples import make_run
from trainers.errors import DataError
from trainers.events import EventWriter
from trainers.experiments.matrix import Row
from trainers.experiments.results import RESULTS_NAME, RUNS, Cost, Result, Results, Scores
from trainers.metrics.error_places import ErrorKind, ErrorPlace

if TYPE_CHECKING:
    from pathlib import Path


def row_of(**changes: Any) -> Row:
    plain = Row("unet", "paper", 1e-4, 5, 1000, 0, 0, "automatic", 0.1)
    return replace(plain, **changes)


def result_of(row: Row, *, accuracy: float = 0.9, run: str = "run") -> Result:
    scores = Scores(accuracy, 0.8, 0.7, 0.8, 3, 2, 1, 4, 5, 50, 20)
    cost = Cost(120.0, 3.0, 40.0, "cpu")
    return Result(row, "", "d" * 64, "done", scores=scores, cost=cost, run=run)


def test_a_result_becomes_a_row_with_the_images_it_was_really_trained_on(tmp_path: Path) -> None:
    Results(tmp_path).put(result_of(row_of()))
    (run,) = experiment_runs(tmp_path)
    row = run.row
    assert (row.images, row.lr, row.seed, row.accuracy, row.opens) == (100, 1e-4, 0, 0.9, 3)
    assert (row.missing_tracks, row.minutes, row.tested_on) == (4, 2.0, "test")
    assert run.run_dir == tmp_path / RUNS / "run"


def test_a_failed_row_has_no_figure_and_keeps_its_reason(tmp_path: Path) -> None:
    failed = replace(result_of(row_of()), state="failed", reason="diverged", scores=None, cost=None)
    Results(tmp_path).put(failed)
    (run,) = experiment_runs(tmp_path)
    assert (run.row.accuracy, run.row.opens, run.row.minutes) == (None, None, None)
    assert (run.row.tone, run.row.reason) == ("bad", "diverged")
    texts = {column.title: column.text(run.row) for column in COLUMNS}
    assert texts["Acc."] == texts["Opens"] == "–"


def test_oracle_prompts_are_named_wherever_a_row_is(tmp_path: Path) -> None:
    Results(tmp_path).put(result_of(row_of(model="sam_seg", protocol="paper")))
    (run,) = experiment_runs(tmp_path)
    assert run.is_oracle
    assert run.row.tested_on == "test, oracle prompts"


def test_a_damaged_file_is_explained_and_an_empty_folder_is_none(tmp_path: Path) -> None:
    assert experiment_runs(tmp_path) == ()
    (tmp_path / RESULTS_NAME).write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="other columns"):
        experiment_runs(tmp_path)


def test_a_projects_own_models_are_rows_with_validation_scores(tmp_path: Path) -> None:
    make_run(tmp_path / "run-1")
    found = ResultsReader().read(tmp_path, ())
    assert found is not None
    (run,) = found.runs
    assert (run.row.model, run.row.tested_on) == ("U-Net", "validation")
    assert (run.row.iou, run.row.images) == (0.5, 1)
    assert learning_curve(run, "iou") == ((2, 0.5),)


def test_only_what_has_changed_is_read_again(tmp_path: Path) -> None:
    reader, runs_dir, out = ResultsReader(), tmp_path / "runs", tmp_path / "out"
    runs_dir.mkdir()
    Results(out).put(result_of(row_of()))
    assert len(reader.read(runs_dir, (out,)).runs) == 1
    assert reader.read(runs_dir, (out,)) is None
    make_run(runs_dir / "run-1")
    assert len(reader.read(runs_dir, (out,)).runs) == 2
    EventWriter(runs_dir / "run-1" / "events.jsonl").write("cancelled")
    assert reader.read(runs_dir, (out,)).runs[0].row.state == "cancelled"
    Results(out).put(result_of(row_of(seed=1)))
    assert len(reader.read(runs_dir, (out,)).runs) == 3
    assert len(reader.read(None, (out,)).runs) == 2


def test_one_damaged_experiment_leaves_the_others_and_is_told_once(tmp_path: Path) -> None:
    reader, good, bad = ResultsReader(), tmp_path / "good", tmp_path / "bad"
    Results(good).put(result_of(row_of()))
    bad.mkdir()
    (bad / RESULTS_NAME).write_text("a,b\n1,2\n")
    found = reader.read(None, (bad, good))
    assert len(found.runs) == len(found.problems) == 1
    assert reader.read(None, (bad, good)) is None
    Results(good).put(result_of(row_of(seed=1)))
    found = reader.read(None, (bad, good))
    assert (len(found.runs), found.problems) == (2, ())


@pytest.mark.parametrize("text", ["{", "[]", '{"training": null}', '{"lr": "high", "seed": {}}'])
def test_damaged_settings_of_a_run_leave_its_row(tmp_path: Path, text: str) -> None:
    make_run(tmp_path / "run-1")
    (tmp_path / "run-1" / "config.json").write_text(text)
    found = ResultsReader().read(tmp_path, ())
    assert [run.row.lr for run in found.runs] in ([None], [])


def test_what_other_settings_data_or_epochs_gave_is_never_averaged(tmp_path: Path) -> None:
    first = result_of(row_of())
    for other in (
        replace(first, settings='{"dropout": 1}'),
        replace(first, data_sha256="e" * 64),
        replace(first, row=row_of(epochs=20)),
    ):
        Results(tmp_path).put(other)
        Results(tmp_path).put(replace(other, row=replace(other.row, lr=1e-5)))
    rows = [run.row for run in experiment_runs(tmp_path)]
    lines = lines_of(rows, (), {}, "lr", "accuracy")
    assert [len(line.points) for line in lines] == [2, 2, 2]
    assert len({line.title for line in lines}) == 3
    assert all(len(keys) == 1 for line in lines for _, _, keys in line.points)


def test_a_line_joins_means_over_seeds_of_rows_that_differ_in_x_alone(tmp_path: Path) -> None:
    for lr, seed, accuracy in ((1e-4, 0, 0.8), (1e-4, 1, 0.9), (1e-5, 0, 0.7)):
        Results(tmp_path).put(result_of(row_of(lr=lr, seed=seed), accuracy=accuracy))
    Results(tmp_path).put(result_of(row_of(images=200), accuracy=0.1))
    rows = [run.row for run in experiment_runs(tmp_path)]
    (by_lr,) = lines_of(rows, (), {}, "lr", "accuracy")
    assert [point[:2] for point in by_lr.points] == [(1e-5, 0.7), (1e-4, pytest.approx(0.85))]
    (by_images,) = lines_of(rows, (), {}, "images", "accuracy")
    assert [point[0] for point in by_images.points] == [20, 100]
    assert sum(len(line.points) for line in lines_of(rows, (), {}, "minutes", "opens")) == 4


def test_tested_otherwise_is_another_line(tmp_path: Path) -> None:
    for lr in (1e-4, 1e-5):
        for protocol in ("automatic", "paper"):
            Results(tmp_path).put(result_of(row_of(model="sam_seg", lr=lr, protocol=protocol)))
    rows = [run.row for run in experiment_runs(tmp_path)]
    titles = [line.title for line in lines_of(rows, (), {}, "lr", "iou")]
    assert len(titles) == 2
    assert sum("oracle" in title for title in titles) == 1


def test_a_legend_says_only_what_tells_its_lines_apart(tmp_path: Path) -> None:
    """A whole matrix: rows of other tables, which the plot leaves out, must not lengthen it."""
    for lr in (1e-4, 1e-5):
        for model in ("unet", "sam_seg"):
            for protocol in ("automatic", "paper") if model == "sam_seg" else ("automatic",):
                Results(tmp_path).put(result_of(row_of(model=model, lr=lr, protocol=protocol)))
    for images in (700, 800):
        row = row_of(model="sam_seg", images=images)
        Results(tmp_path).put(result_of(replace(row, unlabelled=1000 - images)))
    rows = [run.row for run in experiment_runs(tmp_path)]
    titles = [line.title for line in lines_of(rows, (), {}, "lr", "iou")]
    assert titles == ["SAM-SEG paper, test", "SAM-SEG paper, test, oracle prompts", "U-Net paper"]


def test_learning_curves_are_those_of_the_chosen(tmp_path: Path) -> None:
    Results(tmp_path).put(result_of(row_of()))
    (run,) = experiment_runs(tmp_path)
    (line,) = lines_of([run.row], [run.row.key, "gone"], {run.row.key: ((1, 0.5),)}, "epoch", "iou")
    assert line.points == ((1, 0.5, (run.row.key,)),)


@pytest.mark.parametrize("text", ["", "{", "{}", "[1, 2]", "null"])
def test_nonsense_in_the_list_of_folders_is_no_folder(tmp_path: Path, text: str) -> None:
    (tmp_path / FOLDERS_FILE).write_text(text)
    assert read_folders(tmp_path) == ()


def test_folders_are_remembered(tmp_path: Path) -> None:
    write_folders(tmp_path / "runs", [tmp_path / "a"])
    assert read_folders(tmp_path / "runs") == (tmp_path / "a",)
    assert json.loads((tmp_path / "runs" / FOLDERS_FILE).read_text()) == [str(tmp_path / "a")]


@pytest.mark.parametrize(
    ("place", "shape_hw", "middle"),
    [
        ((200, 300), (512, 512), (200, 300)),
        ((0, 511), (512, 512), (64, 448)),
        ((5, 5), (40, 90), (20, 45)),
    ],
)
def test_an_error_at_the_border_is_seen_with_the_image_beside_it(
    place: tuple[int, int], shape_hw: tuple[int, int], middle: tuple[int, int]
) -> None:
    assert middle_for(ErrorPlace(ErrorKind.OPEN, *place), shape_hw) == middle
