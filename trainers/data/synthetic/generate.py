"""One synthetic tile: layout, fabrication, imaging and the exact truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.data.synthetic.contacts import coverage
from trainers.data.synthetic.detector import detect
from trainers.data.synthetic.imaging import render
from trainers.data.synthetic.layout import draw_layout, draw_rule
from trainers.data.synthetic.look import draw_look
from trainers.data.synthetic.raster import Geometry, empty_geometry, fabricate, fabricate_metal
from trainers.data.synthetic.scan import Warp, draw_warp, warp_geometry, warp_signal
from trainers.data.synthetic.stains import add_curtains, add_stains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainers.data.synthetic.config import SynthConfig
    from trainers.data.synthetic.fields import FloatImage, IntImage, Rng
    from trainers.data.synthetic.look import Look


COVER_MIN, COVER_MAX = 0.003, 0.85
MAX_TRIES = 8


@dataclass(frozen=True)
class SyntheticTile:
    """A synthetic SEM image with its exact truth; all arrays are (H, W).

    image: uint8 0..255, or uint16 0..65535 where the config asks for 16 bit.
    semantic: uint8 class ids, 0 background, 1 metal, 2 via (a via is drawn over the metal).
    nets: int32, 8-connected components of metal and vias together, 0 background.
    vias: int32 instance ids, 0 elsewhere. parts: int32, the straight segment, pad, plate or
    via that a pixel belongs to, 0 background; later drawn parts lie on top.
    meta: plain values that say what was drawn (kind of tile, sizes, levels, seed, index).
    """

    image: NDArray[np.uint8] | NDArray[np.uint16]
    semantic: NDArray[np.uint8]
    nets: IntImage
    vias: IntImage
    parts: IntImage
    meta: dict[str, Any]


def generate_tile(config: SynthConfig, seed: int, index: int) -> SyntheticTile:
    """Make tile number `index` of the set that `config` and `seed` define.

    The result depends on these three arguments alone, not on the order or the process in which
    tiles are made. Raises ValueError for a negative seed or index.
    """
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index must be 0 or more, got {seed} and {index}")
    rng, side_rng = np.random.default_rng([seed, index]), side_stream(seed, index)
    config = draw_config(side_rng, config)
    warp = draw_warp(side_rng, config.scan, config.size_px)
    scene = draw_scene(rng, config if warp is None else widened(config, warp))
    if warp is not None:
        scene = replace(
            scene,
            geometry=warp_geometry(scene.geometry, warp),
            signal=warp_signal(scene.signal, warp),
        )
    stains = add_stains(side_rng, scene.signal, scene.look, config.stains)
    curtains = add_curtains(side_rng, scene.signal, config.scan)
    scanned = {"stains": stains, "curtains": curtains, "warped": warp is not None}
    origin = {"preset": config.name, "seed": seed, "index": index}
    image = detect(rng, scene.signal, scene.look, config)
    return make_tile(image, scene.geometry, {**scene.meta, **origin, **scanned})


def side_stream(seed: int, index: int) -> Rng:
    """Return the numbers for what version 2 added: the tiles of older presets stay as they were."""
    return np.random.default_rng([seed, index, 2])


def draw_config(rng: Rng, config: SynthConfig) -> SynthConfig:
    """Return the config itself, or one of its mixture with its size and bits."""
    if not config.mixture:
        return config
    weights = np.array([weight for _, weight in config.mixture])
    chosen = config.mixture[int(rng.choice(len(weights), p=weights / weights.sum()))][0]
    return replace(chosen, size_px=config.size_px, bit_depth=config.bit_depth)


def widened(config: SynthConfig, warp: Warp) -> SynthConfig:
    """Return the config for the larger tile from which a warped one is taken."""
    return config.resized(config.size_px + 2 * warp.margin_px)


def make_tile(image: Any, geometry: Geometry, meta: dict[str, Any]) -> SyntheticTile:
    """Return the tile of an image (H, W) and the geometry it shows."""
    return SyntheticTile(
        image, geometry.semantic, geometry.nets, geometry.vias, geometry.parts, meta
    )


@dataclass(frozen=True)
class Scene:
    """A rendered layer before it is recorded; signal: (H, W) float32 grey levels, no noise."""

    geometry: Geometry
    signal: FloatImage
    look: Look
    meta: dict[str, Any]


def draw_scene(rng: Rng, config: SynthConfig) -> Scene:
    """Draw the layer, the ghost below it and the imaging conditions, and render them."""
    kind = draw_kind(rng, config)
    geometry, meta = draw_geometry(rng, config, blank=kind != "layer")
    with_ghost = kind == "ghost_only" or (
        kind == "layer" and rng.random() < config.imaging.ghost_tile_rate
    )
    ghost = draw_ghost(rng, config) if with_ghost else None
    look = draw_look(rng, config.imaging)
    meta |= {"kind": kind, "ghost": with_ghost, **look.summary()}
    return Scene(geometry, render(rng, geometry, ghost, look), look, meta)


def draw_kind(rng: Rng, config: SynthConfig) -> str:
    """Return "blank", "ghost_only" or "layer" at the rates of the config."""
    value = rng.random()
    if value < config.blank_rate:
        return "blank"
    return "ghost_only" if value < config.blank_rate + config.ghost_only_rate else "layer"


def draw_geometry(rng: Rng, config: SynthConfig, *, blank: bool) -> tuple[Geometry, dict[str, Any]]:
    """Return the fabricated layer and the sizes it was drawn with.

    A layer that shows next to nothing, or next to nothing but metal, is drawn again: blank
    tiles are to come at their own rate, and a full one would look just like them.
    """
    if blank:
        return empty_geometry(config.size_px), {}
    for _ in range(MAX_TRIES):
        rule = draw_rule(rng, config.layout)
        layout = draw_layout(rng, config.layout, rule, config.size_px)
        geometry = fabricate(rng, layout, rule, config.process, config.size_px)
        if COVER_MIN <= float((geometry.nets > 0).mean()) <= COVER_MAX:
            break
    meta = {"line_width_px": rule.width_px, "gap_px": rule.gap_px, "fill": rule.fill}
    if geometry.vias.any():
        meta["via_radius_px"] = rule.via_radius_px
    return geometry, meta


def draw_ghost(rng: Rng, config: SynthConfig) -> FloatImage:
    """Return the coverage (H, W) float32 in 0..1 of another, deeper layer."""
    styles = (("routed", 0.6), ("bus", 0.2), ("cells", 0.2))
    rule = replace(draw_rule(rng, config.layout), has_vias=False)
    layout = draw_layout(rng, replace(config.layout, styles=styles), rule, config.size_px)
    return coverage(fabricate_metal(rng, layout, rule, config.process, config.size_px))
