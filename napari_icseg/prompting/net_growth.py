"""Following a net from window edge to window edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from napari_icseg.prompting.growth import Growth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from napari_icseg.prompting.protocol import Embedding, PromptPredictor
    from napari_icseg.prompting.windowed import WindowedAnswer
    from napari_icseg.prompting.windows import Window

    Mask = NDArray[np.bool_]
    Pixels = NDArray[np.intp]

MAX_QUESTIONS = 400
"""A net that is not whole after this many pieces is left cut: the model has lost it."""
NEAR_PX = 24
"""A net is clicked this near to the edge where it goes on."""


class NetGrowth(Growth):
    """Asks where the net leaves a window.

    It is exact where the model is: if every window answers with the connected components
    under the click, the union is the component of the whole image. For two neighbouring
    pixels of it, one in the union and one not, would lie on both sides of an edge of the
    window that saw the first, and the window asked there holds both.
    """

    kind = "net"
    # a via may fill two thirds of the zone
    agreed_iou = 0.7

    def __init__(
        self,
        predictor: PromptPredictor,
        embedding_of: Callable[[Window], Embedding],
        answer: WindowedAnswer,
    ) -> None:
        self._known: dict[Window, Mask] = {}
        """Of each window, the pixels of the net that it has answered or was asked about."""
        self._open: dict[Window, Pixels] = {}
        """Of each window, (row, column) in the image (N, 2) where the net leaves another."""
        self._num_asked = 0
        super().__init__(predictor, embedding_of, answer)

    def ask_next(self) -> bool:
        """Ask one window about all pieces at which the net goes on in it."""
        window = next(iter(self._still_open()), None)
        if window is None or self._num_asked >= MAX_QUESTIONS:
            return False
        pixels = self._open.pop(window)
        edge = np.zeros((window.height, window.width), dtype=np.bool_)
        edge[pixels[:, 0] - window.top, pixels[:, 1] - window.left] = True
        for piece in self._pieces(window, edge):
            self._known[window] |= piece
            self._num_asked += 1
            seen = self._ask_about(window, piece, _around(piece & edge))
            self._take(window, _touching(seen, piece))
        return True

    def _is_open(self) -> bool:
        return bool(self._still_open())

    def _still_open(self) -> list[Window]:
        """Return the windows to be asked, the one with the longest open edge first."""
        for window in list(self._open):
            known = self._known.get(window)
            if known is not None:
                rows, cols = self._open[window].T
                is_known = known[rows - window.top, cols - window.left]
                self._open[window] = self._open[window][~is_known]
            if not len(self._open[window]):
                del self._open[window]
        return sorted(self._open, key=lambda window: -len(self._open[window]))

    def _pieces(self, window: Window, edge: Mask) -> Iterator[Mask]:
        """Yield the pieces of the net (h, w) in sight of a window that hold pixels of an edge."""
        self._known.setdefault(window, np.zeros((window.height, window.width), dtype=np.bool_))
        local = self._mask[window.slices].astype(np.uint8)
        _, ids = cv2.connectedComponents(local, connectivity=8)
        for number in np.unique(ids[edge]):
            piece = np.asarray(ids == number)
            # the answer to the piece before may have been about this one too
            if not (piece & self._known[window]).any():
                yield piece

    def _take(self, window: Window, seen: Mask) -> None:
        super()._take(window, seen)
        known = self._known.setdefault(window, np.zeros_like(seen))
        known |= seen
        for beyond, places_rc in self._grid.going_on(window, seen).items():
            before = [self._open[beyond]] if beyond in self._open else []
            self._open[beyond] = np.concatenate([*before, places_rc])


def _around(mask: Mask) -> Mask:
    """Return the pixels (h, w) up to `NEAR_PX` beside those of a mask."""
    reach = np.ones((2 * NEAR_PX + 1, 2 * NEAR_PX + 1), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), reach) > 0)


def _touching(seen: Mask, piece: Mask) -> Mask:
    """Return the components of what was seen that hang together with the piece, (h, w)."""
    _, ids = cv2.connectedComponents((seen | piece).astype(np.uint8), connectivity=8)
    return np.asarray(seen & np.isin(ids, np.unique(ids[piece])))
