"""Planting defects in a fabricated layer: each is tried until the nets really change as named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from trainers.data.synthetic.fields import IntImage, Rng
from trainers.data.synthetic.net_faults import Trial, cut_net, join_nets
from trainers.data.synthetic.raster import Canvas, Geometry, measure
from trainers.data.synthetic.via_faults import add_via, drop_via

MAX_TRIES = 8
KEEP_APART_PX = 8
PIECE_MIN_PX = 16

Plant = Callable[[Rng, Canvas, Geometry, np.ndarray], Trial | None]


@dataclass(frozen=True)
class Planted:
    """A layer with its defects; all arrays are (H, W).

    geometry: what is in the image. design: what was drawn. marks: int32, which defect changed
    a pixel, counted from 1 in the order of `kinds`.
    """

    geometry: Geometry
    design: Geometry
    marks: IntImage
    kinds: tuple[str, ...] = ()


def plant(
    rng: Rng, canvas: Canvas, design: Geometry, wanted: Sequence[str], margin_px: int = 0
) -> Planted:
    """Plant the faults named in `wanted`, each where the layer has room for it.

    Where one finds no place, another of the wanted kinds is tried in its stead. None lies in
    the outer `margin_px`, which drift may take away.
    """
    closed = border(design.nets.shape, KEEP_APART_PX + margin_px)
    planted = Planted(design, design, np.zeros(design.nets.shape, np.int32))
    for first in wanted:
        others = [kind for kind in sorted(set(wanted)) if kind != first]
        for kind in (first, *others):
            found = plant_one(rng, kind, canvas, planted, closed)
            if found is not None:
                canvas, planted = found
                break
    return planted


def plant_one(
    rng: Rng, kind: str, canvas: Canvas, planted: Planted, outside: np.ndarray
) -> tuple[Canvas, Planted] | None:
    """Try places for one more fault; None if none of them gave what its name says."""
    before = planted.geometry
    closed = near(planted.marks > 0, KEEP_APART_PX) | outside
    for _ in range(MAX_TRIES):
        trial = PLANTS[kind](rng, canvas, before, closed)
        if trial is None:
            continue
        after = measure(trial.canvas)
        changed = before.semantic != after.semantic
        if not (changed & closed).any() and HOLDS[kind](before, after, trial.ids):
            kinds = (*planted.kinds, kind)
            marks = np.where(changed, len(kinds), planted.marks).astype(np.int32)
            return trial.canvas, Planted(after, planted.design, marks, kinds)
    return None


def near(mask: np.ndarray, reach_px: int) -> np.ndarray:
    """Return the pixels (H, W) bool no further than `reach_px` from a mask, along an axis."""
    kernel = np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel) > 0)


def border(shape: tuple[int, ...], width_px: int) -> np.ndarray:
    """Return a frame (H, W) bool along the edges of a tile."""
    frame = np.ones(shape, bool)
    frame[width_px:-width_px, width_px:-width_px] = False
    return frame


def is_cut(before: Geometry, after: Geometry, ids: tuple[int, ...]) -> bool:
    """Return whether one net is now two of some size, and all others are as they were."""
    pieces, sizes = np.unique(after.nets[before.nets == ids[0]], return_counts=True)
    sizes = sizes[pieces > 0]
    whole = int(after.nets.max()) == int(before.nets.max()) + 1
    return whole and sizes.size == 2 and int(sizes.min()) >= PIECE_MIN_PX


def is_joined(before: Geometry, after: Geometry, ids: tuple[int, ...]) -> bool:
    """Return whether two nets are now one, and all others are as they were."""
    pieces = np.unique(after.nets[np.isin(before.nets, ids)])
    fewer = int(after.nets.max()) == int(before.nets.max()) - 1
    return fewer and pieces.size == 1 and pieces[0] > 0


def is_dropped(before: Geometry, after: Geometry, ids: tuple[int, ...]) -> bool:
    """Return whether a via is gone, and no pixel of another with it."""
    rest = (before.vias > 0) & (before.vias != ids[0])
    return bool(((after.vias > 0) == rest).all()) and after.vias.max() == before.vias.max() - 1


def is_added(before: Geometry, after: Geometry, ids: tuple[int, ...]) -> bool:
    """Return whether there is one via more on the net it was put on."""
    new = (after.vias > 0) & (before.vias == 0)
    on_net = set(np.unique(before.nets[new]).tolist()) <= {0, *ids}
    same_nets = after.nets.max() == before.nets.max()
    return bool(on_net and same_nets and after.vias.max() == before.vias.max() + 1)


PLANTS: dict[str, Plant] = {
    "open": cut_net,
    "short": join_nets,
    "missing_via": drop_via,
    "extra_via": add_via,
}
HOLDS: dict[str, Callable[[Geometry, Geometry, tuple[int, ...]], bool]] = {
    "open": is_cut,
    "short": is_joined,
    "missing_via": is_dropped,
    "extra_via": is_added,
}
