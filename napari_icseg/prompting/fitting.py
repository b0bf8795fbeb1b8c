"""What the user drew counts, whatever the model says: strokes, the box, an object to correct."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_icseg.prompting.protocol import POSITIVE, Candidate
from trainers.io.rle import EmptyMaskError, RleMask, unite

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_icseg.prompting.protocol import PaintedStroke, Prompts
    from napari_icseg.prompting.windows import Window

BOX_SLACK_PX = 3
"""A box may be drawn too small by this."""
NEAR_PX = 1
"""A correcting click may miss what it points at by this."""
_TOUCHING = np.ones((3, 3), dtype=bool)


def fitted(
    candidates: Iterable[Candidate], prompts: Prompts, windows: Iterable[Window]
) -> tuple[Candidate, ...]:
    """Return the candidates as the prompts allow them; empty ones are left out.

    A box cuts off what lies beyond it, unless a click says that something there belongs to the
    object. Of an object to correct only those pieces change at which a click points. Strokes
    are added or taken away, the last one over those before.

    Args:
        candidates: of a model, in image coordinates.
        prompts: that it answered, in image coordinates.
        windows: that it was asked in; nothing is known of the rest of the image.

    """
    found, asked = list(candidates), tuple(windows)
    if prompts.mask is None and prompts.box_xyxy is None and not prompts.strokes:
        return tuple(found)
    if prompts.mask is not None and not any(c.kind == "net" for c in found):
        found.insert(0, Candidate(prompts.mask, 0.0, "net"))
    kept: list[Candidate] = []
    for candidate in found:
        try:
            mask = _with_strokes(_cut(candidate.mask, prompts, asked), prompts.strokes)
        except EmptyMaskError:
            continue
        is_cut = candidate.is_cut and may_grow(prompts, asked)
        kept.append(replace(candidate, mask=mask, is_cut=is_cut))
    return tuple(kept)


def may_grow(prompts: Prompts, windows: Iterable[Window]) -> bool:
    """Return whether the object may go on beyond the windows that were asked."""
    if prompts.mask is not None:
        return False
    if prompts.box_xyxy is None:
        return True
    corners_xy = prompts.box_xyxy.reshape(2, 2)
    return not any(all(window.holds(corner) for corner in corners_xy) for window in windows)


def _cut(mask: RleMask, prompts: Prompts, windows: Iterable[Window]) -> RleMask:
    if prompts.mask is not None:
        return corrected(prompts.mask, mask, prompts, windows)
    if prompts.box_xyxy is not None:
        return clipped_to_box(mask, prompts)
    return mask


def clipped_to_box(mask: RleMask, prompts: Prompts) -> RleMask:
    """Return the part inside the box, or all of it if a positive click lies outside.

    Raises:
        EmptyMaskError: there is no such part.

    """
    assert prompts.box_xyxy is not None
    low, high = prompts.box_xyxy[:2], prompts.box_xyxy[2:]
    points = prompts.positive_xy
    if ((points < low - BOX_SLACK_PX) | (points > high + BOX_SLACK_PX)).any():
        return mask
    left, top = (max(0, int(np.floor(v)) - BOX_SLACK_PX) for v in low)
    right, bottom = (int(np.ceil(v)) + BOX_SLACK_PX + 1 for v in high)
    top, left = max(top, mask.row), max(left, mask.col)
    bottom, right = min(bottom, mask.row + mask.height), min(right, mask.col + mask.width)
    if bottom <= top or right <= left:
        raise EmptyMaskError("nothing of the mask lies in the box")
    return RleMask.from_mask(mask.pixels_in(slice(top, bottom), slice(left, right)), (top, left))


def corrected(
    mask: RleMask, answer: RleMask, prompts: Prompts, windows: Iterable[Window]
) -> RleMask:
    """Return an object with those differences of an answer at which the clicks point.

    A connected piece that the answer has more is added under a positive click, one that it
    has less is taken away under a negative one; what was drawn elsewhere stays as it is.

    Args:
        mask: the object.
        answer: what the model makes of it.
        prompts: with the clicks.
        windows: outside of them the answer says nothing.

    Raises:
        EmptyMaskError: nothing is left.

    """
    top, left = min(mask.row, answer.row), min(mask.col, answer.col)
    bottom = max(mask.row + mask.height, answer.row + answer.height)
    right = max(mask.col + mask.width, answer.col + answer.width)
    area = slice(top, bottom), slice(left, right)
    old, new = mask.pixels_in(*area), answer.pixels_in(*area)
    seen = np.zeros_like(old)
    for window in windows:
        rows, cols = window.slices
        seen[max(0, rows.start - top) : max(0, rows.stop - top),
             max(0, cols.start - left) : max(0, cols.stop - left)] = True  # fmt: skip
    clicks_rc = np.floor(prompts.points_xy[:, ::-1] + 0.5).astype(int) - (top, left)
    is_positive = prompts.labels == POSITIVE
    more = _pieces_at(new & ~old & seen, clicks_rc[is_positive])
    less = _pieces_at(old & ~new & seen, clicks_rc[~is_positive])
    return RleMask.from_mask((old | more) & ~less, (top, left))


def _pieces_at(pixels: NDArray[np.bool_], points_rc: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return the connected pieces that have a pixel at or beside one of the points."""
    pieces, _ = ndimage.label(pixels, _TOUCHING)
    wanted: set[int] = set()
    for row, col in points_rc:
        rows = slice(max(0, row - NEAR_PX), max(0, row + NEAR_PX + 1))
        cols = slice(max(0, col - NEAR_PX), max(0, col + NEAR_PX + 1))
        wanted.update(np.unique(pieces[rows, cols]).tolist())
    return np.asarray(np.isin(pieces, sorted(wanted - {0})))


def _with_strokes(mask: RleMask, strokes: Iterable[PaintedStroke]) -> RleMask:
    for stroke in strokes:
        mask = unite([mask, stroke.mask]) if stroke.is_positive else _less(mask, stroke.mask)
    return mask


def _less(mask: RleMask, other: RleMask) -> RleMask:
    rows = slice(mask.row, mask.row + mask.height)
    cols = slice(mask.col, mask.col + mask.width)
    if not other.reaches(rows, cols):
        return mask
    return RleMask.from_mask(mask.crop() & ~other.pixels_in(rows, cols), (mask.row, mask.col))
