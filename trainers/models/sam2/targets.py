"""What a set of clicks means: the net, the layer and the part that hold the positive ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainers.metrics.clicks import Click

BACKGROUND, METAL, VIA = 0, 1, 2


@dataclass(frozen=True)
class TileTruth:
    """Ground truth of one tile, all (H, W): see `trainers.data.synthetic.SyntheticTile`."""

    semantic: NDArray[np.uint8]
    nets: NDArray[np.int32]
    vias: NDArray[np.int32]
    parts: NDArray[np.int32]

    def objects(self) -> list[tuple[int, int]]:
        """Return (class, instance id) of every object that can be clicked."""
        nets = np.unique(self.nets[self.semantic == METAL])
        vias = np.unique(self.vias[self.semantic == VIA])
        return [(METAL, int(i)) for i in nets if i] + [(VIA, int(i)) for i in vias if i]

    def clickable(self, kind: int, instance: int) -> NDArray[np.bool_]:
        """Return the visible pixels of an object: a net without the vias that lie on it."""
        ids = self.vias if kind == VIA else self.nets
        return np.asarray((ids == instance) & (self.semantic == kind))


def click_targets(truth: TileTruth, clicks: Sequence[Click]) -> NDArray[np.bool_]:
    """Return the masks (3, H, W) meant by the clicks: net, layer, part.

    A click on a via means the via (net and part) and all vias (layer); a click on metal
    means its net with the pixels under vias, the whole metal layer, and the straight
    segments clicked. The class is that of the first positive click.
    """
    rows, cols = _positives(clicks)
    kind = int(truth.semantic[rows[0], cols[0]])
    same = truth.semantic[rows, cols] == kind
    rows, cols = rows[same], cols[same]
    ids = truth.vias if kind == VIA else truth.nets
    net = np.isin(ids, _known(ids[rows, cols]))
    part = np.isin(truth.parts, _known(truth.parts[rows, cols]))
    return np.stack([net, ids > 0, part])


def _positives(clicks: Sequence[Click]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    inside = [(click.y, click.x) for click in clicks if click.positive]
    rows, cols = np.asarray(inside, dtype=np.intp).T
    return rows, cols


def _known(ids: NDArray[np.int32]) -> NDArray[np.int32]:
    found = np.unique(ids)
    return found[found > 0]
