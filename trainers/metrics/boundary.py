"""Boundary F-score: how well the outlines of a class agree, whatever its area."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

TOLERANCE_PX = 2.0
"""Largest distance, px, at which two outlines still agree."""
_NEIGHBOURS = np.ones((3, 3), np.uint8)


class BoundaryCounts(NamedTuple):
    """Outline pixels of one mask of one image.

    Attributes:
        found: of the prediction.
        found_right: those of them that lie near the true outline.
        wanted: of the truth.
        wanted_hit: those of them that lie near the predicted outline.
        masks_agree: whether the masks are equal; decides where neither has an outline.
    """

    found: int
    found_right: int
    wanted: int
    wanted_hit: int
    masks_agree: bool


def boundary(mask: Mask) -> Mask:
    """Return the pixels of `mask`, bool (H, W), with one of 8 neighbours outside it.

    The edge of the image is no outline: an object goes on beyond it.
    """
    inside = cv2.erode(mask.astype(np.uint8), _NEIGHBOURS, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(mask & (inside == 0))


def boundary_counts(
    preds: Mask, target: Mask, *, ignore: Mask | None = None, tolerance_px: float = TOLERANCE_PX
) -> BoundaryCounts:
    """Compare the outlines of two masks.

    Source: Csurka et al. 2013, "What is a good evaluation measure for semantic segmentation?",
    section 2; Perazzi et al. 2016 (DAVIS), section 4, where the matching of the two outlines
    is likewise approximated by a distance.

    Args:
        preds: bool (H, W).
        target: the same shape.
        ignore: pixels that do not count, bool (H, W); outlines in them or beside them are
            left out.
        tolerance_px: largest Euclidean distance, px.

    Raises:
        ValueError: shapes differ.

    """
    if preds.shape != target.shape:
        raise ValueError(f"expected equal shapes, got {preds.shape} and {target.shape}")
    found, wanted = boundary(preds), boundary(target)
    agree = preds == target
    if ignore is not None and ignore.any():
        counted = cv2.dilate(ignore.astype(np.uint8), _NEIGHBOURS) == 0
        found, wanted, agree = found & counted, wanted & counted, agree | ignore
    return BoundaryCounts(
        int(found.sum()),
        int((found & _near(wanted, tolerance_px)).sum()),
        int(wanted.sum()),
        int((wanted & _near(found, tolerance_px)).sum()),
        bool(agree.all()),
    )


def boundary_f(counts: BoundaryCounts) -> float:
    """Return the harmonic mean of the outline's precision and recall, 0..1.

    Empty rule: where neither has an outline (blank, or covering the whole image), 1 if the
    masks are equal, else 0; where only one has, 0.
    """
    if not counts.found and not counts.wanted:
        return float(counts.masks_agree)
    if not counts.found or not counts.wanted:
        return 0.0
    precision, recall = counts.found_right / counts.found, counts.wanted_hit / counts.wanted
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _near(outline: Mask, tolerance_px: float) -> Mask:
    """Return the pixels, bool (H, W), at most `tolerance_px` from a pixel of the outline."""
    if not outline.any():
        return np.zeros_like(outline)
    distance = cv2.distanceTransform(
        (~outline).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    return np.asarray(distance <= tolerance_px + 1e-3)
