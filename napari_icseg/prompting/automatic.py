"""All objects of an image without a click: layers are asked for where something stands out.

A model whose masks have a meaning is asked for layers: one good answer holds every net of it,
and its connected pieces are the objects. Two or three layers are all that a tile has, so that a
few prompts do what a dense grid of them would. Of other models each mask is one object.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from napari_icseg.prompting.candidates import ScoredMask
from napari_icseg.prompting.protocol import POSITIVE, Prompts
from napari_icseg.prompting.seeds import find_seeds
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_icseg.prompting.protocol import Embedding, PromptPredictor

    Mask = NDArray[np.bool_]

BATCH_PIXELS = 1 << 18
"""Prompts are decoded together as long as a mask of each has no more pixels altogether."""
MAX_PROMPTS = 32
"""In one window."""
ENOUGH_PROMPTS = 8
"""So many prompts one after the other that show nothing new end the search in a window."""
MIN_LAYER_SCORE = 0.8
MIN_STABILITY = 0.83
MIN_CONTRAST = 0.8
"""A prompt beside all objects is answered by a mask that is unlikely, vague, or no brighter than
what is around it. The bounds are measured on the sample tiles."""
MAX_DARK_FRACTION = 0.15
"""A layer that is darker than what is around it is background if it is larger."""
RING_PX = 4
MIN_OBJECT_SCORE = 0.5
SAME_IOU = 0.6
"""Masks that agree more are the same one."""
INSIDE_FRACTION = 0.9
"""A layer that lies in another to this share is what is on top of it."""
MIN_AREA_PX = 16
MAX_AREA_FRACTION = 0.9
NUM_DEVIATIONS = 2.5
"""A pixel whose grey differs so much from a layer's is not explained by it."""


@dataclass(frozen=True)
class FoundObject:
    """One object that a model proposes by itself.

    Attributes:
        mask: in image coordinates.
        score: 0..1, the IoU expected of its layer times how sure the model is of its pixels.
        is_on_top: it lies inside of larger ones and differs from them, as a via does.

    """

    mask: RleMask
    score: float
    is_on_top: bool = False


@dataclass(frozen=True, eq=False)
class _Layer:
    seen: ScoredMask
    grey: float
    spread: float


class WindowSearch:
    """Finds the objects in one window, step by step, so that a click need not wait long.

    Args:
        predictor: the model.
        embedding: of the window, by this model.
        pixels: float32 (h, w) of the window, grey 0..1.

    """

    def __init__(
        self, predictor: PromptPredictor, embedding: Embedding, pixels: NDArray[np.float32]
    ) -> None:
        self._predictor, self._embedding, self._pixels = predictor, embedding, pixels
        self._smooth = cv2.GaussianBlur(pixels, (0, 0), 1.5)
        bright, dark = find_seeds(pixels)
        self._waiting, self._dark = [*bright, *dark], frozenset(dark)
        self._batch: list[tuple[int, int]] = []
        self._layers: list[_Layer] = []
        self._num_asked = self._num_in_vain = 0

    def step(self) -> bool:
        """Decode one more batch of prompts; return whether there was one."""
        # kept until it is answered: a click may interrupt the model
        self._batch = batch = self._batch or self._next_batch()
        if not batch:
            return False
        window = self._embedding.window
        points_xy = np.array([(col + window.left, row + window.top) for row, col in batch])
        answers = see_points(self._predictor, self._embedding, points_xy)
        self._batch = []
        for seed, seen in zip(batch, answers, strict=True):
            self._num_asked += 1
            self._num_in_vain += 1
            for scored in seen:
                if scored.mask[seed] and self._is_layer(scored) and self._take(scored):
                    self._num_in_vain = 0
        return True

    def objects(self) -> tuple[FoundObject, ...]:
        """Return what was found, in image coordinates, surest first."""
        found = [
            piece
            for layer in self._layers
            for piece in _pieces(layer.seen, is_on_top=self._is_on_top(layer))
        ]
        window = self._embedding.window
        moved = [
            replace(
                one,
                mask=replace(
                    one.mask, row=one.mask.row + window.top, col=one.mask.col + window.left
                ),
            )
            for one in found
        ]
        return tuple(sorted(moved, key=lambda one: -one.score))

    def _next_batch(self) -> list[tuple[int, int]]:
        size = max(1, BATCH_PIXELS // self._pixels.size)
        batch: list[tuple[int, int]] = []
        if self._num_in_vain >= ENOUGH_PROMPTS:
            return batch
        while self._waiting and len(batch) < size and self._num_asked + len(batch) < MAX_PROMPTS:
            seed = self._waiting.pop(0)
            if not self._is_explained(seed):
                batch.append(seed)
        return batch

    def _is_layer(self, scored: ScoredMask) -> bool:
        share = np.count_nonzero(scored.mask) / scored.mask.size
        if scored.kind != "layer" or scored.score < MIN_LAYER_SCORE or share > MAX_AREA_FRACTION:
            return False
        contrast = _contrast(self._smooth, scored.mask)
        is_object = contrast > 0 or share < MAX_DARK_FRACTION
        return (
            bool(is_object) and abs(contrast) > MIN_CONTRAST and _stability(scored) > MIN_STABILITY
        )

    def _is_explained(self, seed: tuple[int, int]) -> bool:
        """Return whether a pixel looks like a layer that it lies in, or like background."""
        grey = float(self._smooth[seed])
        if seed in self._dark and not any(layer.seen.mask[seed] for layer in self._layers):
            return True
        return any(
            layer.seen.mask[seed] and abs(grey - layer.grey) < NUM_DEVIATIONS * layer.spread
            for layer in self._layers
        )

    def _take(self, scored: ScoredMask) -> bool:
        """Keep a mask unless it is known; of two alike the surer stays. Return if it is new."""
        same = [known for known in self._layers if _iou(known.seen.mask, scored.mask) > SAME_IOU]
        if any(known.seen.score >= scored.score for known in same):
            return False
        values = self._smooth[scored.mask]
        grey = float(np.median(values))
        spread = max(1.5 * float(np.median(np.abs(values - grey))), 0.01)
        self._layers = [known for known in self._layers if known not in same]
        self._layers.append(_Layer(scored, grey, spread))
        return not same

    def _is_on_top(self, layer: _Layer) -> bool:
        own = layer.seen.mask
        return any(
            np.count_nonzero(own & other.seen.mask) > INSIDE_FRACTION * np.count_nonzero(own)
            and np.count_nonzero(other.seen.mask) > np.count_nonzero(own)
            for other in self._layers
            if other is not layer
        )


def see_points(
    predictor: PromptPredictor, embedding: Embedding, points_xy: NDArray[Any]
) -> list[list[ScoredMask]]:
    """Return the masks, in window coordinates, that each of the points (N, 2) alone gives.

    Decoded together where the predictor has `see_points` itself, else one after the other.
    """
    together = getattr(predictor, "see_points", None)
    if together is not None:
        return list(together(embedding, points_xy))
    return [_see_point(predictor, embedding, point_xy) for point_xy in points_xy]


def _see_point(
    predictor: PromptPredictor, embedding: Embedding, point_xy: NDArray[Any]
) -> list[ScoredMask]:
    window = embedding.window
    found = predictor.predict(embedding, Prompts(point_xy[None], np.array([POSITIVE])))
    seen = []
    for candidate in found:
        mask = candidate.mask
        moved = replace(mask, row=mask.row - window.top, col=mask.col - window.left)
        pixels = moved.to_mask((window.height, window.width))
        logits = np.where(pixels, 6.0, -6.0).astype(np.float32)
        seen.append(ScoredMask(pixels, logits, candidate.score, candidate.kind))
    return seen


def _contrast(smooth: NDArray[np.float32], mask: Mask) -> float:
    """Return by how many deviations a mask is brighter than a ring around it."""
    near = _grown(mask, RING_PX) & ~_grown(mask, 1)
    if not near.any() or not mask.any():
        return 0.0
    inside, outside = smooth[mask], smooth[near]
    spread = float(np.std(inside) + np.std(outside)) + 1e-6
    return float(np.median(inside) - np.median(outside)) / spread


def _grown(mask: Mask, radius_px: int) -> Mask:
    side = 2 * radius_px + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((side, side))) > 0)


def _stability(scored: ScoredMask) -> float:
    """Return the IoU of the mask at a stricter and at a laxer threshold."""
    return float(
        np.count_nonzero(scored.logits > 1) / max(1, int(np.count_nonzero(scored.logits > -1)))
    )


def _pieces(scored: ScoredMask, *, is_on_top: bool) -> list[FoundObject]:
    """Return the 8-connected pieces of a mask, in its own coordinates."""
    num, ids, stats, _ = cv2.connectedComponentsWithStats(
        scored.mask.astype(np.uint8), connectivity=8
    )
    probs = 1 / (1 + np.exp(-np.clip(scored.logits, -30, 30)))
    sums = np.bincount(ids.ravel(), weights=probs.ravel(), minlength=num)
    found = []
    for number in range(1, num):
        left, top, width, height, area = (int(value) for value in stats[number])
        score = scored.score * float(sums[number]) / area
        if area >= MIN_AREA_PX and score >= MIN_OBJECT_SCORE:
            crop = ids[top : top + height, left : left + width] == number
            found.append(FoundObject(RleMask.from_mask(crop, (top, left)), score, is_on_top))
    return found


def _iou(a: Mask, b: Mask) -> float:
    return float(np.count_nonzero(a & b) / max(1, int(np.count_nonzero(a | b))))
