"""Wires on a track grid, with the vias on them and the dummy fill between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainers.data.synthetic.routing import BoolGrid, Cell, RouteRule, route

if TYPE_CHECKING:
    from trainers.data.synthetic.fields import Rng
    from trainers.data.synthetic.shapes import Box, LayerRule, Layout, Point

WIRE_WIDTH_SPREAD = 0.12


@dataclass(frozen=True)
class Grid:
    """Track centres (`ys`, rows) and column centres (`xs`) of a block, in pixels."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return len(self.ys), len(self.xs)

    def point(self, cell: Cell) -> Point:
        """Return the (x, y) centre of a (row, col) cell."""
        return self.xs[cell[1]], self.ys[cell[0]]


def make_grid(rule: LayerRule, box: Box) -> Grid:
    """Place as many tracks and columns in the box as the pitch allows, at least one of each."""
    axes = []
    for low, high in ((box[0], box[2]), (box[1], box[3])):
        count = max(1, int((high - low) / rule.pitch_px))
        pitch = (high - low) / count
        axes.append(tuple(low + pitch * (i + 0.5) for i in range(count)))
    return Grid(axes[0], axes[1])


def lay_wires(
    rng: Rng, rule: LayerRule, layout: Layout, grid: Grid, used: BoolGrid, length: float
) -> None:
    """Route wires over the free cells of `used` and add them with their vias."""
    for corners in route(rng, used, RouteRule(rule.fill, length, rule.jog_rate)):
        points = [grid.point(cell) for cell in corners]
        add_wire(rng, rule, layout, chamfer(points, rule.pitch_px) if rule.diagonal else points)


def add_wire(rng: Rng, rule: LayerRule, layout: Layout, points: list[Point]) -> None:
    """Add one wire of a slightly random width, with vias at its ends and along it."""
    layout.add_path(points, rule.width_px * rng.uniform(1 - WIRE_WIDTH_SPREAD, 1.0))
    sprinkle_vias(rng, rule, layout, points)


def sprinkle_vias(rng: Rng, rule: LayerRule, layout: Layout, points: list[Point]) -> None:
    """Put vias on the ends of a wire, often in pairs, and now and then in its middle."""
    if not rule.has_vias:
        return
    inward = [(points[0], points[1 % len(points)]), (points[-1], points[-2 % len(points)])]
    for end, next_point in inward if len(points) > 1 else inward[:1]:
        if rng.random() < rule.via_end_rate:
            layout.add_via(end, rule)
            if rng.random() < rule.via_pair_rate:
                layout.add_via(along(end, next_point, 3.0 * rule.via_radius_px + 3.0), rule)
    if len(points) > 1 and rng.random() < 0.25 * rule.via_end_rate:
        start, stop = points[len(points) // 2 - 1], points[len(points) // 2]
        share = float(rng.uniform(0.3, 0.7))
        middle = (
            start[0] + share * (stop[0] - start[0]),
            start[1] + share * (stop[1] - start[1]),
        )
        layout.add_via(middle, rule)


def along(start: Point, stop: Point, distance: float) -> Point:
    """Return the point `distance` from `start` towards `stop`, not beyond it."""
    dx, dy = stop[0] - start[0], stop[1] - start[1]
    length = max(abs(dx), abs(dy), 1e-6)
    share = min(1.0, distance / length)
    return start[0] + share * dx, start[1] + share * dy


def chamfer(points: list[Point], cut_px: float) -> list[Point]:
    """Replace each inner corner of a polyline by a 45° piece of up to `cut_px`."""
    if len(points) < 3:
        return points
    out = [points[0]]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        legs = [max(abs(corner[0] - p[0]), abs(corner[1] - p[1])) for p in (before, after)]
        cut = min(cut_px, 0.5 * legs[0], 0.5 * legs[1])
        out += [along(corner, before, cut), along(corner, after, cut)]
    return [*out, points[-1]]


def add_dummy_fill(rng: Rng, rule: LayerRule, layout: Layout, grid: Grid, used: BoolGrid) -> None:
    """Put floating squares on free cells whose neighbours are free too."""
    rows, cols = grid.shape
    half = 0.5 * rule.width_px * rng.uniform(1.0, 1.4)
    for row in range(1, rows - 1, 2):
        for col in range(1, cols - 1, 2):
            if not used[row - 1 : row + 2, col - 1 : col + 2].any():
                x, y = grid.point((row, col))
                layout.add_box((x - half, y - half, x + half, y + half))
