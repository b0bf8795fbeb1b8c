"""What RSPrompter is trained on: classes and masks of the queries that were matched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

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
    model: RSPrompter,
    scene: Scene,
    target: Tensor,
    *,
    num_points: int,
    at_all_layers: bool,
    drawn_per_tile: int | None = None,
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
        drawn_per_tile: how many masks SAM draws after a layer, for each tile of the batch; if
            there are more objects, that many of them are drawn by lot.
    """
    objects = tile_objects(target, most=scene.guesses[-1].coarse.shape[1])
    total = {name: scene.share_xy.new_zeros(()) for name in ("class", "coarse", "sam")}
    for guess in scene.guesses:
        share_xy = scene.share_xy
        matches = match(guess, objects, num_points=num_points, share_xy=share_xy)
        total["class"] = total["class"] + _class_loss(guess, objects, matches)
        coarse = guess.coarse[matches.tiles, matches.queries]
        total["coarse"] = total["coarse"] + _mask_loss(
            coarse, objects, matches, num_points=num_points, share_xy=share_xy
        )
        is_asked = at_all_layers or guess is scene.guesses[-1]
        if is_asked and len(matches.tiles):
            some = _some(matches, drawn_per_tile, num_tiles=len(objects))
            where = (scene, guess, some.tiles, some.queries)
            # all layers' masks at once would need three times the memory
            drawn = (
                checkpoint(model.decode, *where, use_reentrant=False)
                if at_all_layers
                else model.decode(*where)
            )
            total["sam"] = total["sam"] + _mask_loss(
                drawn, objects, some, num_points=num_points, share_xy=share_xy
            )
    return total


def _some(matches: Matches, per_tile: int | None, *, num_tiles: int) -> Matches:
    """Return matches drawn by lot, if there are too many."""
    if per_tile is None or len(matches.tiles) <= per_tile * num_tiles:
        return matches
    lot = torch.randperm(len(matches.tiles), device=matches.tiles.device)[: per_tile * num_tiles]
    return Matches(matches.tiles[lot], matches.queries[lot], matches.objects[lot])


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


def _mask_loss(
    logits: Tensor,
    objects: list[TileObjects],
    matches: Matches,
    *,
    num_points: int,
    share_xy: Tensor,
) -> Tensor:
    """Return the loss of masks, logits (M, h, w), at points where they are least certain."""
    pairs = list(zip(matches.tiles.tolist(), matches.objects.tolist(), strict=True))
    if not pairs:
        return logits.sum()  # 0, with a gradient
    points = uncertain_points(logits, num_points, share_xy=share_xy)
    found = sampled_at(logits, points * share_xy)
    wanted = sampled_at(torch.stack([objects[t].masks[n] for t, n in pairs]), points)
    valid = torch.stack([objects[t].valid for t, _ in pairs])
    weight = sampled_at(valid, points, mode="nearest")
    entropy = point_cross_entropy(found, wanted, weight)
    return ENTROPY_WEIGHT * entropy + DICE_WEIGHT * point_dice(found, wanted, weight)
