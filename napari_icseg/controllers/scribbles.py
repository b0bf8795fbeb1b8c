"""A stroke of the mouse as a prompt: what it covers, and the few points the model gets of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_POINTS = 4
"""Each further point costs a pass of the decoder; more bring nothing."""
SPACING_PX = 8.0
"""Points of a short stroke are no nearer than this."""
WIDTH_PX = 3


@dataclass(frozen=True)
class Scribble:
    """One stroke, in image pixels.

    Attributes:
        path_rc: the corners (row, col), at least one, inside the image.
        is_positive: whether it belongs to the object.
        shape_hw: of the image.

    """

    path_rc: tuple[tuple[int, int], ...]
    is_positive: bool
    shape_hw: tuple[int, int]

    @cached_property
    def pixels(self) -> RleMask:
        """What was painted, 3 px wide, cut at the image's edge."""
        # a press in place is a line, too: a single corner would not be drawn
        path = np.array([*self.path_rc, self.path_rc[-1]])
        top, left = np.maximum(path.min(axis=0) - WIDTH_PX, 0)
        bottom, right = np.minimum(path.max(axis=0) + WIDTH_PX + 1, self.shape_hw)
        canvas = np.zeros((bottom - top, right - left), dtype=np.uint8)
        corners_xy = (path - (top, left))[:, ::-1].astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [corners_xy], isClosed=False, color=1, thickness=WIDTH_PX)
        return RleMask.from_mask(canvas > 0, (int(top), int(left)))

    @cached_property
    def points_rc(self) -> tuple[tuple[int, int], ...]:
        """Points evenly along the path, its ends not among them if it has a length."""
        path = np.array(self.path_rc, dtype=float)
        steps = np.hypot(*np.diff(path, axis=0).T)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        num = int(np.clip(along[-1] // SPACING_PX, 1, MAX_POINTS))
        wanted = (np.arange(num) + 0.5) / num * along[-1]
        places = np.stack([np.interp(wanted, along, path[:, axis]) for axis in (0, 1)], axis=1)
        found = [(int(row), int(col)) for row, col in np.round(places)]
        return tuple(dict.fromkeys(found))


def pixel_path(
    path_rc: Sequence[tuple[float, float]], shape_hw: tuple[int, int]
) -> tuple[tuple[int, int], ...]:
    """Return a path's corners as pixels, moved into the image, without repeated ones in a row."""
    limit = np.array(shape_hw) - 1
    pixels = np.clip(np.floor(np.array(path_rc) + 0.5).astype(int), 0, limit)
    is_new = np.concatenate([[True], (np.diff(pixels, axis=0) != 0).any(axis=1)])
    return tuple((int(row), int(col)) for row, col in pixels[is_new])
