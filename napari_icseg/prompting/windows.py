"""Windows at native resolution over images that are too large to embed in one go."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_icseg.prompting.protocol import Prompts
    from trainers.io.rle import RleMask

WINDOW_PX = 1024
OVERLAP_PX = 256
MARGIN_PX = 64
"""A click nearer than this to an inner edge of a window gets a window of its own."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to cut the window out of an image."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )

    def holds(self, point_xy: NDArray[np.float32]) -> bool:
        """Return whether a point lies in one of the window's pixels."""
        x, y = float(point_xy[0]) + 0.5, float(point_xy[1]) + 0.5
        right, bottom = self.left + self.width, self.top + self.height
        return self.left <= x < right and self.top <= y < bottom

    def inner(self, image_hw: tuple[int, int], margin_px: int) -> Window:
        """Return the window without a margin along those edges that lie inside the image."""
        top = self.top + (margin_px if self.top > 0 else 0)
        left = self.left + (margin_px if self.left > 0 else 0)
        bottom, right = self.top + self.height, self.left + self.width
        bottom -= margin_px if bottom < image_hw[0] else 0
        right -= margin_px if right < image_hw[1] else 0
        return Window(top, left, bottom - top, right - left)

    def edges(self, image_hw: tuple[int, int]) -> NDArray[np.bool_]:
        """Return the pixels (h, w) along those edges that lie inside the image, bool."""
        inner = self.inner(image_hw, 1)
        edges = np.ones((self.height, self.width), dtype=np.bool_)
        top, left = inner.top - self.top, inner.left - self.left
        edges[top : top + inner.height, left : left + inner.width] = False
        return edges

    def cuts(self, mask: RleMask, image_hw: tuple[int, int]) -> bool:
        """Return whether a mask (image coordinates) ends at an edge inside the image."""
        inner = self.inner(image_hw, 1)
        return (
            mask.row < inner.top
            or mask.col < inner.left
            or mask.row + mask.height > inner.top + inner.height
            or mask.col + mask.width > inner.left + inner.width
        )


@dataclass(frozen=True)
class WindowGrid:
    """The windows of an image: a fixed grid, so that each is embedded once.

    Windows overlap by at least `overlap_px` and lie evenly; an image up to `side_px` wide
    and high is one window.
    """

    image_hw: tuple[int, int]
    side_px: int = WINDOW_PX
    overlap_px: int = OVERLAP_PX

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """All windows, row by row."""
        height, width = (min(side, self.side_px) for side in self.image_hw)
        tops, lefts = (self._starts(side) for side in self.image_hw)
        return tuple(Window(top, left, height, width) for top in tops for left in lefts)

    def nearest(self, point_xy: NDArray[np.float32]) -> Window:
        """Return the window whose centre is nearest to a point."""
        tops, lefts = (self._starts(side) for side in self.image_hw)
        height, width = (min(side, self.side_px) for side in self.image_hw)
        top = _nearest_start(tops, height, float(point_xy[1]))
        left = _nearest_start(lefts, width, float(point_xy[0]))
        return Window(top, left, height, width)

    def going_on(self, window: Window, mask: NDArray[np.bool_]) -> dict[Window, NDArray[np.intp]]:
        """Return where a mask leaves a window for the rest of the image.

        Args:
            window: of the grid.
            mask: bool (h, w), what the window sees.

        Returns:
            Of the windows that see these places best, their (row, column) in the image,
            (N, 2). None of them is `window`.

        """
        origin_rc = np.array([window.top, window.left])
        places_rc = np.argwhere(mask & window.edges(self.image_hw)) + origin_rc
        tops, lefts = (self._starts(side) for side in self.image_hw)
        height, width = (min(side, self.side_px) for side in self.image_hw)
        rows = _nearest_starts(tops, height, places_rc[:, 0])
        cols = _nearest_starts(lefts, width, places_rc[:, 1])
        origins, members = np.unique(np.stack([rows, cols], axis=1), axis=0, return_inverse=True)
        return {
            Window(int(top), int(left), height, width): places_rc[members.reshape(-1) == number]
            for number, (top, left) in enumerate(origins)
        }

    def around(self, point_xy: NDArray[np.float32]) -> tuple[Window, ...]:
        """Return all windows, nearest to a point first."""

        def distance(window: Window) -> float:
            x = window.left + window.width / 2 - float(point_xy[0])
            y = window.top + window.height / 2 - float(point_xy[1])
            return math.hypot(x, y)

        return tuple(sorted(self.windows, key=distance))

    def covering(self, prompts: Prompts) -> tuple[Window, ...]:
        """Return the fewest windows, chosen click by click, that hold what is inside.

        The first positive click takes the window with the nearest centre; a later one takes
        another only if it lies outside of those chosen or near their edge. So a correction
        never moves the window under the user.
        """
        chosen: list[Window] = []
        for point_xy in _anchors(prompts):
            held = (window.inner(self.image_hw, MARGIN_PX) for window in chosen)
            if not any(window.holds(point_xy) for window in held):
                chosen.append(self.nearest(point_xy))
        return tuple(dict.fromkeys(chosen))

    def _starts(self, size_px: int) -> tuple[int, ...]:
        if size_px <= self.side_px:
            return (0,)
        num = math.ceil((size_px - self.overlap_px) / (self.side_px - self.overlap_px))
        return tuple(round(i * (size_px - self.side_px) / (num - 1)) for i in range(num))


def localize(prompts: Prompts, window: Window) -> Prompts:
    """Return the prompts that lie in a window, in its coordinates; the box is clipped to it."""
    inside = np.array([window.holds(point) for point in prompts.points_xy], dtype=bool)
    origin_xy = np.array([window.left, window.top], dtype=np.float32)
    return replace(
        prompts,
        points_xy=prompts.points_xy[inside] - origin_xy,
        labels=prompts.labels[inside],
        box_xyxy=_local_box(prompts.box_xyxy, window),
        mask=_local_mask(prompts.mask, window),
    )


def _local_box(box_xyxy: NDArray[np.float32] | None, window: Window) -> NDArray[np.float32] | None:
    if box_xyxy is None:
        return None
    limit = np.array([window.width - 1, window.height - 1], dtype=np.float32)
    origin_xy = np.array([window.left, window.top], dtype=np.float32)
    low, high = box_xyxy[:2] - origin_xy, box_xyxy[2:] - origin_xy
    if (low > limit).any() or (high < 0).any():
        return None
    return np.concatenate([np.clip(low, 0, limit), np.clip(high, 0, limit)])


def _local_mask(mask: RleMask | None, window: Window) -> RleMask | None:
    if mask is None:
        return None
    row, col = mask.row - window.top, mask.col - window.left
    meets_rows = row < window.height and row + mask.height > 0
    meets_cols = col < window.width and col + mask.width > 0
    return replace(mask, row=row, col=col) if meets_rows and meets_cols else None


def _anchors(prompts: Prompts) -> list[NDArray[np.float32]]:
    """Return the points that must be seen: positive clicks, else the box's centre.

    Of a mask that is corrected: all clicks, else its centre.
    """
    if prompts.mask is not None and prompts.num_points:
        return list(prompts.points_xy)
    if len(prompts.positive_xy):
        return list(prompts.positive_xy)
    if prompts.box_xyxy is not None:
        center_xy = (prompts.box_xyxy[:2] + prompts.box_xyxy[2:]) / 2
        return [center_xy.astype(np.float32)]
    if prompts.mask is not None:
        left, top, width, height = prompts.mask.box_xywh
        return [np.array([left + width / 2, top + height / 2], dtype=np.float32)]
    return []


def _nearest_start(starts: tuple[int, ...], side_px: int, position: float) -> int:
    return int(_nearest_starts(starts, side_px, np.array([position]))[0])


def _nearest_starts(
    starts: tuple[int, ...], side_px: int, positions: NDArray[Any]
) -> NDArray[np.intp]:
    """Return for each position (N,) the start of the window whose centre is nearest."""
    centers = np.array(starts) + side_px / 2
    distance = np.abs(centers - np.asarray(positions, dtype=np.float64)[:, None])
    return np.asarray(np.array(starts)[distance.argmin(axis=1)], dtype=np.intp)
