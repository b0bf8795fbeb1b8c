"""The cells of the matrix are those that the paper prints."""

from __future__ import annotations

import pytest

from trainers.errors import DataError
from trainers.experiments import paper
from trainers.experiments.matrix import (
    DEFAULT_SEEDS,
    TABLES,
    Table,
    cells_of,
    rows_of,
    scaled_epochs,
)
from trainers.experiments.summary import printed

# as printed, column by column: the tables of the paper once more, typed independently
TABLE2 = """
1e-4 0.8814 0.9407 0.7259 na
1e-5 0.9312 0.8562 0.6096 0.8166
1e-6 0.9060 0.6231 0.3871 0.6537
1e-7 0.6609 0.4682 0.4321 0.6405
1e-8 0.6291 0.4679 0.4443 0.5743
"""
TABLE3 = """
200 0.9119 0.7103 0.3799 0.6996
400 0.9050 0.8173 0.6206 0.8875
600 0.9281 0.8219 0.5735 0.8865
800 0.9454 0.8523 0.5940 0.8583
1000 0.9397 0.8562 0.6096 0.7946
"""
COLUMNS = ("unet", "sam_seg", "sam_det", "rsprompter")


def read(text: str) -> dict[tuple[str, float], float | None]:
    cells = {}
    for line in text.split("\n"):
        first, *rest = line.split() or [""]
        for model, value in zip(COLUMNS, rest, strict=False):
            cells[model, float(first)] = None if value == "na" else float(value)
    return cells


def test_table_2_has_each_learning_rate_of_each_model_with_the_printed_accuracy() -> None:
    cells = cells_of("table2", "automatic")
    assert {(c.model, c.lr): printed("table2", c) for c in cells} == read(TABLE2)
    assert {(c.images, c.epochs, c.preset) for c in cells} == {(1000, 5, "paper")}


def test_table_3_has_each_number_of_images_at_lr_1e_5() -> None:
    cells = cells_of("table3", "automatic")
    assert {(c.model, c.images): printed("table3", c) for c in cells} == read(TABLE3)
    assert {(c.lr, c.epochs) for c in cells} == {(1e-5, 5)}


def test_table_1_has_the_recipes_of_the_text_and_our_best() -> None:
    cells = cells_of("table1", "automatic")
    published = {c.model: (c.lr, c.epochs) for c in cells if c.preset == "paper"}
    assert published == {
        "unet": (1e-5, 5),
        "sam_seg": (1e-4, 5),
        "sam_det": (5e-5, 100),
        "rsprompter": (5e-4, 10),
    }
    assert [c.model for c in cells if c.preset == "best"] == list(COLUMNS)
    assert [printed("table1", c) for c in cells][:4] == [0.9312, 0.9407, 0.8477, 0.9276]


def test_table_4_has_the_ratios_of_labelled_and_unlabelled_images() -> None:
    cells = [c for c in cells_of("table4", "automatic") if c.preset == "paper"]
    assert {(c.images, c.unlabelled): printed("table4", c) for c in cells} == {
        (700, 300): 0.9011,
        (800, 200): 0.9199,
        (900, 100): 0.8888,
        (1000, 0): 0.9407,
    }
    assert {(c.model, c.lr, c.epochs) for c in cells} == {("sam_seg", 1e-4, 5)}


def test_a_cell_that_stands_in_several_tables_is_one_training() -> None:
    names = [{c.name for c in cells_of(table, "automatic")} for table in TABLES]
    shared = "sam_seg-paper-lr0.0001-e5-n1000-s0-x1"
    assert [shared in each for each in names] == [True, True, False, True]


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_a_name_of_its_own_and_seeds_come_one_after_the_other(table: Table) -> None:
    rows = rows_of(table)
    assert len({row.name for row in rows}) == len(rows)
    assert [row.seed for row in rows] == sorted(row.seed for row in rows)
    assert max(row.seed for row in rows) + 1 == DEFAULT_SEEDS[table]


def test_only_sam_seg_knows_the_papers_protocol() -> None:
    rows = rows_of("table1", protocol="paper")
    assert {row.model for row in rows if row.protocol == "paper"} == {"sam_seg"}
    oracle = next(row for row in rows if row.protocol == "paper")
    assert oracle.name == f"{oracle.training_name}-oracle"


def test_scale_takes_a_share_of_the_images_and_of_long_trainings() -> None:
    cells = cells_of("table4", "automatic", 0.1)
    assert [(c.num_images, c.num_unlabelled) for c in cells][:2] == [(70, 30), (80, 20)]
    assert [scaled_epochs(5, 0.1), scaled_epochs(100, 0.1), scaled_epochs(100, 0.5)] == [5, 10, 50]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"models": ["resnet"]}, "models are"),
        ({"models": []}, "models are"),
        ({"num_seeds": 0}, "at least one seed"),
        ({"scale": 0.0}, "--scale"),
        ({"models": ["unet"], "table": "table4"}, "SAM-SEG alone"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        rows_of(**{"table": "table1", **wrong})  # type: ignore[arg-type]


def test_the_paper_knows_four_models() -> None:
    assert paper.MODELS == COLUMNS
