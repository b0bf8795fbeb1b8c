"""A mask that is put together from what one window after the other sees of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from napari_icseg.prompting.protocol import NEGATIVE, POSITIVE, Prompts
from napari_icseg.prompting.sparse_memory import sparse_zeros
from napari_icseg.prompting.windows import Window, WindowGrid
from trainers.io.rle import RleMask
from trainers.metrics.interactive import mask_iou

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_icseg.prompting.protocol import (
        Candidate,
        CandidateKind,
        Embedding,
        PromptPredictor,
    )
    from napari_icseg.prompting.windowed import WindowedAnswer

    Mask = NDArray[np.bool_]

MAX_TRIES = 3
"""Clicks in one window about one piece."""


class Growth(ABC):
    """A mask of the image and what the windows asked so far have said of it.

    Args:
        predictor: the model that gave the answer.
        embedding_of: returns the embedding of a window, made or remembered.
        answer: what the clicked windows saw; one of its candidates is of this kind.

    """

    kind: CandidateKind
    agreed_iou: float
    """Two windows that agree this much where both look speak of the same object."""

    def __init__(
        self,
        predictor: PromptPredictor,
        embedding_of: Callable[[Window], Embedding],
        answer: WindowedAnswer,
    ) -> None:
        self._predictor = predictor
        self._embedding_of = embedding_of
        self._prompts = answer.prompts
        self._grid = WindowGrid(answer.image_hw, predictor.input_size_px)
        self._first = next(c for c in answer.united if c.kind == self.kind)
        self._score = self._first.score
        # column by column, as the RLE of it is written; of a large image only the memory of
        # the windows that were asked is ever taken
        self._mask = sparse_zeros(answer.image_hw, order="F")
        self._reach: Window | None = None
        self._seen: set[Window] = set()
        for window, candidates in answer.found.items():
            for candidate in candidates:
                if candidate.kind == self.kind:
                    self._take(window, _local_mask(candidate.mask, window))

    def candidate(self) -> Candidate:
        """Return the mask so far."""
        reach = self._reach or Window(0, 0, *self._mask.shape)
        mask = RleMask.from_mask(self._mask[reach.slices], (reach.top, reach.left))
        return replace(self._first, mask=mask, score=self._score, is_cut=self._is_open())

    @abstractmethod
    def ask_next(self) -> bool:
        """Ask one more window; return whether there was one."""

    @abstractmethod
    def _is_open(self) -> bool:
        """Return whether a window is left to be asked."""

    def _take(self, window: Window, seen: Mask) -> None:
        """Unite the mask with what a window sees, bool (h, w)."""
        self._mask[window.slices] |= seen
        self._seen.add(window)
        self._reach = window if self._reach is None else _around_both(self._reach, window)

    def _ask_about(self, window: Window, piece: Mask, zone: Mask) -> Mask:
        """Return what a window sees of the object that a piece belongs to, bool (h, w).

        An answer that differs much from what other windows saw in the zone is about something
        else that lies there, a via on the metal for instance; then a click beside it is tried.

        Args:
            window: to be asked.
            piece: bool (h, w), the object where it is known.
            zone: bool (h, w), where the piece is clicked and compared.

        """
        zone = zone & self._seen_in(window)
        known = piece & zone
        unclear, best = known.copy(), np.zeros_like(known)
        best_iou, best_score = 0.0, 1.0
        for _ in range(MAX_TRIES):
            if best_iou >= self.agreed_iou or not unclear.any():
                break
            row, col = _deepest(unclear)
            answer, score = self._ask(window, (row, col))
            agreed_iou = mask_iou(answer & zone, known)
            if agreed_iou > best_iou:
                best, best_iou, best_score = answer, agreed_iou, score
            unclear &= ~answer
            unclear[row, col] = False
        self._score = min(self._score, best_score)
        return best

    def _seen_in(self, window: Window) -> Mask:
        """Return where in a window (h, w) others have looked already."""
        seen = np.zeros((window.height, window.width), dtype=np.bool_)
        for other in self._seen:
            top, left = other.top - window.top, other.left - window.left
            bottom, right = max(0, top + other.height), max(0, left + other.width)
            seen[max(0, top) : bottom, max(0, left) : right] = True
        return seen

    def _ask(self, window: Window, click_rc: tuple[int, int]) -> tuple[Mask, float]:
        """Return what a window sees under a click in it, bool (h, w), and the score of that."""
        prompts = self._prompts_at(window, click_rc)
        found = self._predictor.predict(self._embedding_of(window), prompts)
        same = [candidate for candidate in found if candidate.kind == self.kind]
        if not same:
            return np.zeros((window.height, window.width), dtype=np.bool_), 1.0
        return _local_mask(same[0].mask, window), same[0].score

    def _prompts_at(self, window: Window, click_rc: tuple[int, int]) -> Prompts:
        """Return a click inside the object, and what the user said is outside."""
        outside = self._prompts.points_xy[self._prompts.labels == NEGATIVE]
        outside = [point for point in outside if window.holds(point)]
        row, col = click_rc
        points_xy = [(col + window.left, row + window.top), *outside]
        labels = [POSITIVE, *[NEGATIVE] * len(outside)]
        return Prompts(np.array(points_xy), np.array(labels), kind=self.kind)


def _around_both(a: Window, b: Window) -> Window:
    """Return the smallest window around two."""
    top, left = min(a.top, b.top), min(a.left, b.left)
    bottom = max(a.top + a.height, b.top + b.height)
    right = max(a.left + a.width, b.left + b.width)
    return Window(top, left, bottom - top, right - left)


def _local_mask(mask: RleMask, window: Window) -> Mask:
    moved = replace(mask, row=mask.row - window.top, col=mask.col - window.left)
    return moved.to_mask((window.height, window.width))


def _deepest(piece: Mask) -> tuple[int, int]:
    """Return the (row, column) of a piece (h, w) that lies farthest from its edge."""
    depth = cv2.distanceTransform(np.pad(piece, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    row, col = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(row), int(col)
