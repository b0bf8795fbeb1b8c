from __future__ import annotations

from dataclasses import replace

import pytest

from tests.trainers.experiments.test_summary import SETUP, result
from trainers.experiments.estimate import GUESSES, estimate, num_passes
from trainers.experiments.matrix import Row, rows_of
from trainers.experiments.recipe import Changes
from trainers.experiments.results import Cost

NOTHING = Changes()
KNOWN = {"data_sha256": SETUP.data_sha256, "num_test": 40}


def test_a_round_learns_twice_and_small_data_are_gone_through_several_times() -> None:
    paper = Row("sam_seg", "paper", 1e-4, 5, 800, 200, 0, "automatic", 0.1)
    assert num_passes(paper, NOTHING) == 5 * ((80 - 12) + (80 - 12 + 20))
    best = Row("sam_seg", "best", None, None, 1000, 0, 0, "automatic", 0.01)
    assert num_passes(best, NOTHING) == 12 * 32


def test_time_comes_from_rows_that_are_done_and_else_from_a_guess() -> None:
    rows = rows_of("table2", models=["unet", "sam_det"], scale=0.1)
    done = result(rows[0], 0.9)
    found = {each.row: each for each in estimate(rows, [done], NOTHING, **KNOWN)}  # type: ignore[arg-type]
    assert (found[rows[0]].basis, found[rows[0]].seconds) == ("done", 66.0)
    alike = found[rows[1]]
    assert (alike.basis, alike.seconds, alike.size_mib) == ("measured", pytest.approx(66.0), 11.0)
    other = found[next(row for row in rows if row.model == "sam_det")]
    rate = GUESSES["sam_det", "paper"]
    assert other.basis == "guess"
    assert other.seconds == pytest.approx(rate.train_s * 5 * 85 + rate.test_s * 40)


def test_what_was_measured_at_another_scale_counts_by_the_tile() -> None:
    (whole,) = rows_of("table1", models=["unet"], scale=0.2, num_seeds=1)[1:]
    tenth = replace(whole, scale=0.1)
    measured = replace(result(tenth, 0.9), cost=Cost(42.5, 4.0, 11.0, "cpu"))
    (found,) = estimate([whole], [measured], NOTHING, **KNOWN)  # type: ignore[arg-type]
    assert found.seconds == pytest.approx(42.5 * 2 + 4.0)
