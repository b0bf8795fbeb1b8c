"""Anchors: the boxes that a detector's answers are measured from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator

if TYPE_CHECKING:
    from collections.abc import Sequence

STRIDES_PX = (4, 8, 16, 32, 64)
LevelAnchors = tuple[tuple[int, int], ...]
"""Width and height in pixels of each anchor that stands at each cell of a level."""

_SIDES_PX: dict[int, tuple[int, ...]] = {
    9: (9, 18, 36, 72, 144, 256),
    17: (17, 34, 68, 136, 256),
    36: (36, 72, 144, 256),
    80: (80, 160, 256),
    160: (160, 256),
    256: (256,),
}
"""Short side, and the long sides that go with it, of the anchors for lines and vias."""
_CELLS_PER_SHORT_SIDE = 4.5


def square_anchors(*, scale: int = 8) -> tuple[LevelAnchors, ...]:
    """Return one area a level, (scale · stride)², at aspect ratios 1/2, 1 and 2.

    Source: Lin et al. 2017 (FPN), section 4.1; as in RSPrompter's repository, whose smallest
    is 32 px: a line of 12 px by 200 px has an IoU of .2 with the best of them.
    """
    ratios = (0.5, 1.0, 2.0)
    return tuple(
        tuple(
            (round(scale * stride / math.sqrt(r)), round(scale * stride * math.sqrt(r)))
            for r in ratios
        )
        for stride in STRIDES_PX
    )


def line_anchors(*, scale: float = 1.0) -> tuple[LevelAnchors, ...]:
    """Return anchors that fit lines of 6 to 25 px and vias, short or across a tile of 256 px.

    An anchor fits a line only if it stands within a fraction of the line's width, so its short
    side decides the level. Of the objects in 150 tiles of the generator's avr_m1, 95 % meet an
    anchor with an IoU above .5; of `square_anchors`, 23 %.

    Args:
        scale: pixels of the detector's input for each pixel of the tile.
    """
    levels: list[list[tuple[int, int]]] = [[] for _ in STRIDES_PX]
    for short, longs in _SIDES_PX.items():
        cell_px = max(float(STRIDES_PX[0]), short * scale / _CELLS_PER_SHORT_SIDE)
        level = min(len(STRIDES_PX) - 1, round(math.log2(cell_px / STRIDES_PX[0])))
        for long in longs:
            sides = round(short * scale), round(long * scale)
            levels[level] += dict.fromkeys([sides, sides[::-1]])
    return tuple(tuple(level) for level in levels)


class FixedAnchors(AnchorGenerator):
    """torchvision's generator for boxes that are listed one by one.

    Args:
        levels: anchors of each level that is used, finest first.
    """

    def __init__(self, levels: Sequence[LevelAnchors]) -> None:
        super().__init__(sizes=((1,),) * len(levels), aspect_ratios=((1.0,),) * len(levels))
        self._counts = [len(level) for level in levels]
        self.cell_anchors = [
            torch.tensor([[-w / 2, -h / 2, w / 2, h / 2] for w, h in level]) for level in levels
        ]

    def num_anchors_per_location(self) -> list[int]:
        """Return the number of anchors at a cell of each level."""
        return self._counts
