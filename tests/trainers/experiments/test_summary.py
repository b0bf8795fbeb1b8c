from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from trainers.experiments.findings import findings_of, furthest
from trainers.experiments.matrix import cells_of
from trainers.experiments.results import Cost, Result, Scores
from trainers.experiments.summary import Line, Setup, lines_of, mean_of, setups_of

if TYPE_CHECKING:
    from trainers.experiments.matrix import Row, Table

SETUP = Setup("d" * 64, "", 0.1)


def result(row: Row, accuracy: float | None, data: str = SETUP.data_sha256) -> Result:
    """Return a made result; None for one that failed."""
    done = accuracy is not None
    return Result(
        row=row,
        settings=SETUP.settings,
        data_sha256=data,
        state="done" if done else "failed",
        reason="" if done else "the loss is not finite",
        scores=Scores(accuracy or 0.0, 0.8, 0.7, 0.75, 3, 1, 0, 2, 4, 120, 40) if done else None,
        cost=Cost(60.0, 6.0, 11.0, "cpu") if done else None,
        commit="0123456789abcdef",
        ended_utc="2026-01-31T12:00:00.000+00:00",
        run=row.training_name,
    )


def made(table: Table, accuracies: dict[str, list[float]]) -> tuple[Line, ...]:
    """Return a table's lines, each model's paper rows with these accuracies in their order."""
    rows = [c for c in cells_of(table, "automatic", 0.1) if c.preset == "paper"]
    own: list[Result] = []
    for model, values in accuracies.items():
        cells = [row for row in rows if row.model == model]
        own += [result(row, value) for row, value in zip(cells, values, strict=False)]
    return lines_of(table, SETUP, own)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_interval_is_that_of_a_t_test(count: int) -> None:
    values = np.random.default_rng(count).normal(0.9, 0.02, count)
    low, high = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    mean = mean_of(values.tolist())
    assert mean.half_width is not None
    assert (mean.value - mean.half_width, mean.value + mean.half_width) == pytest.approx(
        (low, high)
    )
    assert mean_of([0.5]) == (0.5, None, 1)


def test_seeds_are_averaged_and_failed_ones_are_no_zeros() -> None:
    row = cells_of("table2", "automatic", 0.1)[1]
    results = [result(row, 0.9), result(row.of_seed(1), 0.8), result(row.of_seed(2), None)]
    line = next(line for line in lines_of("table2", SETUP, results) if line.done)
    assert line.accuracy is not None
    assert (line.accuracy.value, line.accuracy.num_seeds) == (pytest.approx(0.85), 2)
    assert [each.row.seed for each in line.failed] == [2]
    assert line.difference == pytest.approx(0.85 - 0.9312)
    others = [each for each in lines_of("table2", SETUP, results) if each.row != row]
    assert len(others) == 19
    assert all(each.accuracy is None and each.difference is None for each in others)


def test_nothing_is_averaged_over_protocols_data_settings_or_scales() -> None:
    automatic, oracle = (
        next(c for c in cells_of("table2", protocol, 0.1) if c.model == "sam_seg")
        for protocol in ("automatic", "paper")
    )
    results = [
        result(automatic, 0.2),
        result(oracle, 0.9),
        result(automatic, 0.5, data="e" * 64),
        replace(result(automatic, 0.6), settings='{"epochs": 1}'),
        result(replace(automatic, scale=0.2), 0.7),
    ]
    lines = [line for line in lines_of("table2", SETUP, results) if line.done]
    assert [(line.row.protocol, line.accuracy) for line in lines] == [
        ("automatic", (0.2, None, 1)),
        ("paper", (0.9, None, 1)),
    ]
    assert len(setups_of(results)) == 4


def test_a_table_that_was_not_tried_has_no_lines() -> None:
    assert lines_of("table4", SETUP, [result(cells_of("table3", "automatic", 0.1)[0], 0.5)]) == ()


def test_the_papers_optimum_holds_only_where_it_was_measured() -> None:
    lines = made("table2", {"unet": [0.8, 0.93, 0.9, 0.7, 0.6], "sam_seg": [0.7, 0.8]})
    by_claim = {f.claim: f for f in findings_of({"table2": lines})}
    unet = by_claim["U-NET learns best at lr 1e-5 (Table 2)."]
    assert unet.holds is True
    assert "best at 1e-5 (0.9300)" in unet.words
    sam_seg = by_claim["SAM-SEG learns best at lr 1e-4 (Table 2)."]
    assert sam_seg.holds is None
    assert "Not all rates" in sam_seg.words
    high = made("table2", {"unet": [0.95, 0.93, 0.9, 0.7, 0.6]})
    assert [f.holds for f in findings_of({"table2": high})] == [False]


def test_more_images_help_only_if_accuracy_rises_with_them() -> None:
    rising = made("table3", {"sam_seg": [0.7, 0.8, 0.82, 0.85, 0.86]})
    flat = made("table3", {"sam_seg": [0.8, 0.9, 0.7, 0.75, 0.81]})
    assert [f.holds for t in (rising, flat) for f in findings_of({"table3": t})] == [True, False]


def test_sam_det_is_behind_only_if_all_others_are_better() -> None:
    accuracies = {"unet": [0.9], "sam_seg": [0.95], "sam_det": [0.8], "rsprompter": [0.7]}
    behind, best = findings_of({"table1": made("table1", accuracies)})
    assert (behind.holds, best.holds) == (False, None)
    behind, _ = findings_of({"table1": made("table1", {**accuracies, "rsprompter": [0.85]})})
    assert behind.holds is True


def test_unlabelled_images_cost_accuracy_only_by_more_than_the_seeds_differ() -> None:
    rows = [c for c in cells_of("table4", "automatic", 0.1) if c.preset == "paper"]

    def holds(losses: tuple[float, float]) -> bool | None:
        own = [
            result(row.of_seed(seed), 0.95 - (loss if row.unlabelled else 0.0))
            for row in rows
            for seed, loss in enumerate(losses)
        ]
        (finding,) = findings_of({"table4": lines_of("table4", SETUP, own)})
        return finding.holds

    assert holds((0.05, 0.0501)) is True
    assert holds((0.0, 0.05)) is False, "one seed says so, the other does not"
    assert holds((0.00001, 0.00001)) is False, "less than the table shows"
    assert holds((-0.01, -0.011)) is False


def test_the_cell_furthest_from_the_paper_comes_first() -> None:
    lines = made("table2", {"unet": [0.8814, 0.9312, 0.5, 0.7, 0.6]})
    assert furthest({"table2": lines})[0] == (
        "Table 2, U-NET, lr 1e-6: 0.5000, paper 0.9060 (-0.4060)"
    )
