"""Following a mask that ends at a window's edge into the windows beyond.

A net is followed from edge to edge: where it leaves a window, the window that sees that place
best is asked with one click on the piece that both see, and what it answers there is united
with the net. That goes on until no edge is open. A layer is everywhere, so it is carried from
window to window over the whole image.

The piece is given as a click and not as a mask prompt: a mask says of all pixels beyond it
that they are outside, which is what is not known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from napari_icseg.prompting.candidates import drop_duplicates
from napari_icseg.prompting.protocol import NEGATIVE, POSITIVE, Prompts
from napari_icseg.prompting.windows import WindowGrid
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from napari_icseg.prompting.protocol import (
        Candidate,
        CandidateKind,
        Embedding,
        PromptPredictor,
    )
    from napari_icseg.prompting.windowed import WindowedAnswer
    from napari_icseg.prompting.windows import Window

    Mask = NDArray[np.bool_]
    Pixels = NDArray[np.intp]

MAX_QUESTIONS = 400
"""A net that is not whole after this many pieces is left cut: the model has lost it."""
MIN_LAYER_PX = 16
"""A layer with fewer pixels in sight of a window is not carried into it."""


def can_grow(predictor: PromptPredictor, answer: WindowedAnswer, kind: CandidateKind) -> bool:
    """Return whether a candidate of this kind may go on in windows that were not asked.

    A net does if it is cut; a layer of single vias does without touching any edge.
    """
    num_windows = len(WindowGrid(answer.image_hw, predictor.input_size_px).windows)
    if kind == "part" or num_windows == len(answer.found):
        return False
    return any(c.is_cut or kind == "layer" for c in answer.united if c.kind == kind)


def grow(
    predictor: PromptPredictor,
    embedding_of: Callable[[Window], Embedding],
    answer: WindowedAnswer,
    kind: CandidateKind,
) -> Iterator[Candidate]:
    """Yield the candidate of a kind, larger after every window asked.

    The last one is whole (`is_cut` is False) unless the model lost it. The caller stops by
    not asking for more; an embedding that is interrupted ends it with its error.

    Args:
        predictor: the model that gave the answer.
        embedding_of: returns the embedding of a window, made or remembered: the same one is
            asked for whenever its window is.
        answer: what the clicked windows saw.
        kind: "net" or "layer"; nothing follows from a "part" or from a mask that is whole.

    """
    if can_grow(predictor, answer, kind):
        growth = (_NetGrowth if kind == "net" else _LayerGrowth)(predictor, embedding_of, answer)
        while growth.ask_next():
            yield growth.candidate()


def with_grown(answer: WindowedAnswer, *grown: Candidate) -> tuple[Candidate, ...]:
    """Return the answer's distinct candidates, those that grew in place of the cut ones."""
    by_kind = {candidate.kind: candidate for candidate in grown}
    return drop_duplicates(by_kind.get(c.kind, c) for c in answer.united)


class _Growth:
    """A mask of the image and what the windows asked so far have said of it."""

    kind: CandidateKind

    def __init__(
        self,
        predictor: PromptPredictor,
        embedding_of: Callable[[Window], Embedding],
        answer: WindowedAnswer,
    ) -> None:
        self._predictor = predictor
        self._embedding_of = embedding_of
        self._prompts = answer.prompts
        self._image_hw = answer.image_hw
        self._grid = WindowGrid(answer.image_hw, predictor.input_size_px)
        self._first = next(c for c in answer.united if c.kind == self.kind)
        self._score = self._first.score
        self._mask = np.zeros(answer.image_hw, dtype=np.bool_)
        for window, candidates in answer.found.items():
            for candidate in candidates:
                if candidate.kind == self.kind:
                    self._take(window, _local_mask(candidate.mask, window))

    def candidate(self) -> Candidate:
        """Return the mask so far."""
        mask = RleMask.from_mask(self._mask)
        return replace(self._first, mask=mask, score=self._score, is_cut=self._is_open())

    def ask_next(self) -> bool:
        """Ask one more window; return whether there was one."""
        raise NotImplementedError

    def _is_open(self) -> bool:
        raise NotImplementedError

    def _take(self, window: Window, seen: Mask) -> None:
        """Unite the mask with what a window sees, bool (h, w)."""
        self._mask[window.slices] |= seen

    def _ask(self, window: Window, piece: Mask) -> Mask:
        """Return what a window sees of the object that a piece (h, w) belongs to, bool (h, w)."""
        prompts = self._prompts_on(window, piece)
        found = self._predictor.predict(self._embedding_of(window), prompts)
        same = [candidate for candidate in found if candidate.kind == self.kind]
        if not same:
            return np.zeros_like(piece)
        self._score = min(self._score, same[0].score)
        return _local_mask(same[0].mask, window)

    def _prompts_on(self, window: Window, piece: Mask) -> Prompts:
        """Return a click deep in the piece, and what the user said is outside."""
        outside = self._prompts.points_xy[self._prompts.labels == NEGATIVE]
        outside = [point for point in outside if window.holds(point)]
        row, col = _deepest(piece)
        points_xy = [(col + window.left, row + window.top), *outside]
        labels = [POSITIVE, *[NEGATIVE] * len(outside)]
        return Prompts(np.array(points_xy), np.array(labels), kind=self.kind)


class _NetGrowth(_Growth):
    """Asks where the net leaves a window.

    It is exact where the model is: if every window answers with the connected components
    under the click, the union is the component of the whole image. For two neighbouring
    pixels of it, one in the union and one not, would lie on both sides of an edge of the
    window that saw the first, and the window asked there holds both.
    """

    kind = "net"

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
        for piece in self._pieces(window, pixels):
            self._known[window] |= piece
            self._num_asked += 1
            self._take(window, _touching(self._ask(window, piece), piece))
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

    def _pieces(self, window: Window, pixels: Pixels) -> Iterator[Mask]:
        """Yield the pieces of the net (h, w) in sight of a window that hold open pixels."""
        self._known.setdefault(window, np.zeros((window.height, window.width), dtype=np.bool_))
        local = self._mask[window.slices].astype(np.uint8)
        _, ids = cv2.connectedComponents(local, connectivity=8)
        rows, cols = pixels.T
        for number in np.unique(ids[rows - window.top, cols - window.left]):
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


class _LayerGrowth(_Growth):
    """Carries the layer from window to window, each asked once."""

    kind = "layer"

    def __init__(
        self,
        predictor: PromptPredictor,
        embedding_of: Callable[[Window], Embedding],
        answer: WindowedAnswer,
    ) -> None:
        self._left = list(WindowGrid(answer.image_hw, predictor.input_size_px).windows)
        super().__init__(predictor, embedding_of, answer)

    def ask_next(self) -> bool:
        """Ask the window that sees most of the layer."""
        window = self._next_window()
        if window is None:
            return False
        self._take(window, self._ask(window, self._mask[window.slices].copy()))
        return True

    def _is_open(self) -> bool:
        return self._next_window() is not None

    def _next_window(self) -> Window | None:
        in_sight = {w: int(np.count_nonzero(self._mask[w.slices])) for w in self._left}
        best = max(in_sight, key=lambda window: in_sight[window], default=None)
        return best if best is not None and in_sight[best] >= MIN_LAYER_PX else None

    def _take(self, window: Window, seen: Mask) -> None:
        super()._take(window, seen)
        if window in self._left:
            self._left.remove(window)


def _local_mask(mask: RleMask, window: Window) -> Mask:
    moved = replace(mask, row=mask.row - window.top, col=mask.col - window.left)
    return moved.to_mask((window.height, window.width))


def _deepest(piece: Mask) -> tuple[int, int]:
    """Return the (row, column) of a piece (h, w) that lies farthest from its edge."""
    depth = cv2.distanceTransform(np.pad(piece, 1).astype(np.uint8), cv2.DIST_L2, 3)
    row, col = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(row) - 1, int(col) - 1


def _touching(seen: Mask, piece: Mask) -> Mask:
    """Return the components of what was seen that hang together with the piece, (h, w)."""
    _, ids = cv2.connectedComponents((seen | piece).astype(np.uint8), connectivity=8)
    return np.asarray(seen & np.isin(ids, np.unique(ids[piece])))
