"""Drawn geometry before fabrication: polygons, vias and the rules of one layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Polygon = NDArray[np.float32]
Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class LayerRule:
    """The sizes and habits of one layer of one tile; lengths in pixels."""

    width_px: float
    gap_px: float
    fill: float
    length_pitches: float
    jog_rate: float
    diagonal: bool
    dummy_fill: bool
    has_vias: bool
    via_end_rate: float
    via_pair_rate: float
    via_radius_px: float
    via_square: bool
    bulge_ratio: float

    @property
    def pitch_px(self) -> float:
        """Distance between neighbouring track centres."""
        return self.width_px + self.gap_px


@dataclass
class Layout:
    """Shapes of one layer, collected while it is drawn; points are (x, y) in tile pixels.

    parts: polygons (N, 2) float32; each is a straight segment, a pad or a plate, later on top.
    bulges: polygons where the metal swells round a via; they belong to the part they lie on.
    outlines: polygons (N, 2) float32 of any shape, as layout files hold them; parts as well.
    holes: polygons cut out of the parts (slots).
    vias: (x, y, radius) in pixels. blob_cell_px: grain of an analogue shape, 0 for none.
    """

    parts: list[Polygon] = field(default_factory=list)
    bulges: list[Polygon] = field(default_factory=list)
    holes: list[Polygon] = field(default_factory=list)
    vias: list[tuple[float, float, float]] = field(default_factory=list)
    blob_cell_px: float = 0.0
    blob_fill: float = 0.5
    outlines: list[Polygon] = field(default_factory=list)

    def add_box(self, box_xyxy: Box) -> None:
        """Add an axis-parallel rectangle as one part."""
        self.parts.append(box_polygon(box_xyxy))

    def add_path(self, points: list[Point], width_px: float) -> None:
        """Add a polyline as one part per straight piece."""
        if len(points) == 1:
            points = [points[0], points[0]]
        for start, end in pairwise(points):
            self.parts.append(segment_polygon(start, end, width_px))

    def add_via(self, point_xy: Point, rule: LayerRule, *, padded: bool = True) -> None:
        """Add a via, and the bulge of the metal round it, unless another via is too near."""
        x, y = point_xy
        radius = rule.via_radius_px
        clear = 2.0 * radius + 3.0
        if any(abs(x - u) < clear and abs(y - v) < clear for u, v, _ in self.vias):
            return
        self.vias.append((x, y, radius))
        if padded and rule.bulge_ratio > 1.0:
            self.bulges.append(disk_polygon(point_xy, radius * rule.bulge_ratio))

    def transposed(self) -> Layout:
        """Return the layout with x and y exchanged: horizontal tracks become vertical ones."""
        return Layout(
            [part[:, ::-1] for part in self.parts],
            [bulge[:, ::-1] for bulge in self.bulges],
            [hole[:, ::-1] for hole in self.holes],
            [(y, x, radius) for x, y, radius in self.vias],
            self.blob_cell_px,
            self.blob_fill,
            [outline[:, ::-1] for outline in self.outlines],
        )


def box_polygon(box_xyxy: Box) -> Polygon:
    """Return the corners (4, 2) of a rectangle."""
    x0, y0, x1, y1 = box_xyxy
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def segment_polygon(start: Point, end: Point, width_px: float) -> Polygon:
    """Return the rectangle (4, 2) of a straight wire, half a width longer at both ends."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5
    half = width_px / 2.0
    ux, uy = (dx / length * half, dy / length * half) if length > 1e-6 else (half, 0.0)
    (ax, ay), (bx, by) = start, end
    return np.array(
        [
            [ax - ux + uy, ay - uy - ux],
            [bx + ux + uy, by + uy - ux],
            [bx + ux - uy, by + uy + ux],
            [ax - ux - uy, ay - uy + ux],
        ],
        np.float32,
    )


def disk_polygon(center: Point, radius_px: float, num_corners: int = 16) -> Polygon:
    """Return a regular polygon (num_corners, 2) that stands for a disk of the same area."""
    angles = np.arange(num_corners, dtype=np.float32) * np.float32(2.0 * np.pi / num_corners)
    grown = radius_px * (angles[1] / np.sin(angles[1])) ** 0.5
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) * grown
    return np.asarray(circle + np.asarray(center, np.float32), np.float32)
