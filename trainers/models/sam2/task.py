"""Training sam2-nano on the synthetic generator with simulated clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch.nn import functional

from trainers.data.prompted import SyntheticPromptDataset
from trainers.errors import TrainingError
from trainers.losses.prompted import iou_head_loss, mask_loss
from trainers.models.base import Batch, TaskData
from trainers.models.sam2.interface import DecodedMasks, ImageFeatures
from trainers.models.sam2.nano import Sam2Nano, build_sam2_nano
from trainers.models.sam2.simulate import (
    LOSS_STRIDE,
    Session,
    prompt_tensors,
    start_sessions,
)
from trainers.models.sam2.validate import validate_clicks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from trainers.config import TrainConfig

PROMPTS_PER_TILE = 4
CORRECTION_ROUNDS = (0, 0, 1, 3)
"""Correction clicks before the click that is learned from; one is drawn for each batch."""
TOKEN_WEIGHTS = (1.0, 1.0, 0.7)
"""Weight of the net, layer and part masks in the loss."""
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
            "epochs": 14,
            "batch_size": 8,
            "image_size": 256,
            "lr": 6e-4,
            "weight_decay": 0.02,
            "schedule": "cosine",
            "warmup_steps": 150,
            "grad_clip": 1.0,
            "ema_decay": 0.995,
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
        preset = str(options.get("synth_preset", "mixed"))
        train = SyntheticPromptDataset(
            preset=preset,
            seed=config.seed,
            num_tiles=int(options.get("tiles_per_epoch", 1000)),
            size_px=size_px,
        )
        val = SyntheticPromptDataset(
            preset=preset,
            seed=VALIDATION_SEED,
            num_tiles=int(options.get("num_val_tiles", 64)),
            size_px=size_px,
        )
        return TaskData(train, val)

    def training_loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Click, correct 0 to 3 times without gradient, then learn from the next prediction."""
        assert isinstance(model, Sam2Nano)
        features, class_logits = model.encode_with_classes(batch["image"])
        dense = _dense_loss(class_logits, batch["semantic"])
        sessions, tiles = start_sessions(batch, prompts_per_tile=PROMPTS_PER_TILE)
        if not sessions:
            return {"loss": dense, "dense": dense.detach()}
        features = select(features, tiles)
        previous = simulate_corrections(model, features, sessions, _num_rounds(batch))
        decoded = decode(model, features, sessions, previous)
        mask, iou = _prompt_losses(decoded, sessions)
        loss = mask + iou + dense
        return {"loss": loss, "mask": mask.detach(), "iou": iou.detach(), "dense": dense.detach()}

    def validate(self, model: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        """Return mean IoU of layer, net and part after 1 and 3 clicks; `score` is their mean."""
        assert isinstance(model, Sam2Nano)
        return validate_clicks(model, batches)


def select(features: ImageFeatures, tiles: list[int]) -> ImageFeatures:
    """Return the features of one tile for each prompt."""
    index = torch.tensor(tiles, device=features.embedding.device)
    fine, coarse = features.high_res
    return ImageFeatures(features.embedding[index], (fine[index], coarse[index]), features.size_hw)


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
    wanted = torch.tensor([s.wanted for s in sessions], device=features.embedding.device)
    previous: Tensor | None = None
    for _ in range(num_rounds):
        decoded = decode(model, features, sessions, previous)
        previous = decoded.logits[torch.arange(len(sessions)), wanted][:, None]
        preds = (upsample(previous)[:, 0] > 0).cpu().numpy()
        for session, mask in zip(sessions, preds, strict=True):
            session.correct(mask)
    return previous


def upsample(logits: Tensor) -> Tensor:
    """Bring logits from stride 4 to the stride of the loss."""
    return functional.interpolate(
        logits, scale_factor=4 // LOSS_STRIDE, mode="bilinear", align_corners=False
    )


def _num_rounds(batch: Batch) -> int:
    return CORRECTION_ROUNDS[int(batch["seed"][0]) % len(CORRECTION_ROUNDS)]


def _dense_loss(class_logits: Tensor, semantic: Tensor) -> Tensor:
    logits = functional.interpolate(class_logits, scale_factor=2, mode="bilinear")
    return functional.cross_entropy(logits, semantic[:, ::2, ::2].long())


def _prompt_losses(decoded: DecodedMasks, sessions: list[Session]) -> tuple[Tensor, Tensor]:
    truth = np.stack([session.targets() for session in sessions])
    target = torch.from_numpy(truth).to(decoded.logits.device).float()
    target = functional.avg_pool2d(target, LOSS_STRIDE)
    logits = upsample(decoded.logits)
    weights = logits.new_tensor(TOKEN_WEIGHTS)
    mask = (mask_loss(logits, target) * weights).mean()
    iou = iou_head_loss(decoded.iou, logits, target).mean()
    return mask, iou
