"""Which net, via and drawn part a pixel belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainers.data.synthetic.drawing import FRACTION_BITS, fixed, stamp_via

if TYPE_CHECKING:
    from trainers.data.synthetic.fields import IntImage
    from trainers.data.synthetic.shapes import LayerRule, Layout


def components(mask: np.ndarray) -> IntImage:
    """Return the 8-connected components (H, W) int32 of a bool mask, numbered from 1."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    return np.asarray(labels, np.int32)


def via_seeds(layout: Layout, rule: LayerRule, size_px: int) -> IntImage:
    """Return the via numbers (H, W) int32, each drawn a pixel larger than its via."""
    seeds = np.zeros((size_px, size_px), np.int32)
    for number, (x, y, radius) in enumerate(layout.vias, start=1):
        stamp_via(seeds, (x, y), radius + 1.0, 1, number, square=rule.via_square)
    return seeds


def nearest_ids(seeds: IntImage, mask: np.ndarray) -> IntImage:
    """Give every pixel of `mask` the id of its nearest seed, and renumber from 1 without gaps."""
    return compact(spread_seeds(seeds, mask))


def spread_seeds(seeds: IntImage, mask: np.ndarray) -> IntImage:
    """Return the id (H, W) int32 of the nearest seed at every pixel of `mask`, 0 elsewhere."""
    if not seeds.any() or not mask.any():
        return np.zeros(seeds.shape, np.int32)
    _, index = cv2.distanceTransformWithLabels(
        (seeds == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(index.max()) + 1, np.int32)
    table[index[seeds > 0]] = seeds[seeds > 0]
    return np.where(mask, table[index], 0).astype(np.int32)


def compact(ids: np.ndarray) -> IntImage:
    """Renumber positive ids 1, 2, … in their order, without gaps; zero stays zero."""
    present = np.zeros(int(ids.max()) + 1, bool)
    present[ids] = True
    present[0] = False
    table = np.where(present, np.cumsum(present), 0).astype(np.int32)
    return np.asarray(table[ids], np.int32)


def split_ids(ids: IntImage) -> IntImage:
    """Give each unconnected piece of an id an id of its own, (H, W) int32 without gaps."""
    pieces = components(ids > 0)
    return compact(np.where(ids > 0, ids * (int(pieces.max()) + 1) + pieces, 0))


def add_vias_to_parts(parts: IntImage, vias: IntImage) -> IntImage:
    """Return part ids (H, W) int32 in which each via has an id of its own, after the others."""
    return compact(np.where(vias > 0, vias + parts.max(), parts))


def part_seeds(layout: Layout, size_px: int) -> IntImage | None:
    """Return the drawn part at each pixel, (H, W) int32; None for an analogue shape."""
    if layout.blob_cell_px > 0:
        return None
    seeds = np.zeros((size_px, size_px), np.int32)
    for number, outline in enumerate(layout.outlines, start=1 + len(layout.parts)):
        cv2.fillPoly(seeds, [fixed(outline, 1)], number, shift=FRACTION_BITS)
    for number, part in enumerate(layout.parts, start=1):
        cv2.fillConvexPoly(seeds, fixed(part, 1), number, shift=FRACTION_BITS)
    return seeds
