"""Where to look for objects that nobody has clicked: pixels that stand out at some scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SCALES_PX = (1.5, 3.0, 6.0, 12.0)
"""Standard deviation of the inner Gaussian; lines and dots about three times as wide stand out."""
SPACING_PX = 24
"""Of two seeds of one scale and sign that are nearer, the weaker is dropped."""
NUM_PER_SCALE = 12
SAME_PX = 4
"""Seeds of two scales that are not farther apart are the same one."""
NOISES = 2.0
"""How many standard deviations of the noise a seed stands out at least."""


def find_seeds(
    pixels: NDArray[np.float32],
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return bright and dark pixels as (row, column), the most telling first.

    They are extremes of differences of Gaussians. The scales take turns, so that the first few
    seeds lie on all kinds of objects.

    Args:
        pixels: float32 (H, W), grey, of any range.

    """
    bright, dark = [], []
    for sigma_px in SCALES_PX:
        response = _blurred(pixels, sigma_px) - _blurred(pixels, 2 * sigma_px)
        floor = NOISES * float(np.median(np.abs(response)))
        bright.append(_peaks(response, floor))
        dark.append(_peaks(-response, floor))
    return _in_turns(bright), _in_turns(dark)


def _in_turns(queues: Sequence[Sequence[tuple[int, int]]]) -> list[tuple[int, int]]:
    """Return the first of each queue, then the second of each, without near repetitions."""
    turns = [queue[turn] for turn in range(NUM_PER_SCALE) for queue in queues if turn < len(queue)]
    kept: list[tuple[int, int]] = []
    for row, col in turns:
        if all(max(abs(row - r), abs(col - c)) > SAME_PX for r, c in kept):
            kept.append((row, col))
    return kept


def _blurred(pixels: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    blurred = cv2.GaussianBlur(pixels, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, dtype=np.float32)


def _peaks(response: NDArray[np.float32], floor: float) -> list[tuple[int, int]]:
    """Return the strongest local maxima above a floor, strongest first, well apart."""
    side = SPACING_PX // 2 * 2 + 1
    is_peak = (response == cv2.dilate(response, np.ones((side, side)))) & (response > floor)
    rows, cols = np.nonzero(is_peak)
    order = np.argsort(-response[rows, cols], kind="stable")[:NUM_PER_SCALE]
    return [(int(rows[n]), int(cols[n])) for n in order]
