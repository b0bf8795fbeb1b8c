"""Point prompts for SAM-SEG, drawn from the true masks.

Source: the paper, part 1, "Prompts": all but one of the points are positive, the last one is
negative, because random points on tiles that are mostly blank taught the model to predict
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from trainers.data.labels import IGNORE
from trainers.metrics.clicks import next_click

if TYPE_CHECKING:
    from torch import Tensor

POSITIVE, NEGATIVE, PADDING = 1.0, 0.0, -1.0


def draw_points(
    target: Tensor,
    class_ids: Tensor,
    num_points: Tensor,
    *,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw points for B masks: one negative and the rest positive; a lone one is positive.

    Args:
        target: uint8 (B, H, W), class ids; `IGNORE` is neither inside nor outside.
        class_ids: int64 (B,), the class that each prompt means.
        num_points: int64 (B,); 0 for no point.
        generator: of the points; torch's global one if None.

    Returns:
        Points float32 (B, N, 2) as (x, y) in pixels and labels (B, N): 1 positive, 0
        negative, -1 for no point; N is the greatest number, at least 1. A mask without
        pixels has its negative point alone.
    """
    most = max(1, int(num_points.max()))
    points = torch.zeros(len(target), most, 2)
    labels = torch.full((len(target), most), PADDING)
    for row, (ids, class_id, num) in enumerate(
        zip(target.cpu(), class_ids.tolist(), num_points.tolist(), strict=True)
    ):
        if num:
            found = _points(ids, class_id, num, generator)
            points[row, : len(found[0])], labels[row, : len(found[1])] = found
    return points.to(target.device), labels.to(target.device)


def _points(
    ids: Tensor, class_id: int, num: int, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    inside, outside = ids == class_id, (ids != class_id) & (ids != IGNORE)
    positive = _pick(inside, max(1, num - 1), generator)
    negative = _pick(outside, 1 if num > 1 or not len(positive) else 0, generator)
    labels = [POSITIVE] * len(positive) + [NEGATIVE] * len(negative)
    return torch.cat([positive, negative]), torch.tensor(labels)


def _pick(where: Tensor, num: int, generator: torch.Generator | None) -> Tensor:
    """Return up to `num` random pixels of a mask (H, W) as (x, y), with repetition."""
    pixels = where.nonzero()
    if not len(pixels) or not num:
        return torch.zeros(0, 2)
    chosen = torch.randint(len(pixels), (num,), generator=generator)
    return pixels[chosen].flip(-1).float()


def with_corrections(
    points: Tensor, labels: Tensor, preds: Tensor, wanted: Tensor, *, jitter: float = 0.7
) -> tuple[Tensor, Tensor]:
    """Add to each prompt a click on the largest error of what it gave.

    Args:
        points: float32 (B, N, 2).
        labels: (B, N).
        preds: bool (B, H, W), masks shown.
        wanted: bool (B, H, W), masks wanted.
        jitter: of the clicks; see `next_click`. They draw from torch's global generator.

    Returns:
        Points (B, N + 1, 2) and labels (B, N + 1); no point where nothing is wrong.
    """
    rng = np.random.default_rng(int(torch.randint(2**62, ())))
    added = torch.zeros(len(points), 1, 2)
    kinds = torch.full((len(points), 1), PADDING)
    for row, (shown, truth) in enumerate(
        zip(preds.cpu().numpy(), wanted.cpu().numpy(), strict=True)
    ):
        click = next_click(shown, truth, rng, jitter=jitter)
        if click is not None:
            added[row, 0] = torch.tensor([float(click.x), float(click.y)])
            kinds[row, 0] = POSITIVE if click.positive else NEGATIVE
    return (
        torch.cat([points, added.to(points.device)], dim=1),
        torch.cat([labels, kinds.to(labels.device)], dim=1),
    )
