"""Run lengths of binary masks: the arithmetic below `RleMask`, without images.

Runs are those of COCO: the mask is read column by column (Fortran order), `runs[0]` pixels
of background come first (may be 0), then foreground and background take turns. The
compressed text follows the COCO API (rleToString in maskApi.c): from the fourth on, each
run is stored as the difference to the last but one, in groups of 5 bits, low group first,
bit 5 saying that more follow, the last group's bit 4 being the sign, plus 48 as ASCII.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from trainers.errors import DataError

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_MAX_GROUPS = 7
"""35 bits: every difference of two runs below 2**33 fits."""


class Spans(NamedTuple):
    """Vertical strokes, sorted by column and row: pixels `starts[i] <= row < stops[i]`."""

    columns: IntArray
    starts: IntArray
    stops: IntArray


def mask_to_runs(mask: BoolArray) -> IntArray:
    """Return the runs (int64) of `mask`, bool (H, W) with H*W > 0."""
    flat = _columns(mask)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    first = [0] if not flat[0] else [0, 0]
    return np.diff(np.concatenate((first, changes, [flat.size]))).astype(np.int64, copy=False)


def _columns(mask: BoolArray) -> BoolArray:
    """Return the pixels column by column, bool (H*W,)."""
    if mask.strides[0] <= mask.strides[1]:
        return mask.ravel(order="F")
    # by blocks: a tenth of numpy's time
    columns: BoolArray = cv2.transpose(mask.view(np.uint8)).ravel().view(np.bool_)
    return columns


def runs_to_mask(runs: IntArray, height: int, width: int) -> BoolArray:
    """Return the mask, bool (height, width), of runs that add up to height*width."""
    values = np.arange(runs.size) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def runs_to_spans(runs: IntArray, height: int) -> Spans:
    """Return the foreground of `runs` cut into strokes at the ends of columns."""
    ends = np.cumsum(runs)
    stops = ends[1::2]
    starts = stops - runs[1::2]
    keep = stops > starts
    starts, stops = starts[keep], stops[keep]
    first, last = starts // height, (stops - 1) // height
    num_columns = last - first + 1
    offsets = np.cumsum(num_columns) - num_columns
    columns = np.arange(num_columns.sum()) + np.repeat(first - offsets, num_columns)
    base = columns * height
    return Spans(
        columns,
        np.maximum(np.repeat(starts, num_columns) - base, 0),
        np.minimum(np.repeat(stops, num_columns) - base, height),
    )


def spans_to_runs(spans: Spans, height: int, width: int) -> IntArray:
    """Return the runs of the strokes in a (height, width) frame; what sticks out is cut off."""
    starts, stops = np.maximum(spans.starts, 0), np.minimum(spans.stops, height)
    keep = (starts < stops) & (spans.columns >= 0) & (spans.columns < width)
    base = spans.columns[keep] * height
    starts, stops = base + starts[keep], base + stops[keep]
    joined = starts[1:] == stops[:-1]  # a stroke that goes on at the top of the next column
    starts = starts[np.concatenate(([True], ~joined))] if starts.size else starts
    stops = stops[np.concatenate((~joined, [True]))] if stops.size else stops
    edges = np.empty(2 * starts.size + 2, dtype=np.int64)
    edges[0], edges[-1] = 0, height * width
    edges[1:-1:2], edges[2:-1:2] = starts, stops
    runs = np.diff(edges)
    return runs[:-1] if runs[-1] == 0 and runs.size > 1 else runs


def encode_runs(runs: IntArray) -> bytes:
    """Return the compressed text of `runs`, as the COCO API writes it."""
    values = runs.copy()
    values[3:] -= runs[1:-2]
    # n groups of 5 bits hold -2**(5n-1) .. 2**(5n-1)-1
    magnitude = np.where(values < 0, ~values, values)
    groups = np.ones(values.size, dtype=np.int64)
    for count in range(1, _MAX_GROUPS):
        groups += magnitude >= 1 << (5 * count - 1)
    last = np.cumsum(groups) - 1
    index = np.arange(groups.sum()) - np.repeat(last - groups + 1, groups)
    text = (np.repeat(values, groups) >> (5 * index)) & 31
    text |= 32
    text[last] &= 31
    return bytes((text + 48).astype(np.uint8))


def decode_runs(text: bytes, num_pixels: int) -> IntArray:
    """Return the runs that `text` holds.

    Raises:
        DataError: `text` is not such a text, or its runs do not add up to `num_pixels`.

    """
    codes = np.frombuffer(text, dtype=np.uint8).astype(np.int64) - 48
    if codes.size == 0 or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise DataError("Broken RLE: the counts are empty, cut off or hold foreign characters.")
    last = np.flatnonzero(codes & 32 == 0)
    first = np.concatenate(([0], last[:-1] + 1))
    groups = last - first + 1
    if groups.max() > _MAX_GROUPS:
        raise DataError("Broken RLE: a count is longer than any image.")
    index = np.arange(codes.size) - np.repeat(first, groups)
    values = np.add.reduceat((codes & 31) << (5 * index), first)
    values -= np.where(codes[last] & 16, 1, 0) << (5 * groups)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return check_runs(values, num_pixels)


def check_runs(runs: IntArray, num_pixels: int) -> IntArray:
    """Return `runs` if none is negative and they add up to `num_pixels`, else raise DataError."""
    # each is compared before they are added, so that no sum can wrap around
    if runs.size == 0 or runs.min() < 0 or runs.max() > num_pixels:
        raise DataError(f"Broken RLE: expected counts between 0 and {num_pixels} pixels.")
    total = int(runs.sum())
    if total != num_pixels:
        raise DataError(
            f"Broken RLE: the counts add up to {total} pixels, the mask has {num_pixels}."
        )
    return runs
