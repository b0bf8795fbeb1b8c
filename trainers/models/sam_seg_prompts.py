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
    num_points: int,
    *,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw points for B masks: one negative and the rest positive; a lone one is positive.

    All have the same number, because padding is a token too: a prompt padded for the sake of
    its neighbours would not be what a person's few clicks are.

    Args:
        target: uint8 (B, H, W), class ids; `IGNORE` is neither inside nor outside.
        class_ids: int64 (B,), the class that each prompt means.
        num_points: N, at least 1.
        generator: of the points; torch's global one if None.

    Returns:
        Points float32 (B, N, 2) as (x, y) in pixels and labels (B, N): 1 positive, 0
        negative. A mask without pixels, or one without any pixel outside, has points of one
        label; one with neither has padding, -1.
    """
    found = [
        _points(ids, class_id, num_points, generator)
        for ids, class_id in zip(target.cpu(), class_ids.tolist(), strict=True)
    ]
    points, labels = zip(*found, strict=True)
    return torch.stack(points).to(target.device), torch.stack(labels).to(target.device)


def _points(
    ids: Tensor, class_id: int, num: int, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    inside, outside = ids == class_id, (ids != class_id) & (ids != IGNORE)
    num_positive = max(1, num - 1) if bool(inside.any()) else 0
    if not bool(outside.any()):
        num_positive = num if num_positive else 0
    positive = _pick(inside, num_positive, generator)
    negative = _pick(outside, num - num_positive, generator)
    none = torch.zeros(num - len(positive) - len(negative), 2)
    kinds = (POSITIVE, positive), (NEGATIVE, negative), (PADDING, none)
    labels = torch.cat([torch.full((len(points),), label) for label, points in kinds])
    return torch.cat([positive, negative, none]), labels


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
