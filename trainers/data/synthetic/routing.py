"""A small grid router: wires on tracks that never share a cell, so gaps keep the design rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from trainers.data.synthetic.fields import Rng

Cell = tuple[int, int]
BoolGrid = NDArray[np.bool_]


@dataclass(frozen=True)
class RouteRule:
    """How wires run: share of cells to use, mean straight length and chance of a jog."""

    fill: float
    length: float
    jog_rate: float
    max_jog: int = 4


def route(rng: Rng, used: BoolGrid, rule: RouteRule) -> list[list[Cell]]:
    """Lay wires until `rule.fill` of the cells is used; rows are tracks.

    used: (rows, cols) bool, True where nothing may be laid; it is filled in place.
    Returns one list of corner cells (row, col) per wire, at least one cell long.
    """
    rows, cols = used.shape
    budget = int(rule.fill * int((~used).sum()))
    wires: list[list[Cell]] = []
    for _ in range(6 * rows * cols):
        if budget <= 0:
            break
        start = (int(rng.integers(rows)), int(rng.integers(cols)))
        if used[start]:
            continue
        before = int(used.sum())
        wires.append(_route_one(rng, used, start, rule))
        budget -= int(used.sum()) - before
    return wires


def _route_one(rng: Rng, used: BoolGrid, start: Cell, rule: RouteRule) -> list[Cell]:
    """Lay one wire from a free cell: a run along the track, then jogs and further runs."""
    used[start] = True
    corners = [start]
    step = 1 if rng.random() < 0.5 else -1
    here = _run(rng, used, start, (0, step), rule.length)
    if here != start:
        corners.append(here)
    while rng.random() < rule.jog_rate and len(corners) < 8:
        turn = 1 if rng.random() < 0.5 else -1
        side = _run(rng, used, here, (turn, 0), 0.5 * rule.max_jog)
        if side == here:
            break
        corners.append(side)
        if rng.random() < 0.4:
            step = -step
        here = _run(rng, used, side, (0, step), rule.length)
        if here == side:
            break
        corners.append(here)
    return corners


def _run(rng: Rng, used: BoolGrid, start: Cell, step: Cell, mean_length: float) -> Cell:
    """Extend the wire along `step` over free cells, by an exponential number of cells."""
    row, col = start
    rows, cols = used.shape
    for _ in range(1 + int(rng.exponential(mean_length))):
        next_row, next_col = row + step[0], col + step[1]
        if not (0 <= next_row < rows and 0 <= next_col < cols) or used[next_row, next_col]:
            break
        row, col = next_row, next_col
        used[row, col] = True
    return row, col
