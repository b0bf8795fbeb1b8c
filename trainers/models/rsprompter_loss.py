"""What RSPrompter is trained on: classes and masks of the queries that were matched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from trainers.losses.instance import (
    object_cross_entropy,
    point_cross_entropy,
    point_dice,
    sampled_at,
    uncertain_points,
)
from trainers.losses.segmentation import cross_entropy, soft_dice
from trainers.models.rsprompter_matching import Matches, match
from trainers.models.rsprompter_targets import TileObjects, tile_objects

if TYPE_CHECKING:
    from trainers.models.rsprompter import RSPrompter, Scene
    from trainers.models.rsprompter_queries import Guess

CLASS_WEIGHT, ENTROPY_WEIGHT, DICE_WEIGHT = 2.0, 5.0, 5.0
NONE_WEIGHT = 0.1
"""Of queries that have no object, in the classification."""


def query_losses(
    model: RSPrompter, scene: Scene, target: Tensor, *, num_points: int, at_all_layers: bool
) -> dict[str, Tensor]:
    """Return the weighted losses by part; their sum is minimised.

    Source: Chen et al. 2024 (RSPrompter), section III-E: 2 · cross-entropy of the classes,
    5 · cross-entropy and 5 · Dice of the masks, summed over the layers, each with a matching of
    its own. The masks are the coarse ones and, where SAM is asked, also SAM's.

    Args:
        model: whose `scene` this is.
        scene: of the batch.
        target: uint8 (B, H, W) of class ids.
        num_points: at which masks are compared.
        at_all_layers: whether SAM draws masks after each layer, or after the last one alone.
    """
    objects = tile_objects(target, most=scene.guesses[-1].coarse.shape[1])
    total = {name: scene.share_xy.new_zeros(()) for name in ("class", "coarse", "sam")}
    for guess in scene.guesses:
        share_xy = scene.share_xy
        matches = match(guess, objects, num_points=num_points, share_xy=share_xy)
        total["class"] = total["class"] + _class_loss(guess, objects, matches)
        masks = _Masks(objects, matches, num_points, share_xy)
        coarse = guess.coarse[matches.tiles, matches.queries]
        total["coarse"] = total["coarse"] + masks.loss(coarse)
        is_asked = at_all_layers or guess is scene.guesses[-1]
        if is_asked and len(matches.tiles):
            drawn = model.decode(scene, guess, matches.tiles, matches.queries)
            total["sam"] = total["sam"] + masks.loss(drawn)
    return total


def semantic_loss(model: RSPrompter, scene: Scene, target: Tensor) -> Tensor:
    """Return cross-entropy + soft Dice of the classes of pixels: ours, not the source's."""
    assert scene.semantic is not None
    logits = model.tile_sam.to_tile(scene.semantic, scene.size_hw)
    return cross_entropy(logits, target) + soft_dice(logits, target)


def _class_loss(guess: Guess, objects: list[TileObjects], matches: Matches) -> Tensor:
    logits = guess.class_logits
    class_ids = torch.zeros(logits.shape[:2], dtype=torch.int64, device=logits.device)
    pairs = zip(matches.tiles.tolist(), matches.objects.tolist(), strict=True)
    wanted = [objects[tile].class_ids[number] for tile, number in pairs]
    if wanted:
        class_ids[matches.tiles, matches.queries] = torch.stack(wanted)
    return CLASS_WEIGHT * object_cross_entropy(logits, class_ids, none_weight=NONE_WEIGHT)


class _Masks:
    """The masks that the matched queries should have, and the loss of those they have."""

    def __init__(
        self, objects: list[TileObjects], matches: Matches, num_points: int, share_xy: Tensor
    ) -> None:
        tiles, numbers = matches.tiles.tolist(), matches.objects.tolist()
        self._wanted = [objects[t].masks[n] for t, n in zip(tiles, numbers, strict=True)]
        self._valid = [objects[t].valid for t in tiles]
        self._num_points, self._share_xy = num_points, share_xy

    def loss(self, logits: Tensor) -> Tensor:
        """Return the loss of logits (M, h, w) at points where they are least certain."""
        if not self._wanted:
            return logits.sum()
        points = uncertain_points(logits, self._num_points, share_xy=self._share_xy)
        found = sampled_at(logits, points * self._share_xy)
        wanted = sampled_at(torch.stack(self._wanted), points)
        weight = sampled_at(torch.stack(self._valid), points, mode="nearest")
        entropy = point_cross_entropy(found, wanted, weight)
        return ENTROPY_WEIGHT * entropy + DICE_WEIGHT * point_dice(found, wanted, weight)
