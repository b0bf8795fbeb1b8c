"""A simulated annotator: knows a tile's true masks, sees the candidate, decides like a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainers.io.masks import read_mask
from trainers.metrics.clicks import next_click
from trainers.metrics.interactive import mask_iou

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_icseg.prompting.protocol import Candidate
    from trainers.metrics.clicks import Click

METAL, VIA = 1, 2
GOOD_ENOUGH_IOU = 0.85
"""The annotator accepts a candidate that looks this right, and corrects one that does not."""
MIN_AREA_PX = 40
"""Slivers at the tile's edge are left alone."""


@dataclass(frozen=True)
class Target:
    """One mask that the annotator wants: bool (H, W), its class digit, and what it is."""

    mask: NDArray[np.bool_]
    digit: int
    kind: str


@dataclass(frozen=True)
class Accepted:
    """What came of one target."""

    image: str
    kind: str
    iou: float
    num_clicks: int
    num_tabs: int
    click_to_mask_ms: tuple[float, ...]
    enter_s: float


def nets_of(mask_path: Path) -> list[Target]:
    """Return the metal nets of a tile, largest first, then its vias as one layer."""
    semantic = read_mask(mask_path)
    nets = _pieces(semantic > 0 if _has_covered_metal(semantic) else semantic == METAL)
    targets = [Target(net, METAL, "net") for net in nets]
    return targets + _layer(semantic, VIA)


def layers_of(mask_path: Path) -> list[Target]:
    """Return all metal as one target and all vias as another, where there are any."""
    semantic = read_mask(mask_path)
    metal = semantic > 0 if _has_covered_metal(semantic) else semantic == METAL
    return ([Target(metal, METAL, "layer")] if metal.any() else []) + _layer(semantic, VIA)


def _layer(semantic: NDArray[np.uint8], class_id: int) -> list[Target]:
    mask = semantic == class_id
    return [Target(mask, class_id, "layer")] if mask.any() else []


def _has_covered_metal(semantic: NDArray[np.uint8]) -> bool:
    """A semantic mask shows a via instead of the metal under it."""
    return bool((semantic == METAL).any() and (semantic == VIA).any())


def _pieces(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    num, ids, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    order = sorted(range(1, num), key=lambda i: -int(areas[i]))
    return [np.asarray(ids == i) for i in order if areas[i] >= MIN_AREA_PX]


def best_candidate(candidates: tuple[Candidate, ...], target: Target) -> tuple[int, float]:
    """Return the index and IoU of the candidate that fits the target best."""
    shape_hw = (target.mask.shape[0], target.mask.shape[1])
    ious = [mask_iou(c.mask.to_mask(shape_hw), target.mask) for c in candidates]
    best = int(np.argmax(ious))
    return best, ious[best]


def first_click(target: Target, rng: np.random.Generator) -> Click:
    """Return a click somewhere inside the target, as a hand would place it."""
    click = next_click(np.zeros_like(target.mask), target.mask, rng, jitter=0.6)
    assert click is not None, "targets are never empty"
    return click
