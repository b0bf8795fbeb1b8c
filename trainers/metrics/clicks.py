"""A simulated annotator: where a person would click next.

Source: the evaluation protocol of interactive segmentation (Sofiiuk et al. 2022, RITM,
section 4): each click goes to the centre of the largest wrong region. Real clicks are not
centred (Antonov et al. 2024, RClicks), so a jitter can be asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Click:
    """A point prompt: pixel (x, y) and whether it means "inside"."""

    x: int
    y: int
    positive: bool


def next_click(
    preds: Mask,
    target: Mask,
    rng: np.random.Generator | None = None,
    *,
    jitter: float = 0.0,
    clicked: Sequence[Click] = (),
) -> Click | None:
    """Return the next click of an annotator who wants `target` and sees `preds`.

    Args:
        preds: bool (H, W), the mask shown.
        target: bool (H, W), the mask wanted.
        rng: needed for a jittered click.
        jitter: 0 clicks the centre of the largest error; 1 clicks anywhere in it; between,
            anywhere at least (1 - jitter) of the largest depth away from its edge.
        clicked: clicks made before; no pixel is clicked twice (as in RITM's `Clicker`).

    Returns:
        The click, or None where the masks agree or every wrong pixel was clicked.
    """
    error = preds != target
    if not error.any():
        return None
    depth = _largest_error_depth(error, target, clicked)
    if not depth.any():
        return None
    limit = float(depth.max()) * (1 - jitter)
    rows, cols = np.nonzero((depth >= max(limit, 1e-6)) & (depth > 0))
    pick = int(rng.integers(len(rows))) if rng is not None and jitter > 0 else len(rows) // 2
    row, col = int(rows[pick]), int(cols[pick])
    return Click(col, row, bool(target[row, col]))


def _largest_error_depth(
    error: Mask, target: Mask, clicked: Sequence[Click]
) -> NDArray[np.float32]:
    """Return the distance to the edge (H, W) inside the deepest one of missed or added pixels."""
    missed = _depth(error & target)
    added = _depth(error & ~target)
    for click in clicked:
        missed[click.y, click.x] = added[click.y, click.x] = 0
    deepest = missed if missed.max() >= added.max() else added
    num, regions = cv2.connectedComponents((deepest > 0).astype(np.uint8), connectivity=8)
    if num <= 2:
        return deepest
    region = regions[np.unravel_index(int(deepest.argmax()), deepest.shape)]
    return np.where(regions == region, deepest, np.float32(0))


def _depth(mask: Mask) -> NDArray[np.float32]:
    """Return each pixel's distance to the nearest pixel outside, the frame's edge included."""
    padded = np.pad(mask, 1).astype(np.uint8)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    return np.asarray(distance, dtype=np.float32)
