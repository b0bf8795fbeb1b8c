"""Losses for a set of masks, on points instead of all pixels.

Source: Cheng et al. 2022 (Mask2Former, arXiv 2112.01527), sections 3.3 and 4.1. Points are
float32 (N, P, 2), x and y as shares 0..1 of a map's width and height. `weight` is float (M, P),
1 where a point counts and 0 where its pixel is `IGNORE`. Masks are averaged over M; losses of
no mask at all are 0.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_SMOOTH = 1.0
OVERSAMPLING = 3
"""Candidates for each point that is drawn where a mask is least certain."""
UNCERTAIN_SHARE = 0.75
"""Of the points of a loss; the others fall anywhere."""


def sampled_at(maps: Tensor, points_xy: Tensor, *, mode: str = "bilinear") -> Tensor:
    """Return the values of maps (N, h, w) at points (N, P, 2): float32 (N, P)."""
    grid = points_xy[:, None] * 2.0 - 1.0
    values = functional.grid_sample(
        maps[:, None].float(), grid, mode=mode, padding_mode="border", align_corners=False
    )
    return values[:, 0, 0]


def random_points(num_maps: int, num_points: int, device: torch.device) -> Tensor:
    """Return points (N, P, 2) that fall anywhere, from torch's global random state."""
    return torch.rand(num_maps, num_points, 2, device=device)


@torch.no_grad()
def uncertain_points(logits: Tensor, num_points: int, *, share_xy: Tensor | None = None) -> Tensor:
    """Return points (N, P, 2), most of them where logits (N, h, w) are nearest to 0.

    Source: Kirillov et al. 2020 (PointRend), section 3.1.

    Args:
        logits: of the masks.
        num_points: P.
        share_xy: float32 (2,), the share of the map that the tile covers; points are shares
            of the tile. None where it covers all of it.
    """
    num_masks = logits.shape[0]
    candidates = random_points(num_masks, OVERSAMPLING * num_points, logits.device)
    seen = candidates if share_xy is None else candidates * share_xy
    num_uncertain = round(UNCERTAIN_SHARE * num_points)
    nearest = sampled_at(logits, seen).abs().topk(num_uncertain, dim=1, largest=False).indices
    chosen = candidates.gather(1, nearest[..., None].expand(-1, -1, 2))
    anywhere = random_points(num_masks, num_points - num_uncertain, logits.device)
    return torch.cat([chosen, anywhere], dim=1)


def point_cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the binary cross-entropy of masks (M, P), mean over points, then over masks.

    Source: Mask2Former, section 3.3 (L_ce). A mask without any point that counts has loss 0.
    """
    loss = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    each = (loss * weight).sum(1) / weight.sum(1).clamp(min=1.0)
    return each.sum() / max(1, len(logits))


def point_dice(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return 1 - Dice of masks (M, P), each by itself, mean over masks.

    Source: Milletari et al. 2016 (V-Net), section 3, with plain sums in the denominator and 1
    added to both sides of the fraction, as in Mask2Former's code. An empty mask that is
    predicted empty has loss 0.
    """
    probs = logits.sigmoid() * weight
    wanted = target * weight
    overlap, total = (probs * wanted).sum(1), probs.sum(1) + wanted.sum(1)
    each = 1.0 - (2.0 * overlap + _SMOOTH) / (total + _SMOOTH)
    return each.sum() / max(1, len(logits))


def object_cross_entropy(logits: Tensor, class_ids: Tensor, *, none_weight: float) -> Tensor:
    """Return the weighted mean cross-entropy of what each query says it is.

    Source: Carion et al. 2020 (DETR), section 3.1: "no object" counts less, because most
    queries find none.

    Args:
        logits: float32 (B, Q, K + 1); index 0 is "no object".
        class_ids: int64 (B, Q), 0 where no object belongs to the query.
        none_weight: weight of those queries; of the others it is 1.
    """
    weights = logits.new_ones(logits.shape[-1])
    weights[0] = none_weight
    return functional.cross_entropy(logits.flatten(0, 1), class_ids.flatten(), weights)
