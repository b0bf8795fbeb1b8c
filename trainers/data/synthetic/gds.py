"""Layouts read from GDSII files: random windows of a routed chip, with its vias and lower layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from trainers.data.synthetic.gds_file import Layer, check_file, name, open_cell
from trainers.data.synthetic.layout import GAP_MIN_PX, Drawing, DrawnLayouts, Place, draw_rule
from trainers.data.synthetic.shapes import LayerRule, Layout, Polygon
from trainers.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from trainers.data.synthetic.config import LayoutConfig
    from trainers.data.synthetic.fields import Rng

WIDTH_MIN_PX = 2.0
VIA_ASPECT_MAX = 1.3
MAX_TRIES = 20


@dataclass(frozen=True)
class GdsSpec:
    """Which layers of which file to show, and how large.

    metal, via, lower: (layer, datatype); `lower` shows through as a ghost that is not in the
    mask. cell: name of the cell, the top one with the most metal if None.
    """

    path: Path
    metal: Layer
    via: Layer | None = None
    lower: Layer | None = None
    nm_per_px: float = 10.0
    cell: str | None = None


@dataclass(frozen=True)
class Shapes:
    """Polygons of one layer, in pixels.

    outlines: M of (N, 2) float32, x and y. boxes: (M, 4) float32, x0 y0 x1 y1.
    """

    outlines: list[Polygon]
    boxes: NDArray[np.float32]

    def within(self, place: Place, size_px: int, margin_px: float) -> list[Polygon]:
        """Return the polygons in a window, as its tile shows them."""
        low = np.array([place.x_px, place.y_px], np.float32)
        near = (self.boxes[:, 2:] > low - margin_px).all(axis=1)
        near &= (self.boxes[:, :2] < low + size_px + margin_px).all(axis=1)
        return [turned(self.outlines[i] - low, place, size_px) for i in np.flatnonzero(near)]


def turned(points: Polygon, place: Place, size_px: int) -> Polygon:
    """Return points (N, 2) of a window, mirrored and transposed as `place` says."""
    signs = np.array([-1.0 if place.flipped_x else 1.0, -1.0 if place.flipped_y else 1.0])
    moved = points * signs + np.where(signs < 0, float(size_px), 0.0)
    return np.asarray(moved[:, ::-1] if place.transposed else moved, np.float32)


@lru_cache(maxsize=2)
def open_gds(spec: GdsSpec) -> GdsLayouts:
    """Return the layouts of a file, read once a process.

    Raises:
        DataError: the file is missing or damaged, a layer is empty, the scale makes wires
            thinner than two pixels, or the via layer holds other shapes than squares and disks.

    """
    if not spec.nm_per_px > 0:
        raise DataError(f"The scale must be more than 0 nm per pixel, got {spec.nm_per_px}.")
    check_file(spec.path)
    layers = [layer for layer in (spec.metal, spec.via, spec.lower) if layer is not None]
    polygons = open_cell(spec.path, spec.cell, layers, spec.metal)
    shapes = {layer: scaled(found, spec.nm_per_px) for layer, found in polygons.items()}
    return GdsLayouts(spec, shapes)


def scaled(polygons: list[NDArray[np.float64]], nm_per_px: float) -> Shapes:
    """Return polygons (N, 2) given in nm as shapes in pixels."""
    outlines = [np.asarray(points / nm_per_px, np.float32) for points in polygons]
    boxes = [(*points.min(axis=0), *points.max(axis=0)) for points in outlines]
    return Shapes(outlines, np.array(boxes, np.float32))


def least_width(shapes: Shapes) -> float:
    """Return the width in pixels that a tenth of the wires' length does not exceed.

    Width and length are those of the rectangle with a polygon's area and perimeter.
    """
    sizes = np.array([area_and_perimeter(points) for points in shapes.outlines])
    half = sizes[:, 1] / 2.0
    widths = (half - np.sqrt(np.maximum(half**2 - 4.0 * sizes[:, 0], 0.0))) / 2.0
    order = np.argsort(widths)
    share = np.cumsum((half - widths)[order])
    return float(widths[order][np.searchsorted(share, 0.1 * share[-1])])


def area_and_perimeter(points: Polygon) -> tuple[float, float]:
    """Return the area and the perimeter of a polygon (N, 2)."""
    ahead = np.roll(points, -1, axis=0)
    area = points[:, 0] @ ahead[:, 1] - points[:, 1] @ ahead[:, 0]
    return abs(float(area)) / 2.0, float(np.hypot(*(ahead - points).T).sum())


def are_round(shapes: Shapes) -> bool:
    """Return whether nearly all shapes are as wide as they are high."""
    sides = shapes.boxes[:, 2:] - shapes.boxes[:, :2]
    aspect = sides.max(axis=1) / np.maximum(sides.min(axis=1), 1e-6)
    return bool((aspect < VIA_ASPECT_MAX).mean() > 0.99)


def via_of(points: Polygon) -> tuple[float, float, float]:
    """Return the centre and radius (x, y, radius) in pixels of a square or a disk."""
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = (low + high) / 2.0
    return float(x), float(y), float((high - low).min() / 2.0)


def random_place(rng: Rng, shapes: Shapes, size_px: int) -> Place:
    """Return a window round a random place of a random shape."""
    box = shapes.boxes[int(rng.integers(len(shapes.boxes)))]
    inside = box[:2] + rng.random(2) * (box[2:] - box[:2])
    x, y = inside - rng.uniform(0.1, 0.9, 2) * size_px
    flags = [bool(flag) for flag in rng.random(3) < 0.5]
    return Place(float(x), float(y), flags[0], flags[1], flags[2])


class GdsLayouts:
    """Random windows of a layout file; a `LayoutSource`."""

    def __init__(self, spec: GdsSpec, shapes: dict[Layer, Shapes]) -> None:
        self._metal = shapes[spec.metal]
        self._via = shapes[spec.via] if spec.via else None
        self._lower = shapes[spec.lower] if spec.lower else None
        self._width_px = least_width(self._metal)
        self._check(spec)

    def _check(self, spec: GdsSpec) -> None:
        if self._width_px < WIDTH_MIN_PX:
            most = spec.nm_per_px * self._width_px / WIDTH_MIN_PX
            raise DataError(
                f"At {spec.nm_per_px:g} nm per pixel the wires of layer {name(spec.metal)} are "
                f"only {self._width_px:.1f} px wide: choose {most:.3g} nm per pixel or less."
            )
        if self._via is not None and not are_round(self._via):
            raise DataError(
                f"Layer {name(spec.via)} of {spec.path} holds shapes that are neither squares "
                "nor disks: it cannot be used as the via layer."
            )

    def draw(self, rng: Rng, config: LayoutConfig, size_px: int) -> Drawing:
        """Return a random window near some metal."""
        rule = self._rule(rng, config)
        place = random_place(rng, self._metal, size_px)
        layout = Layout(outlines=self._metal.within(place, size_px, rule.pitch_px))
        if self._via is not None:
            layout.vias = [
                via_of(points) for points in self._via.within(place, size_px, rule.pitch_px)
            ]
            radii = [radius for _, _, radius in layout.vias]
            if radii:
                rule = replace(rule, via_radius_px=float(np.median(radii)))
        return Drawing(rule, layout, place)

    def draw_lower(
        self, rng: Rng, config: LayoutConfig, size_px: int, place: Place | None
    ) -> Drawing:
        """Return the lower layer at the same place; drawn wiring if the spec names none."""
        if self._lower is None:
            return DrawnLayouts().draw_lower(rng, config, size_px, place)
        rule = self._rule(rng, config)
        where = place or random_place(rng, self._lower, size_px)
        return Drawing(rule, Layout(outlines=self._lower.within(where, size_px, 8.0)), where)

    def _rule(self, rng: Rng, config: LayoutConfig) -> LayerRule:
        """Return the habits of the config with the sizes of the file."""
        # the gap is not measured: rules mostly ask for as much space as width
        width = self._width_px
        return replace(draw_rule(rng, config), width_px=width, gap_px=max(GAP_MIN_PX, width))
