"""What a matrix will take: from the rows that are done, or by a stated guess."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from trainers.experiments.recipe import config_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainers.experiments.matrix import Row
    from trainers.experiments.recipe import Changes
    from trainers.experiments.results import Result

Basis = Literal["done", "measured", "guess"]


class Rate(NamedTuple):
    """Cost of one kind of training: seconds a tile and epoch, seconds a test tile, MiB kept."""

    train_s: float
    test_s: float
    size_mib: float


GUESSES: dict[tuple[str, str], Rate] = {
    ("unet", "best"): Rate(0.065, 0.085, 3.0),
    ("sam_seg", "best"): Rate(0.08, 0.09, 24.0),
    ("sam_det", "best"): Rate(0.25, 0.9, 30.0),
    ("rsprompter", "best"): Rate(0.32, 0.43, 38.0),
    ("unet", "paper"): Rate(2.4, 0.55, 125.0),
    ("sam_seg", "paper"): Rate(0.13, 0.09, 24.0),
    ("sam_det", "paper"): Rate(1.8, 1.75, 90.0),
    ("rsprompter", "paper"): Rate(1.5, 0.27, 38.0),
}
GUESS_WORDS = (
    "a guess: one CPU core, tiles of 256², SAM-2 nano; a GPU is far faster, SAM 2.1 larger"
)
"""Of such a core of a server: validation and features that are not kept yet are included."""
_FEWEST_TILES = {"best": 32, "paper": 0}
"""Smaller data sets are gone through several times an epoch by the presets `best`."""


@dataclass(frozen=True)
class RowEstimate:
    """What a row will take, or took if it is done.

    Attributes:
        row: the row.
        basis: where the figures come from.
        seconds: of training and test.
        size_mib: on disk, when done.

    """

    row: Row
    basis: Basis
    seconds: float
    size_mib: float


def estimate(
    rows: Sequence[Row],
    results: Iterable[Result],
    changes: Changes,
    *,
    data_sha256: str,
    num_test: int,
) -> tuple[RowEstimate, ...]:
    """Return what each row will take.

    Args:
        rows: of the matrix.
        results: known so far; those of other settings or data say how long a tile takes, too.
        changes: of the recipes.
        data_sha256: of the data.
        num_test: test tiles.

    """
    done = [each for each in results if each.state == "done"]
    rates = _measured(done, changes)
    known = {each.key: each for each in done}
    return tuple(
        _estimated(row, known.get((row.name, changes.text, data_sha256)), rates, changes, num_test)
        for row in rows
    )


def num_passes(row: Row, changes: Changes) -> int:
    """Return how often a tile is learned from in all trainings of a row."""
    config = config_of(row, changes, data=Path(), out=Path())
    num_val = max(1, round(config.val_fraction * row.num_images))
    fewest = _FEWEST_TILES[row.preset]
    tiles = [row.num_images - num_val]
    if row.unlabelled:
        tiles.append(tiles[0] + row.num_unlabelled)
    return config.epochs * sum(max(fewest, each) for each in tiles)


def _measured(done: Sequence[Result], changes: Changes) -> dict[tuple[str, str], Rate]:
    """Return the mean rate of each model and preset that has results."""
    rates: dict[tuple[str, str], Rate] = {}
    for kind in {(each.row.model, each.row.preset) for each in done}:
        costs = [
            (each, each.cost, each.scores)
            for each in done
            if (each.row.model, each.row.preset) == kind and each.settings == changes.text
        ]
        passes = sum(num_passes(each.row, changes) for each, _, _ in costs)
        tested = sum(scores.num_test_images for _, _, scores in costs if scores is not None)
        if passes and tested:
            found = [cost for _, cost, _ in costs if cost is not None]
            rates[kind] = Rate(
                sum(cost.train_s for cost in found) / passes,
                sum(cost.test_s for cost in found) / tested,
                sum(cost.size_mib for cost in found) / len(found),
            )
    return rates


def _estimated(
    row: Row,
    known: Result | None,
    rates: dict[tuple[str, str], Rate],
    changes: Changes,
    num_test: int,
) -> RowEstimate:
    if known is not None and known.cost is not None:
        cost = known.cost
        return RowEstimate(row, "done", cost.train_s + cost.test_s, cost.size_mib)
    kind = (row.model, row.preset)
    rate = rates.get(kind, GUESSES[kind])
    seconds = rate.train_s * num_passes(row, changes) + rate.test_s * num_test
    size_mib = rate.size_mib * (2 if row.unlabelled and kind not in rates else 1)
    return RowEstimate(row, "measured" if kind in rates else "guess", seconds, size_mib)
