"""The tables of the paper beside what was measured; no torch.

Results are never averaged over different data, settings, scales or protocols.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

from trainers.experiments import paper
from trainers.experiments.matrix import PROMPTED, TEST_PROTOCOLS, Table, cells_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trainers.experiments.matrix import Row, TestProtocol
    from trainers.experiments.results import Result, Scores

LEVEL = 0.95
PROTOCOL_TITLES: dict[TestProtocol, str] = {"paper": "oracle prompts", "automatic": "automatic"}


class Mean(NamedTuple):
    """Mean over seeds; `half_width` of its 95 % t-interval, None for a single seed."""

    value: float
    half_width: float | None
    num_seeds: int


class Setup(NamedTuple):
    """What results must share to stand in one table."""

    data_sha256: str
    settings: str
    scale: float


@dataclass(frozen=True)
class Line:
    """One cell of a table.

    Attributes:
        row: of seed 0.
        label: what it differs in from the others of its model.
        paper: pixel accuracy as printed, None where the paper has none.
        done: results of the seeds that were measured.
        failed: results of the seeds that failed.

    """

    row: Row
    label: str
    paper: float | None
    done: tuple[Result, ...]
    failed: tuple[Result, ...]

    def mean(self, of: Callable[[Scores], float]) -> Mean | None:
        """Return the mean over seeds of a score; None if nothing was measured."""
        scores = [result.scores for result in self.done if result.scores is not None]
        return mean_of([of(each) for each in scores]) if scores else None

    @property
    def accuracy(self) -> Mean | None:
        """Pixel accuracy."""
        return self.mean(lambda scores: scores.pixel_accuracy)

    @property
    def difference(self) -> float | None:
        """Measured less printed; None where either is missing."""
        measured = self.accuracy
        return None if measured is None or self.paper is None else measured.value - self.paper


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of at least one value, with its t-interval if there are several."""
    number, mean = len(values), float(np.mean(values))
    if number < 2:
        return Mean(mean, None, number)
    quantile = float(stats.t.ppf(0.5 + LEVEL / 2, number - 1))
    return Mean(mean, quantile * float(np.std(values, ddof=1)) / math.sqrt(number), number)


def setups_of(results: Iterable[Result]) -> tuple[Setup, ...]:
    """Return all setups in the order in which they came."""
    found = (Setup(r.data_sha256, r.settings, r.row.scale) for r in results)
    return tuple(dict.fromkeys(found))


def results_of(setup: Setup, results: Iterable[Result]) -> tuple[Result, ...]:
    """Return the results of one setup."""
    return tuple(r for r in results if (r.data_sha256, r.settings, r.row.scale) == setup)


def lines_of(table: Table, setup: Setup, results: Iterable[Result]) -> tuple[Line, ...]:
    """Return a line for each cell of a table, also of those that were not measured.

    SAM-SEG has lines for each protocol by which it was tested (automatic, if by none). A table
    none of whose rows was tried has no lines.
    """
    by_cell: dict[str, list[Result]] = {}
    for result in results_of(setup, results):
        by_cell.setdefault(result.row.of_seed(0).name, []).append(result)
    lines = [_line(table, cell, by_cell) for cell in _cells(table, setup, by_cell)]
    return tuple(lines) if any(line.done or line.failed for line in lines) else ()


def _cells(table: Table, setup: Setup, by_cell: dict[str, list[Result]]) -> list[Row]:
    tested = [
        protocol
        for protocol in TEST_PROTOCOLS
        if any(
            cell.name in by_cell
            for cell in cells_of(table, protocol, setup.scale)
            if cell.model == PROMPTED
        )
    ]
    cells: dict[str, Row] = {}
    for protocol in tested or ["automatic"]:
        cells |= {cell.name: cell for cell in cells_of(table, protocol, setup.scale)}
    return sorted(cells.values(), key=_order)


def _order(cell: Row) -> tuple[int, str, str]:
    """Sort by model, preset and protocol; within, the order of the table stays."""
    return (paper.MODELS.index(cell.model), cell.preset, cell.protocol)


def _line(table: Table, cell: Row, by_cell: dict[str, list[Result]]) -> Line:
    found = sorted(by_cell.get(cell.name, ()), key=lambda result: result.row.seed)
    return Line(
        row=cell,
        label=label_of(table, cell),
        paper=printed(table, cell),
        done=tuple(each for each in found if each.state == "done"),
        failed=tuple(each for each in found if each.state == "failed"),
    )


def label_of(table: Table, cell: Row) -> str:
    """Return what a cell of a table is about."""
    if table == "table1":
        if cell.preset == "best":
            return "preset best"
        return f"paper's recipe: lr {lr_text(cell.lr)}, {cell.epochs} epochs"
    if table == "table2":
        return f"lr {lr_text(cell.lr)}"
    if table == "table3":
        return f"{cell.images} images"
    recipe = "preset best" if cell.preset == "best" else "paper's recipe"
    return f"{cell.images} + {cell.unlabelled}, {recipe}"


def lr_text(lr: float | None) -> str:
    """Return a learning rate as the paper writes it."""
    return "–" if lr is None else f"{lr:.0e}".replace("e-0", "e-")


def printed(table: Table, cell: Row) -> float | None:
    """Return what the paper prints for a cell."""
    if table == "table1":
        return paper.TABLE1[cell.model]
    if table == "table2":
        return None if cell.lr is None else paper.TABLE2.get((cell.model, cell.lr))
    if table == "table3":
        return paper.TABLE3.get((cell.model, cell.images))
    return paper.TABLE4.get((cell.images, cell.unlabelled))
