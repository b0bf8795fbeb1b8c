"""The ways to fill one block of a layer: routed wires, cell rows, buses, plates, combs, arrays.

Each style is called as `style(rng, rule, box, layout)` and adds its shapes to `layout`; the box
is (x0, y0, x1, y1) in tile pixels. Tracks run along x; a whole tile may be transposed later.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trainers.data.synthetic.fields import Rng, draw_log
from trainers.data.synthetic.shapes import Box, LayerRule, Layout
from trainers.data.synthetic.wires import (
    add_dummy_fill,
    add_wire,
    lay_wires,
    make_grid,
    sprinkle_vias,
)

Style = Callable[[Rng, LayerRule, Box, Layout], None]


def routed(rng: Rng, rule: LayerRule, box: Box, layout: Layout) -> None:
    """Free routing: wires with jogs on a track grid, vias at their ends, dummy fill between."""
    grid = make_grid(rule, box)
    used = np.zeros(grid.shape, bool)
    lay_wires(rng, rule, layout, grid, used, rule.length_pitches)
    if rule.dummy_fill:
        add_dummy_fill(rng, rule, layout, grid, used)


def cells(rng: Rng, rule: LayerRule, box: Box, layout: Layout) -> None:
    """Standard-cell rows: power rails with stubs, short local wires between them."""
    grid = make_grid(rule, box)
    rows, cols = grid.shape
    used = np.zeros(grid.shape, bool)
    period = int(rng.integers(5, 10))
    width = rule.width_px + rng.uniform(0.0, 0.7) * min(rule.width_px, rule.gap_px)
    for row in range(int(rng.integers(period)), rows, period):
        y = grid.ys[row]
        layout.add_path([(box[0], y), (box[2], y)], width)
        used[row] = True
        for col in np.flatnonzero(rng.random(cols) < 0.12).tolist():
            reach = int(rng.integers(1, max(2, period // 2))) * (1 if rng.random() < 0.5 else -1)
            end = min(max(row + reach, 0), rows - 1)
            used[min(row, end) : max(row, end) + 1, col] = True
            add_wire(rng, rule, layout, [grid.point((row, col)), grid.point((end, col))])
    lay_wires(rng, rule, layout, grid, used, 0.4 * rule.length_pitches)


def bus(rng: Rng, rule: LayerRule, box: Box, layout: Layout) -> None:
    """Parallel long lines, some missing, some broken."""
    grid = make_grid(rule, box)
    width = rule.width_px * rng.uniform(0.9, 1.2)
    for y in grid.ys:
        if rng.random() < 0.15:
            continue
        stops = [box[0], box[2]]
        if rng.random() < 0.3 and len(grid.xs) > 3:
            middle = grid.xs[int(rng.integers(1, len(grid.xs) - 1))]
            stops = [box[0], middle - rule.pitch_px / 2, middle + rule.pitch_px / 2, box[2]]
        for x0, x1 in zip(stops[::2], stops[1::2], strict=True):
            layout.add_path([(x0, y), (x1, y)], width)
            sprinkle_vias(rng, rule, layout, [(x0, y), (x1, y)])


def plates(rng: Rng, rule: LayerRule, box: Box, layout: Layout) -> None:
    """Wide plates with a gap between them, most with slots, some with a via lattice."""
    x0, y0, x1, y1 = box
    least = 4.0 * rule.pitch_px
    if max(x1 - x0, y1 - y0) > 2.2 * least and rng.random() < 0.85:
        share, half = rng.uniform(0.3, 0.7), rule.gap_px * rng.uniform(0.5, 1.5)
        if x1 - x0 > y1 - y0:
            cut = x0 + share * (x1 - x0)
            halves = ((x0, y0, cut - half, y1), (cut + half, y0, x1, y1))
        else:
            cut = y0 + share * (y1 - y0)
            halves = ((x0, y0, x1, cut - half), (x0, cut + half, x1, y1))
        for part in halves:
            plates(rng, rule, part, layout)
    elif rng.random() < 0.65:
        layout.add_box(box)
        add_plate_details(rng, rule, box, layout)
    else:
        routed(rng, rule, box, layout)


def add_plate_details(rng: Rng, rule: LayerRule, box: Box, layout: Layout) -> None:
    """Cut slots into a plate or put vias on it, on a lattice."""
    slots = rng.random() < 0.6
    step = rule.pitch_px * rng.uniform(1.6, 3.5)
    half_x = rule.width_px * rng.uniform(0.35, 0.5 * step / rule.pitch_px)
    half_y = rule.width_px * rng.uniform(0.35, 0.6)
    for y in np.arange(box[1] + step, box[3] - 0.7 * step, step).tolist():
        for x in np.arange(box[0] + step, box[2] - 0.7 * step, step).tolist():
            if slots:
                hole = Layout()
                hole.add_box((x - half_x, y - half_y, x + half_x, y + half_y))
                layout.holes.extend(hole.parts)
            elif rule.has_vias:
                layout.add_via((x, y), rule, padded=False)


def comb(rng: Rng, rule: LayerRule, box: Box, layout: Layout) -> None:
    """Two interleaved combs, or one serpentine line."""
    grid = make_grid(rule, box)
    left, right = grid.xs[0], grid.xs[-1]
    if rng.random() < 0.5:
        points = [(x, y) for i, y in enumerate(grid.ys) for x in _ends(left, right, i)]
        layout.add_path(points, rule.width_px)
        return
    top, bottom = grid.ys[0], grid.ys[-1]
    inner_left, inner_right = left + rule.pitch_px, right - rule.pitch_px
    layout.add_path([(left, top), (left, bottom)], rule.width_px)
    layout.add_path([(right, top), (right, bottom)], rule.width_px)
    for i, y in enumerate(grid.ys):
        ends = (left, inner_right) if i % 2 == 0 else (inner_left, right)
        if ends[1] > ends[0]:
            layout.add_path([(ends[0], y), (ends[1], y)], rule.width_px)


def _ends(left: float, right: float, index: int) -> tuple[float, float]:
    return (left, right) if index % 2 == 0 else (right, left)


def array(rng: Rng, rule: LayerRule, box: Box, layout: Layout) -> None:
    """A lattice of pads, each with a via where the layer has vias, some missing."""
    step = rule.pitch_px * rng.uniform(1.2, 2.0)
    half = 0.5 * min(step - rule.gap_px, rule.width_px * rng.uniform(1.0, 1.8))
    missing = rng.uniform(0.0, 0.5)
    for y in np.arange(box[1] + step / 2, box[3], step).tolist():
        for x in np.arange(box[0] + step / 2, box[2], step).tolist():
            if rng.random() >= missing:
                layout.add_box((x - half, y - half, x + half, y + half))
                if rule.has_vias:
                    layout.add_via((x, y), rule, padded=False)


def contacts(rng: Rng, rule: LayerRule, box: Box, layout: Layout) -> None:
    """Bare vias with no metal round them, as on a contact or via layer."""
    grid = make_grid(rule, box)
    chosen = rng.random(grid.shape) < 0.5 * rule.fill
    for row, col in np.argwhere(chosen).tolist():
        layout.add_via(grid.point((row, col)), rule, padded=False)


def blobs(rng: Rng, rule: LayerRule, box: Box, layout: Layout) -> None:
    """An analogue (free-form) shape over the whole tile, as in etched photonic structures."""
    del box
    layout.blob_cell_px = min(max(16.0, rule.width_px * rng.uniform(1.5, 4.0)), 110.0)
    layout.blob_fill = 0.25 + 0.5 * rule.fill


def wide_blobs(rng: Rng, rule: LayerRule, box: Box, layout: Layout) -> None:
    """An analogue shape as large as the tile, with next to no small detail."""
    del rule, box
    layout.blob_cell_px = draw_log(rng, (40.0, 260.0))
    layout.blob_fill = rng.uniform(0.3, 0.65)


def via_array(rng: Rng, rule: LayerRule, box: Box, layout: Layout) -> None:
    """Routed wires, and pads or crossings of wide wires with rows and columns of vias on them."""
    step = 2.0 * rule.via_radius_px + max(3.5, rule.via_radius_px * rng.uniform(0.7, 2.0))
    grid = make_grid(rule, box)
    used = np.zeros(grid.shape, bool)
    for _ in range(int(rng.integers(1, 5))):
        rows, cols = int(rng.integers(1, 7)), int(rng.integers(2, 7))
        x, y = rng.uniform(box[0], box[2]), rng.uniform(box[1], box[3])
        pad = (x - step, y - step, x + cols * step, y + rows * step)
        near = np.outer(
            [pad[1] - rule.pitch_px < v < pad[3] + rule.pitch_px for v in grid.ys],
            [pad[0] - rule.pitch_px < u < pad[2] + rule.pitch_px for u in grid.xs],
        )
        if (used & near).any():
            continue
        used |= near
        if rng.random() < 0.8:
            layout.add_box(pad)
        for j in range(rows * cols if rule.has_vias else 0):
            layout.add_via((x + j % cols * step, y + j // cols * step), rule, padded=False)
    lay_wires(rng, rule, layout, grid, used, rule.length_pitches)


STYLES: dict[str, Style] = {
    "routed": routed,
    "cells": cells,
    "bus": bus,
    "plates": plates,
    "comb": comb,
    "array": array,
    "contacts": contacts,
    "via_array": via_array,
    "blobs": blobs,
    "wide_blobs": wide_blobs,
}
WHOLE_TILE_STYLES = frozenset({"blobs", "wide_blobs"})
