"""What stands before the detector: the layer with its defects, the ghost below, and the signal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trainers.data.synthetic.contacts import coverage
from trainers.data.synthetic.faults import Planted, plant
from trainers.data.synthetic.imaging import render
from trainers.data.synthetic.layout import DrawnLayouts, LayoutSource, Place
from trainers.data.synthetic.look import Look, draw_look
from trainers.data.synthetic.raster import (
    Canvas,
    Geometry,
    empty_canvas,
    fabricate,
    fabricate_metal,
    measure,
    signed_distance,
)

if TYPE_CHECKING:
    from trainers.data.synthetic.config import SynthConfig
    from trainers.data.synthetic.fields import FloatImage, Rng

COVER_MIN, COVER_MAX = 0.003, 0.85
MAX_TRIES = 8
DRAWN = DrawnLayouts()


@dataclass(frozen=True)
class Request:
    """What a tile is made from besides its config: the layouts, and the faults to plant.

    margin_px: what drift may take away at the border. clean: without chance dirt, where every
    defect is to be on record.
    """

    source: LayoutSource = DRAWN
    faults: tuple[str, ...] = ()
    margin_px: int = 0
    clean: bool = False


@dataclass(frozen=True)
class Layer:
    """The fabricated layer of a tile: its shapes, where they lie and the sizes they have."""

    canvas: Canvas
    geometry: Geometry
    place: Place | None
    meta: dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """A rendered layer before it is recorded; signal: (H, W) float32 grey levels, no noise."""

    planted: Planted
    signal: FloatImage
    look: Look
    meta: dict[str, Any]

    @property
    def geometry(self) -> Geometry:
        """The geometry that is in the image."""
        return self.planted.geometry


def draw_scene(rng: Rng, fault_rng: Rng, config: SynthConfig, request: Request) -> Scene:
    """Draw the layer, the ghost below it and the imaging conditions, and render them.

    `fault_rng` gives the numbers for the faults, so that they leave the layout as it is.
    """
    kind = draw_kind(rng, config)
    layer = draw_layer(rng, config, request.source, blank=kind != "layer")
    with_ghost = kind == "ghost_only" or (
        kind == "layer" and rng.random() < config.imaging.ghost_tile_rate
    )
    ghost = draw_ghost(rng, config, request.source, layer.place) if with_ghost else None
    planted = plant(fault_rng, layer.canvas, layer.geometry, request.faults, request.margin_px)
    look = draw_look(rng, config.imaging)
    if request.clean:
        look = replace(look, debris=0)
    signal = render(rng, planted.geometry, ghost, look)
    return Scene(planted, signal, look, {**layer.meta, "kind": kind, "ghost": with_ghost})


def draw_kind(rng: Rng, config: SynthConfig) -> str:
    """Return "blank", "ghost_only" or "layer" at the rates of the config."""
    value = rng.random()
    if value < config.blank_rate:
        return "blank"
    return "ghost_only" if value < config.blank_rate + config.ghost_only_rate else "layer"


def draw_layer(rng: Rng, config: SynthConfig, source: LayoutSource, *, blank: bool) -> Layer:
    """Return the fabricated layer and the sizes it was drawn with.

    A layer that shows next to nothing, or next to nothing but metal, is drawn again: blank
    tiles are to come at their own rate, and a full one would look just like them.
    """
    if blank:
        canvas = empty_canvas(config.size_px)
        return Layer(canvas, measure(canvas), None, {})
    for _ in range(MAX_TRIES):
        drawing = source.draw(rng, config.layout, config.size_px)
        rule = drawing.rule
        canvas = fabricate(rng, drawing.layout, rule, config.process, config.size_px)
        geometry = measure(canvas)
        if COVER_MIN <= float((geometry.nets > 0).mean()) <= COVER_MAX:
            break
    meta = {"line_width_px": rule.width_px, "gap_px": rule.gap_px, "fill": rule.fill}
    if geometry.vias.any():
        meta["via_radius_px"] = rule.via_radius_px
    return Layer(canvas, geometry, drawing.place, meta)


def draw_ghost(
    rng: Rng, config: SynthConfig, source: LayoutSource, place: Place | None
) -> FloatImage:
    """Return the coverage (H, W) float32 in 0..1 of another, deeper layer."""
    lower = source.draw_lower(rng, config.layout, config.size_px, place)
    metal = fabricate_metal(rng, lower.layout, lower.rule, config.process, config.size_px)
    return coverage(signed_distance(metal))
