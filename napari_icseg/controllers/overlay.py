"""The candidate's fill and edge, or the outline of a selected object, as label values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.mask_view import mask_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_icseg.controllers.frames import Frame
    from trainers.io.rle import RleMask

FILL, EDGE, SELECTED = 1, 2, 3
MAX_QUICK_BYTES = 50_000
"""Run lengths of a mask that is drawn while everybody waits; a larger one takes a thread."""

OUTLINE_BYTES = 60
"""What each of several masks costs beside its run lengths."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """A mask and the label values that show it.

    Args:
        mask: in image pixels.
        fill: value of the inside, 0 for none.
        edge: value of the outline.

    """

    mask: RleMask
    fill: int
    edge: int

    @property
    def is_quick(self) -> bool:
        """Whether drawing it takes no longer than the GUI thread may be away."""
        return len(self.mask.counts) <= MAX_QUICK_BYTES

    def draw(self, data: NDArray[np.uint8], frame: Frame) -> Box:
        """Draws it into an array of the frame's shape; returns where, in the array's pixels.

        A mask that goes on beyond the frame has no edge there.
        """
        box = frame.pixels(Box.of_mask(self.mask))
        if box.is_empty:
            return box
        wider = Box(box.top - 1, box.left - 1, box.bottom + 1, box.right + 1)
        shown = mask_pixels(self.mask, frame, wider)
        crop = shown[1:-1, 1:-1]
        inner = shown[:-2, 1:-1] & shown[2:, 1:-1] & shown[1:-1, :-2] & shown[1:-1, 2:]
        data[box.slices] = np.where(crop, np.where(inner, self.fill, self.edge), 0)
        return box

    def drawn(self, frame: Frame) -> NDArray[np.uint8]:
        """Returns an array of the frame's shape with nothing else in it."""
        data = np.zeros(frame.shape_hw, dtype=np.uint8)
        self.draw(data, frame)
        return data


@dataclass(frozen=True, slots=True)
class Outlines:
    """The outlines of several masks, each drawn for itself; used like an `Overlay`.

    Args:
        masks: in image pixels; at least one.
        edge: value of the outlines.

    """

    masks: tuple[RleMask, ...]
    edge: int

    @property
    def is_quick(self) -> bool:
        """Whether drawing them takes no longer than the GUI thread may be away."""
        size = sum(len(mask.counts) + OUTLINE_BYTES for mask in self.masks)
        return size <= MAX_QUICK_BYTES

    def draw(self, data: NDArray[np.uint8], frame: Frame) -> Box:
        """Draws them into an array of the frame's shape; returns where, in the array's pixels."""
        drawn = Box(0, 0, 0, 0)
        for mask in self.masks:
            box = frame.pixels(Box.of_mask(mask))
            if not box.is_empty:
                wider = Box(box.top - 1, box.left - 1, box.bottom + 1, box.right + 1)
                data[box.slices][_edge(mask_pixels(mask, frame, wider))] = self.edge
                drawn = box if drawn.is_empty else drawn.united(box)
        return drawn

    def drawn(self, frame: Frame) -> NDArray[np.uint8]:
        """Returns an array of the frame's shape with nothing else in it."""
        data = np.zeros(frame.shape_hw, dtype=np.uint8)
        self.draw(data, frame)
        return data


def _edge(shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels at an edge, bool (h, w), of a mask shown with a margin of one pixel."""
    inner = shown[:-2, 1:-1] & shown[2:, 1:-1] & shown[1:-1, :-2] & shown[1:-1, 2:]
    edge: NDArray[np.bool_] = shown[1:-1, 1:-1] & ~inner
    return edge
