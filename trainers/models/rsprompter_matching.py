"""Which query is to find which object: the cheapest assignment.

Source: Cheng et al. 2022 (Mask2Former, arXiv 2112.01527), section 3.3; RSPrompter takes the
costs over (arXiv 2306.16269, section III-E): 2 for the class, 5 for BCE, 5 for Dice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from trainers.losses.instance import random_points, sampled_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.models.rsprompter_queries import Guess
    from trainers.models.rsprompter_targets import TileObjects

CLASS_COST, ENTROPY_COST, DICE_COST = 2.0, 5.0, 5.0


@dataclass(frozen=True)
class Matches:
    """The M pairs of a batch, tile by tile.

    Attributes:
        tiles: int64 (M,), number of the tile.
        queries: int64 (M,), the query that is to find the object.
        objects: int64 (M,), number of the object in its tile.
    """

    tiles: Tensor
    queries: Tensor
    objects: Tensor


@torch.no_grad()
def match(
    guess: Guess, objects: Sequence[TileObjects], *, num_points: int, share_xy: Tensor
) -> Matches:
    """Return the assignment of least cost for each tile of a batch.

    Args:
        guess: of the queries after one layer.
        objects: of each tile.
        num_points: at which masks are compared, the same ones for all masks of a tile.
        share_xy: float32 (2,), the share of the coarse masks that the tile covers.
    """
    pairs: list[tuple[int, int, int]] = []
    for tile, found in enumerate(objects):
        points = random_points(1, num_points, guess.coarse.device)
        if len(found.class_ids):
            costs = _tile_costs(guess, tile, found, points, share_xy)
            queries, numbers = linear_sum_assignment(costs.float().cpu().numpy())
            order = np.argsort(numbers)
            pairs += [(tile, int(queries[i]), int(numbers[i])) for i in order]
    columns = torch.tensor(pairs, dtype=torch.int64, device=guess.coarse.device).reshape(-1, 3)
    return Matches(columns[:, 0], columns[:, 1], columns[:, 2])


def _tile_costs(
    guess: Guess, tile: int, found: TileObjects, points: Tensor, share_xy: Tensor
) -> Tensor:
    def at(maps: Tensor, where: Tensor, mode: str = "bilinear") -> Tensor:
        return sampled_at(maps, where.expand(len(maps), -1, -1), mode=mode)

    return costs_of(
        guess.class_logits[tile],
        at(guess.coarse[tile], points * share_xy),
        found.class_ids,
        at(found.masks, points),
        at(found.valid[None], points, "nearest")[0],
    )


def costs_of(
    class_logits: Tensor, logits: Tensor, class_ids: Tensor, masks: Tensor, weight: Tensor
) -> Tensor:
    """Return the costs (Q, N) of giving object n to query q.

    Args:
        class_logits: float32 (Q, K + 1).
        logits: float32 (Q, P), of the queries' masks at the points.
        class_ids: int64 (N,).
        masks: float32 (N, P), the objects at the same points.
        weight: float32 (P,), 0 where a point does not count.
    """
    with torch.autocast(logits.device.type, enabled=False):
        classes = -class_logits.softmax(dim=-1)[:, class_ids]
        return (
            CLASS_COST * classes
            + ENTROPY_COST * _entropies(logits, masks, weight)
            + DICE_COST * _dices(logits, masks, weight)
        )


def _entropies(logits: Tensor, masks: Tensor, weight: Tensor) -> Tensor:
    inside = functional.softplus(-logits) * weight @ masks.T
    outside = functional.softplus(logits) * weight @ (1.0 - masks).T
    return (inside + outside) / weight.sum().clamp(min=1.0)


def _dices(logits: Tensor, masks: Tensor, weight: Tensor) -> Tensor:
    probs = logits.sigmoid() * weight
    total = probs.sum(1)[:, None] + (masks * weight).sum(1)[None]
    return 1.0 - (2.0 * probs @ masks.T + 1.0) / (total + 1.0)
