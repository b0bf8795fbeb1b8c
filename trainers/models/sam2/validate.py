"""Validation of a promptable model: IoU after one and three simulated clicks."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from trainers.losses.prompted import mask_loss
from trainers.metrics.interactive import iou_by_clicks, mask_iou
from trainers.models.sam2.components import connected_net
from trainers.models.sam2.simulate import Session, prompt_tensors, start_sessions
from trainers.models.sam2.splitting import split_at_clicks
from trainers.models.sam2.targets import VIA

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from trainers.metrics.clicks import Click
    from trainers.models.base import Batch
    from trainers.models.sam2.interface import ImageFeatures, Sam2ImageModel

PROMPTS_PER_TILE = 4
NUM_CLICKS = 3
NET, LAYER, PART = range(3)


@torch.no_grad()
def validate_clicks(model: Sam2ImageModel, batches: Iterable[Batch]) -> dict[str, float]:
    """Return the mean IoU of each kind of mask over all prompts of all tiles.

    Keys: `layer_iou_1`, `net_iou_1`, `net_iou_3` for clicks on metal, `vias_iou_1`,
    `via_iou_1`, `via_iou_3` for clicks on vias (the layer, and one), `net_token_iou_1`,
    `part_iou_1`, `iou_error` (of the IoU head), `loss`, and `score`, the mean of those six.
    """
    values: dict[str, list[float]] = defaultdict(list)
    for batch in batches:
        features = model.encode(batch["image"])
        sessions, tiles = start_sessions(batch, prompts_per_tile=PROMPTS_PER_TILE)
        for session, tile in zip(sessions, tiles, strict=True):
            session.wanted, session.box_xyxy, session.mask = NET, None, None
            session.clicks = [session.anchor]
            _score_session(model, features.select([tile]), session, values)
    means = {name: float(np.mean(scores)) for name, scores in values.items()}
    scored = [means[name] for name in SCORED if name in means]
    return {**means, "score": float(np.mean(scored))}


SCORED = ("layer_iou_1", "net_iou_1", "net_iou_3", "vias_iou_1", "via_iou_1", "via_iou_3")


def _score_session(
    model: Sam2ImageModel,
    features: ImageFeatures,
    session: Session,
    values: dict[str, list[float]],
) -> None:
    first, target = session.anchor, session.targets()[NET]
    is_via = session.truth.semantic[first.y, first.x] == VIA
    _score_first_click(model, features, session, values, layer="vias" if is_via else "layer")

    def segment_net(clicks: Sequence[Click]) -> NDArray[np.bool_]:
        session.clicks = list(clicks)
        return _net_mask(model, features, session)

    ious = iou_by_clicks(
        segment_net, target, num_clicks=NUM_CLICKS, first=first, rng=session.rng, jitter=0.7
    )
    name = "via" if is_via else "net"
    values[f"{name}_iou_1"].append(ious[0])
    values[f"{name}_iou_3"].append(ious[-1])


def _net_mask(
    model: Sam2ImageModel, features: ImageFeatures, session: Session
) -> NDArray[np.bool_]:
    """Return the layer's pieces (H, W) under the clicks, else the net's, as the GUI does."""
    logits, _ = full_masks(model, features, session)
    wanted = [click for click in session.clicks if click.positive]
    for token in (LAYER, NET):
        pieces = connected_net(logits[token] > 0, wanted)
        if pieces.any():
            return split_at_clicks(pieces, logits[token], session.clicks)
    return np.asarray(logits[NET] > 0)


def _score_first_click(
    model: Sam2ImageModel,
    features: ImageFeatures,
    session: Session,
    values: dict[str, list[float]],
    *,
    layer: str,
) -> None:
    targets = session.targets()
    logits, predicted = full_masks(model, features, session)
    ious = [mask_iou(mask > 0, target) for mask, target in zip(logits, targets, strict=True)]
    for name, value in zip(("net_token", layer, "part"), ious, strict=True):
        values[f"{name}_iou_1"].append(value)
    values["iou_error"].append(float(np.abs(predicted - ious).mean()))
    losses = mask_loss(torch.from_numpy(logits), torch.from_numpy(targets).float())
    values["loss"].append(float(losses.mean()))


def full_masks(
    model: Sam2ImageModel, features: ImageFeatures, session: Session
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a session's logits (3, H, W) at full resolution and predicted IoU (3,)."""
    points_xy, labels = prompt_tensors([session], features.embedding.device)
    decoded = model.decode(features, points_xy, labels)
    logits: Tensor = functional.interpolate(
        decoded.logits.float(), features.size_hw, mode="bilinear"
    )
    return logits[0].cpu().numpy(), decoded.iou[0].float().cpu().numpy()
