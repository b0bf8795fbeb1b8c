"""Training sam2-nano on the synthetic generator with simulated clicks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch.nn import functional

from trainers.data.prompted import SyntheticPromptDataset
from trainers.errors import TrainingError
from trainers.losses.prompted import edge_weights, iou_head_loss, mask_loss
from trainers.models.base import Batch, TaskData
from trainers.models.sam2.nano import Sam2Nano, build_sam2_nano
from trainers.models.sam2.simulate import (
    Session,
    mask_prompts,
    prompt_tensors,
    start_sessions,
)
from trainers.models.sam2.validate import validate_clicks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from trainers.config import TrainConfig
    from trainers.models.sam2.interface import DecodedMasks, ImageFeatures

PROMPTS_PER_TILE = 5
CORRECTION_ROUNDS = (0, 1, 1, 3)
"""Correction clicks before the click that is learned from; one is drawn for each batch."""
TOKEN_WEIGHTS = (1.0, 1.0, 0.5)
"""Weight of the net, layer and part masks in the loss."""
IOU_WEIGHT = 2.0
VALIDATION_SEED = 900_001
"""Generator seed of the validation tiles; training seeds stay below it."""


class Sam2NanoTask:
    """The `Task` of sam2-nano.

    Model options: `tiles_per_epoch`, `num_val_tiles`, `synth_preset`, `width`, `num_blocks`.
    """

    name: ClassVar[str] = "sam2-nano"
    selection_metric: ClassVar[str] = "score"
    needs_data: ClassVar[bool] = False

    def defaults(self, preset: str) -> Mapping[str, Any]:
        """Return the recipe of the checkpoint that ships; there is one preset."""
        return {
            "epochs": 28,
            "batch_size": 8,
            "image_size": 256,
            "lr": 6e-4,
            "weight_decay": 0.02,
            "schedule": "cosine",
            "warmup_steps": 200,
            "grad_clip": 1.0,
            "ema_decay": 0.997,
            "precision": "bf16-mixed",
            "model_options": {
                "synth_preset": "train",
                "tiles_per_epoch": 1200,
                "num_val_tiles": 48,
            },
        }

    def build_model(self, config: TrainConfig) -> nn.Module:
        """Return a sam2-nano initialised from the seed."""
        options = {
            k: config.model_options[k] for k in ("width", "num_blocks") if k in config.model_options
        }
        return build_sam2_nano(seed=config.seed, **options)

    def build_data(self, config: TrainConfig, run_dir: Path) -> TaskData:
        """Return endless synthetic tiles for training and a fixed set for validation."""
        if config.data is not None:
            raise TrainingError(
                "sam2-nano trains on the synthetic generator: leave out --data. "
                "To adapt it to your own tiles, train sam_seg."
            )
        options, size_px = config.model_options, config.image_size
        tiles = partial(SyntheticPromptDataset, preset=options["synth_preset"], size_px=size_px)
        return TaskData(
            tiles(seed=config.seed, num_tiles=int(options["tiles_per_epoch"])),
            tiles(seed=VALIDATION_SEED, num_tiles=int(options["num_val_tiles"])),
        )

    def training_loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Click, correct 0 to 3 times without gradient, then learn from the next prediction."""
        assert isinstance(model, Sam2Nano)
        features, class_logits = model.encode_with_classes(batch["image"])
        dense = _dense_loss(class_logits, batch["semantic"])
        sessions, tiles = start_sessions(batch, prompts_per_tile=PROMPTS_PER_TILE)
        if not sessions:
            return {"loss": dense, "dense": dense.detach()}
        features = features.select(tiles)
        previous = simulate_corrections(model, features, sessions, _num_rounds(batch))
        decoded = decode(model, features, sessions, previous)
        mask, iou = _prompt_losses(decoded, sessions)
        loss = mask + iou + dense
        return {"loss": loss, "mask": mask.detach(), "iou": iou.detach(), "dense": dense.detach()}

    def validate(self, model: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        """Return mean IoU of layer, net and part after 1 and 3 clicks; `score` is their mean."""
        assert isinstance(model, Sam2Nano)
        return validate_clicks(model, batches)


def decode(
    model: Sam2Nano, features: ImageFeatures, sessions: list[Session], previous: Tensor | None
) -> DecodedMasks:
    """Decode every session's clicks."""
    points_xy, labels = prompt_tensors(sessions, features.embedding.device)
    return model.decode(features, points_xy, labels, previous)


@torch.no_grad()
def simulate_corrections(
    model: Sam2Nano, features: ImageFeatures, sessions: list[Session], num_rounds: int
) -> Tensor | None:
    """Let each session add up to `num_rounds` corrections; return its last logits."""
    device = features.embedding.device
    wanted = torch.tensor([s.wanted for s in sessions], device=device)
    previous = mask_prompts(sessions, device)
    for _ in range(num_rounds):
        decoded = decode(model, features, sessions, previous)
        previous = decoded.logits[torch.arange(len(sessions)), wanted][:, None]
        preds = (previous[:, 0] > 0).cpu().numpy()
        for session, mask in zip(sessions, preds, strict=True):
            session.correct(mask)
    return previous


def _num_rounds(batch: Batch) -> int:
    return CORRECTION_ROUNDS[int(batch["seed"][0]) % len(CORRECTION_ROUNDS)]


def _dense_loss(class_logits: Tensor, semantic: Tensor) -> Tensor:
    logits = functional.interpolate(class_logits, scale_factor=2, mode="bilinear")
    return functional.cross_entropy(logits.float(), semantic[:, ::2, ::2].long())


def _prompt_losses(decoded: DecodedMasks, sessions: list[Session]) -> tuple[Tensor, Tensor]:
    truth = np.stack([session.targets() for session in sessions])
    target = torch.from_numpy(truth).to(decoded.logits.device).float()
    logits, is_known = decoded.logits.float(), torch.ones_like(decoded.iou)
    is_known[:, -1] = is_known.new_tensor([session.has_part for session in sessions])
    weights = is_known * logits.new_tensor(TOKEN_WEIGHTS)
    mask = (mask_loss(logits, target, edge_weights(target)) * weights).mean()
    iou = (iou_head_loss(decoded.iou.float(), logits, target) * is_known).mean()
    return mask, IOU_WEIGHT * iou
