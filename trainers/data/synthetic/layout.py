"""Layouts of one layer: a tile is split into blocks, and each block is drawn in one style."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from trainers.data.synthetic.fields import Rng, choose, draw, draw_log
from trainers.data.synthetic.shapes import Box, LayerRule, Layout
from trainers.data.synthetic.styles import STYLES, WHOLE_TILE_STYLES

if TYPE_CHECKING:
    from trainers.data.synthetic.config import LayoutConfig

GAP_MIN_PX = 3.0
GHOST_STYLES = (("routed", 0.6), ("bus", 0.2), ("cells", 0.2))


@dataclass(frozen=True)
class Place:
    """Where a tile lies in a layout file: its corner in pixels, and how it is turned."""

    x_px: float
    y_px: float
    transposed: bool
    flipped_x: bool
    flipped_y: bool


@dataclass(frozen=True)
class Drawing:
    """One layer of one tile as it was designed; `place` says where a layout file holds it."""

    rule: LayerRule
    layout: Layout
    place: Place | None = None


class LayoutSource(Protocol):
    """Where the geometry of tiles comes from."""

    def draw(self, rng: Rng, config: LayoutConfig, size_px: int) -> Drawing:
        """Draw the layer that is to be seen."""

    def draw_lower(
        self, rng: Rng, config: LayoutConfig, size_px: int, place: Place | None
    ) -> Drawing:
        """Draw the layer below it, at the same place where that means anything."""


class DrawnLayouts:
    """Layouts drawn at random in the styles of the config."""

    def draw(self, rng: Rng, config: LayoutConfig, size_px: int) -> Drawing:
        """Draw a layer in the styles of the config."""
        rule = draw_rule(rng, config)
        return Drawing(rule, draw_layout(rng, config, rule, size_px))

    def draw_lower(
        self, rng: Rng, config: LayoutConfig, size_px: int, place: Place | None
    ) -> Drawing:
        """Draw another layer that looks like wiring."""
        del place
        rule = replace(draw_rule(rng, config), has_vias=False)
        return Drawing(rule, draw_layout(rng, replace(config, styles=GHOST_STYLES), rule, size_px))


def draw_rule(rng: Rng, config: LayoutConfig) -> LayerRule:
    """Draw the sizes and habits that all blocks of one layer share."""
    width = draw_log(rng, config.line_width_px)
    return LayerRule(
        width_px=width,
        gap_px=max(GAP_MIN_PX, width * draw_log(rng, config.gap_ratio)),
        fill=draw(rng, config.fill),
        length_pitches=draw_log(rng, config.length_pitches),
        jog_rate=draw(rng, config.jog_rate),
        diagonal=rng.random() < config.diagonal_tile_rate,
        dummy_fill=rng.random() < config.dummy_fill_tile_rate,
        has_vias=rng.random() < config.via_tile_rate,
        via_end_rate=draw(rng, config.via_end_rate),
        via_pair_rate=draw(rng, config.via_pair_rate),
        via_radius_px=max(config.via_radius_min_px, width * draw(rng, config.via_radius_ratio)),
        via_square=rng.random() < config.via_square_tile_rate,
        bulge_ratio=draw(rng, config.bulge_ratio),
    )


def draw_layout(rng: Rng, config: LayoutConfig, rule: LayerRule, size_px: int) -> Layout:
    """Draw one layer that covers a square tile of `size_px` and a little around it."""
    layout = Layout()
    start = -rule.pitch_px * (0.5 + rng.random(2))
    stop = size_px + rule.pitch_px * (0.5 + rng.random(2))
    limit = draw(rng, config.block_px) + 6.0 * rule.pitch_px
    tile: Box = (float(start[0]), float(start[1]), float(stop[0]), float(stop[1]))
    first = choose(rng, config.styles)
    if first in WHOLE_TILE_STYLES:
        STYLES[first](rng, rule, tile, layout)
        return layout
    styles = tuple(pair for pair in config.styles if pair[0] not in WHOLE_TILE_STYLES)
    for block in split(rng, tile, limit, rule.gap_px):
        STYLES[choose(rng, styles)](rng, rule, block, layout)
    return layout.transposed() if rng.random() < 0.5 else layout


def split(rng: Rng, box: Box, limit_px: float, gutter_px: float) -> list[Box]:
    """Cut a box (x0, y0, x1, y1) by random straight lines until no side exceeds the limit."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    if max(width, height) <= limit_px:
        return [box]
    share = draw(rng, (0.3, 0.7))
    half = gutter_px / 2.0
    if width >= height:
        cut = x0 + share * width
        halves: tuple[Box, Box] = ((x0, y0, cut - half, y1), (cut + half, y0, x1, y1))
    else:
        cut = y0 + share * height
        halves = ((x0, y0, x1, cut - half), (x0, cut + half, x1, y1))
    return [block for part in halves for block in split(rng, part, limit_px, gutter_px)]
