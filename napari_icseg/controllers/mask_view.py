"""The part of an object's mask that a frame shows; its cost goes with what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainers.io import runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_icseg.controllers.boxes import Box
    from napari_icseg.controllers.frames import Frame
    from trainers.io.rle import RleMask

MAX_DECODED_PIXELS = 1 << 18
"""A larger mask is not decoded as a whole to show a part of it."""


def mask_pixels(mask: RleMask, frame: Frame, box: Box) -> NDArray[np.bool_]:
    """Return which pixels of a frame's arrays show an object.

    A coarse pixel shows what lies at its middle. An object that lies between the middles of
    all of them is shown as one pixel: it must not vanish.

    Args:
        mask: in image pixels.
        frame: what the layers hold.
        box: in the arrays' pixels, inside them.

    Returns:
        bool (h, w) of the box.

    """
    step = frame.step
    shown = np.zeros((box.bottom - box.top, box.right - box.left), dtype=np.bool_)
    rows = _middles(frame.box.top - mask.row, step, mask.height, box.top, box.bottom)
    cols = _middles(frame.box.left - mask.col, step, mask.width, box.left, box.right)
    if not rows or not cols:
        return _as_one_pixel(mask, frame, box, shown)
    first_row = (rows.start - frame.box.top + mask.row) // step - box.top
    first_col = (cols.start - frame.box.left + mask.col) // step - box.left
    place = slice(first_row, first_row + len(rows)), slice(first_col, first_col + len(cols))
    if mask.height * mask.width <= MAX_DECODED_PIXELS:
        shown[place] = mask.crop()[rows.start : rows.stop : step, cols.start : cols.stop : step]
    else:
        shown[place] = _from_spans(mask, np.array(rows), np.array(cols))
    return shown


def _middles(origin: int, step: int, side: int, start: int, stop: int) -> range:
    """Return the rows (columns) of a mask that lie at the middles of coarse pixels.

    Args:
        origin: of the frame, in rows of the mask.
        step: image pixels of a coarse one.
        side: rows of the mask.
        start: the first coarse pixel.
        stop: the one after the last.

    """
    first = origin + step // 2
    start = max(start, -(first // step))
    stop = min(stop, -((first - side) // step))
    return range(first + start * step, min(side, first + stop * step), step)


def _as_one_pixel(
    mask: RleMask, frame: Frame, box: Box, shown: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    row, col = frame.to_frame(mask.row + mask.height // 2, mask.col + mask.width // 2)
    if box.top <= row < box.bottom and box.left <= col < box.right:
        shown[row - box.top, col - box.left] = frame.step > 1
    return shown


def _from_spans(
    mask: RleMask, rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return the mask at evenly spaced rows and columns of its box, without decoding all."""
    step = int(rows[1] - rows[0]) if rows.size > 1 else 1
    across = int(cols[1] - cols[0]) if cols.size > 1 else 1
    counts = runs.decode_runs(mask.counts, mask.height * mask.width)
    spans = runs.runs_to_spans(counts, mask.height)
    first, last = np.searchsorted(spans.columns, [cols[0], cols[-1] + 1])
    columns = spans.columns[first:last] - cols[0]
    on_grid = columns % across == 0
    columns = columns[on_grid] // across
    starts = -((rows[0] - spans.starts[first:last][on_grid]) // step)
    stops = -((rows[0] - spans.stops[first:last][on_grid]) // step)
    # each column in one piece of memory and one byte a pixel: sums of +1 and -1 are 0 or 1
    changes = np.zeros((cols.size, rows.size + 1), dtype=np.int8)
    np.add.at(changes, (columns, np.clip(starts, 0, rows.size)), 1)
    np.add.at(changes, (columns, np.clip(stops, 0, rows.size)), -1)
    return np.asarray(changes[:, :-1].cumsum(axis=1, dtype=np.int8).T != 0)
