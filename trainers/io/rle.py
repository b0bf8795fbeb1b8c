"""The mask of one object as a run-length code of its bounding box.

Only the box is stored, so that reading, editing and testing an object cost in proportion to
the object and not to the image. Holes and separate parts survive, unlike in polygons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.errors import DataError
from trainers.io import polygons, runs

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_SIDE_PX = 1 << 17
MAX_PIXELS = (1 << 32) - 1
"""Largest image that a mask may belong to: other COCO programs count in 32 bits."""


class EmptyMaskError(DataError):
    """A mask without a single pixel cannot be an object."""


@dataclass(frozen=True, slots=True)
class RleMask:
    """Non-empty binary mask of one object.

    `row`, `col` are the image pixel of the box's top left corner, `height`, `width` its size
    in pixels; `counts` is the compressed COCO RLE of the crop, column by column. Two masks
    made by `from_mask` or `from_coco` are equal exactly if their pixels are.
    """

    row: int
    col: int
    height: int
    width: int
    counts: bytes

    @classmethod
    def from_mask(cls, mask: runs.BoolArray, origin_rc: tuple[int, int] = (0, 0)) -> RleMask:
        """Return the object of `mask`, bool (H, W), whose pixel (0, 0) lies at `origin_rc`.

        Raises:
            EmptyMaskError: no pixel is set.

        """
        if mask.ndim != 2 or mask.dtype != np.bool_:
            raise TypeError(f"expected a bool (H, W) mask, got {mask.dtype} {mask.shape}")
        rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if rows.size == 0:
            raise EmptyMaskError("The mask is empty: an object needs at least one pixel.")
        top, left = int(rows[0]), int(cols[0])
        crop = mask[top : int(rows[-1]) + 1, left : int(cols[-1]) + 1]
        counts = runs.encode_runs(runs.mask_to_runs(crop))
        height, width = crop.shape
        return cls(int(origin_rc[0]) + top, int(origin_rc[1]) + left, height, width, counts)

    @classmethod
    def from_coco(cls, segmentation: object, shape_hw: tuple[int, int]) -> RleMask:
        """Return the object of a COCO segmentation in an image of `shape_hw` pixels.

        `segmentation` is a compressed RLE, `{"size": [h, w], "counts": str | bytes}`, an
        uncompressed one, `{"size": [h, w], "counts": [int, ...]}`, or a list of polygons,
        `[[x0, y0, x1, y1, x2, y2, ...], ...]`, which are united.

        Raises:
            EmptyMaskError: no pixel is set.
            DataError: broken counts, a size other than `shape_hw`, or not a segmentation.

        """
        check_shape(shape_hw)
        if isinstance(segmentation, list):
            segmentation = polygons.rasterize(segmentation, shape_hw)
        if not isinstance(segmentation, dict):
            raise DataError(
                "Broken segmentation: expected an RLE (an object with size and counts) or a list "
                f"of polygons, got {type(segmentation).__name__}."
            )
        return cls._from_spans(runs.runs_to_spans(_coco_runs(segmentation, shape_hw), shape_hw[0]))

    @classmethod
    def _from_spans(cls, spans: runs.Spans) -> RleMask:
        if spans.columns.size == 0:
            raise EmptyMaskError("The segmentation is empty: an object needs at least one pixel.")
        row, col = int(spans.starts.min()), int(spans.columns[0])
        height, width = int(spans.stops.max()) - row, int(spans.columns[-1]) - col + 1
        moved = runs.Spans(spans.columns - col, spans.starts - row, spans.stops - row)
        return cls(
            row, col, height, width, runs.encode_runs(runs.spans_to_runs(moved, height, width))
        )

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(self._runs()[1::2].sum())

    @property
    def box_xywh(self) -> tuple[int, int, int, int]:
        """Bounding box as COCO has it: x, y of the top left corner, width, height in pixels."""
        return self.col, self.row, self.width, self.height

    def crop(self) -> runs.BoolArray:
        """Return the pixels of the bounding box, bool (height, width)."""
        return runs.runs_to_mask(self._runs(), self.height, self.width)

    def to_mask(self, shape_hw: tuple[int, int]) -> runs.BoolArray:
        """Return the mask in an image of `shape_hw`, bool (H, W); what sticks out is cut off."""
        mask = np.zeros(shape_hw, dtype=np.bool_)
        top, left = max(self.row, 0), max(self.col, 0)
        bottom = min(self.row + self.height, shape_hw[0])
        right = min(self.col + self.width, shape_hw[1])
        if top < bottom and left < right:
            mask[top:bottom, left:right] = self._window(top, left, bottom, right)
        return mask

    def pixels_in(self, rows: slice, cols: slice) -> runs.BoolArray:
        """Return its pixels, bool, in a window of the image, given as slices of whole pixels."""
        window = np.zeros((rows.stop - rows.start, cols.stop - cols.start), np.bool_)
        top, left = max(self.row, rows.start), max(self.col, cols.start)
        bottom = min(self.row + self.height, rows.stop)
        right = min(self.col + self.width, cols.stop)
        if top < bottom and left < right:
            part = np.s_[
                top - rows.start : bottom - rows.start, left - cols.start : right - cols.start
            ]
            window[part] = self._window(top, left, bottom, right)
        return window

    def contains(self, row: int, col: int) -> bool:
        """Return whether the image pixel (row, col) belongs to the object."""
        row, col = row - self.row, col - self.col
        if not (0 <= row < self.height and 0 <= col < self.width):
            return False
        ends = np.cumsum(self._runs())
        return bool(np.searchsorted(ends, col * self.height + row, side="right") % 2)

    def to_coco(self, shape_hw: tuple[int, int]) -> dict[str, Any]:
        """Return the compressed COCO RLE in an image of `shape_hw`; what sticks out is cut off.

        The frame is never decoded: the cost goes with the object's runs.
        """
        check_shape(shape_hw)
        spans = runs.runs_to_spans(self._runs(), self.height)
        moved = runs.Spans(
            spans.columns + self.col, spans.starts + self.row, spans.stops + self.row
        )
        counts = runs.encode_runs(runs.spans_to_runs(moved, *shape_hw))
        return {"size": [int(shape_hw[0]), int(shape_hw[1])], "counts": counts.decode("ascii")}

    def reaches(self, rows: slice, cols: slice) -> bool:
        """Return whether its box has a pixel in a window; if not, `pixels_in` finds none there."""
        in_rows = self.row < rows.stop and rows.start < self.row + self.height
        return bool(in_rows and self.col < cols.stop and cols.start < self.col + self.width)

    def intersection_area(self, other: RleMask) -> int:
        """Return the number of pixels that both objects have."""
        top, left = max(self.row, other.row), max(self.col, other.col)
        bottom = min(self.row + self.height, other.row + other.height)
        right = min(self.col + self.width, other.col + other.width)
        if top >= bottom or left >= right:
            return 0
        own = self._window(top, left, bottom, right)
        return int(np.count_nonzero(own & other._window(top, left, bottom, right)))

    def _window(self, top: int, left: int, bottom: int, right: int) -> runs.BoolArray:
        """Return a part of the bounding box, given in image pixels, bool."""
        return self.crop()[top - self.row : bottom - self.row, left - self.col : right - self.col]

    def _runs(self) -> runs.IntArray:
        """Return the crop's runs; DataError if this mask was read from a damaged store."""
        check_shape((self.height, self.width))
        return runs.decode_runs(self.counts, self.height * self.width)


def iou(a: RleMask, b: RleMask) -> float:
    """Return intersection over union, 0..1; masks are never empty, so it is always defined."""
    intersection = a.intersection_area(b)
    return intersection / (a.area + b.area - intersection)


def unite(masks: Sequence[RleMask]) -> RleMask:
    """Return the object that has the pixels of all these; at least one."""
    top, left = min(mask.row for mask in masks), min(mask.col for mask in masks)
    bottom = max(mask.row + mask.height for mask in masks)
    right = max(mask.col + mask.width for mask in masks)
    rows, cols = slice(top, bottom), slice(left, right)
    united = np.zeros((bottom - top, right - left), np.bool_)
    for mask in masks:
        united |= mask.pixels_in(rows, cols)
    return RleMask.from_mask(united, (top, left))


def check_shape(shape_hw: tuple[int, int]) -> None:
    """Raise DataError unless a mask of this height and width, in pixels, can be stored."""
    sides_fit = len(shape_hw) == 2 and all(
        isinstance(side, int | np.integer)
        and not isinstance(side, bool)
        and 1 <= side <= MAX_SIDE_PX
        for side in shape_hw
    )
    if not sides_fit or int(shape_hw[0]) * int(shape_hw[1]) > MAX_PIXELS:
        raise DataError(
            f"Expected a height and a width between 1 and {MAX_SIDE_PX} pixels and at most "
            f"{MAX_PIXELS} pixels in all, got {shape_hw!r}."
        )


def _coco_runs(segmentation: dict[str, Any], shape_hw: tuple[int, int]) -> runs.IntArray:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if not isinstance(size, list | tuple) or list(size) != list(shape_hw):
        raise DataError(
            f"Broken RLE: expected the size {list(shape_hw)} (height, width) of the image, "
            f"got {size!r}."
        )
    num_pixels = int(shape_hw[0]) * int(shape_hw[1])
    if isinstance(counts, str):
        if not counts.isascii():
            raise DataError("Broken RLE: the counts hold characters that no RLE has.")
        counts = counts.encode("ascii")
    if isinstance(counts, bytes):
        return runs.decode_runs(counts, num_pixels)
    if isinstance(counts, list) and all(type(count) is int for count in counts):
        # compared as Python integers first: numpy could not hold a huge one
        if any(count < 0 or count > num_pixels for count in counts):
            raise DataError(f"Broken RLE: expected counts between 0 and {num_pixels} pixels.")
        return runs.check_runs(np.array(counts, dtype=np.int64), num_pixels)
    raise DataError(
        f"Broken RLE: expected counts as text or as a list of integers, "
        f"got {type(counts).__name__}."
    )
