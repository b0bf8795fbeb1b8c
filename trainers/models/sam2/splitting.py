"""Cutting a mask where it is weakest between what clicks want and what they do not want."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from skimage.segmentation import watershed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainers.metrics.clicks import Click

MARKER_RADIUS_PX = 2
MAX_PIXELS = 512 * 512
"""Boxes larger than this are cut at every second (fourth, …) pixel, to answer in time."""
_WANTED, _UNWANTED = 1, 2


def split_at_clicks(
    piece: NDArray[np.bool_], logits: NDArray[np.float32], clicks: Sequence[Click]
) -> NDArray[np.bool_]:
    """Return the part of a piece that belongs to its positive clicks.

    Two nets that a model has joined hang together by the pixels it is least sure of. A
    watershed of the logits from all clicks in the piece (Meyer 1994, "Topographic distance
    and watershed lines") cuts there.

    Args:
        piece: bool (H, W).
        logits: float32 (H, W), the model's certainty.
        clicks: those outside of the piece change nothing.

    Returns:
        bool (H, W), within `piece`; the piece itself unless both positive and negative
        clicks lie in it.
    """
    if not any(piece[click.y, click.x] for click in clicks if not click.positive):
        return piece
    left, top, width, height = cv2.boundingRect(piece.astype(np.uint8))
    box = slice(top, top + height), slice(left, left + width)
    markers = _markers(piece, clicks)[box]
    if not (markers == _WANTED).any():
        return piece
    step = max(1, int(np.ceil(np.sqrt(width * height / MAX_PIXELS))))
    basins = _basins(logits[box], markers, piece[box], step)
    result = np.zeros_like(piece)
    result[box] = piece[box] & (basins == _WANTED)
    return result


def _markers(piece: NDArray[np.bool_], clicks: Sequence[Click]) -> NDArray[np.int32]:
    markers = np.zeros(piece.shape, dtype=np.int32)
    values = [(click, _WANTED if click.positive else _UNWANTED) for click in clicks]
    for click, value in values:
        cv2.circle(markers, (click.x, click.y), MARKER_RADIUS_PX, value, cv2.FILLED)
    for click, value in values:
        # a neighbour's disk must not cover a click
        markers[click.y, click.x] = value
    return markers * piece


def _basins(
    logits: NDArray[np.float32], markers: NDArray[np.int32], piece: NDArray[np.bool_], step: int
) -> NDArray[np.int32]:
    """Return for each pixel (h, w) whose click reaches it first."""
    if step == 1:
        return np.asarray(watershed(-logits, markers, mask=piece), dtype=np.int32)
    # the largest value counts: thin lines and markers must survive the coarser grid
    coarse_logits, coarse_piece, coarse_markers = (
        cv2.dilate(values, np.ones((step, step), np.uint8), anchor=(0, 0))[::step, ::step]
        for values in (logits, piece.astype(np.uint8), markers.astype(np.uint8))
    )
    basins = watershed(-coarse_logits, coarse_markers.astype(np.int32), mask=coarse_piece > 0)
    full = np.kron(basins, np.ones((step, step), dtype=np.int32))
    return np.asarray(full[: logits.shape[0], : logits.shape[1]], dtype=np.int32)
