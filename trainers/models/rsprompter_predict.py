"""From RSPrompter's last guess to probabilities of pixels, and to objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from trainers.io.rle import RleMask
from trainers.losses.segmentation import foreground_probs
from trainers.models.base import Instance
from trainers.models.rsprompter_targets import MIN_AREA_PX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from trainers.models.rsprompter import RSPrompter, Scene

AT_ONCE = 64
"""Masks that SAM draws together: bounds the memory."""
MIN_CLASS_PROB = 0.05
"""A query that is less sure of each class draws nothing."""


@dataclass(frozen=True)
class _Drawn:
    """The masks of some queries of a batch.

    Attributes:
        tiles: int64 (N,).
        class_probs: float32 (N, K), of the foreground classes.
        masks: float32 (N, H, W), probabilities of the masks.
    """

    tiles: Tensor
    class_probs: Tensor
    masks: Tensor


@torch.no_grad()
def query_probs(model: RSPrompter, scene: Scene) -> Tensor:
    """Return the probability of each class, float32 (B, K, H, W), from the queries alone.

    Of each class it is the largest of (class probability · mask probability) over the queries.
    Where the classes' sum exceeds 1 (queries do not know of each other's masks), it is 1.
    """
    last = scene.guesses[-1].class_logits
    shape = (last.shape[0], last.shape[-1] - 1, *scene.size_hw)
    probs = torch.zeros(shape, device=last.device)
    for drawn in _drawn(model, scene, min_prob=MIN_CLASS_PROB):
        for tile, classes, mask in zip(
            drawn.tiles.tolist(), drawn.class_probs, drawn.masks, strict=True
        ):
            torch.maximum(probs[tile], classes[:, None, None] * mask, out=probs[tile])
    return probs / probs.sum(1, keepdim=True).clamp(min=1.0)


@torch.no_grad()
def pixel_probs(model: RSPrompter, scene: Scene) -> Tensor:
    """Return the probability of each class, float32 (B, K, H, W), from the head for pixels."""
    assert scene.semantic is not None
    return foreground_probs(model.tile_sam.to_tile(scene.semantic, scene.size_hw))


@torch.no_grad()
def objects_of(model: RSPrompter, scene: Scene, *, min_score: float) -> list[Instance]:
    """Return the objects of a scene of one tile.

    Source: Chen et al. 2024 (RSPrompter), section III-D: each query is an object of its most
    probable class, scored by (class probability · mean mask probability inside); no NMS.
    """
    found: list[Instance] = []
    for drawn in _drawn(model, scene, min_prob=min_score):
        best = drawn.class_probs.max(dim=-1)
        for prob, index, mask in zip(best.values, best.indices, drawn.masks, strict=True):
            inside = mask > 0.5
            if int(inside.sum()) < MIN_AREA_PX:
                continue
            score = float(prob * mask[inside].mean())
            if score >= min_score:
                pixels = RleMask.from_mask(inside.cpu().numpy())
                found.append(Instance(int(index) + 1, score, pixels))
    return found


def _drawn(model: RSPrompter, scene: Scene, *, min_prob: float) -> Iterator[_Drawn]:
    """Let SAM draw what the last layer's queries claim, some at a time."""
    guess = scene.guesses[-1]
    probs = guess.class_logits.softmax(dim=-1)[..., 1:]
    tiles, queries = torch.nonzero(probs.amax(dim=-1) >= min_prob, as_tuple=True)
    for start in range(0, len(tiles), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        logits = model.decode(scene, guess, tiles[some], queries[some])
        masks = model.tile_sam.to_tile(logits[:, None], scene.size_hw)[:, 0].sigmoid()
        yield _Drawn(tiles[some], probs[tiles[some], queries[some]], masks)
