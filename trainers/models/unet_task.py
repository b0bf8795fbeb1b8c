"""Training and scoring the U-Net."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict, Field

from trainers.data.dataset import TrainingTiles, ValidationTiles
from trainers.data.snapshot import read_snapshot
from trainers.data.unlabelled import UnlabelledTiles
from trainers.data.warp import Warps
from trainers.errors import TrainingError
from trainers.losses.segmentation import cross_entropy, foreground_probs, soft_dice
from trainers.metrics.segmentation import SegmentationMetrics
from trainers.models.base import Batch, TaskData
from trainers.models.options import read_options
from trainers.models.unet import PAPER_WIDTHS, build_unet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from trainers.config import TrainConfig


class UNetOptions(BaseModel):
    """Model options of the U-Net."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    widths: tuple[int, ...] = Field(default=(8, 16, 32, 64, 128), min_length=2)
    """Channels of each level, finest first."""
    dice_weight: float = Field(default=1.0, ge=0.0)
    """Weight of the Dice loss beside cross-entropy; 0 for cross-entropy alone."""
    min_crops: int = Field(default=32, ge=0)
    """A smaller data set is gone through several times an epoch to reach so many crops."""


class UNetTask:
    """The `Task` of the U-Net; see `UNetOptions`."""

    name: ClassVar[str] = "unet"
    selection_metric: ClassVar[str] = "iou"
    needs_data: ClassVar[bool] = True

    def defaults(self, preset: str) -> Mapping[str, Any]:
        """Return the recipe of a preset.

        `best` is small and fast on a CPU: a tenth of a second for a tile of 256² on one core,
        forward and backward. Batches are small, because few labelled tiles give few steps.

        `paper`: 64 to 1024 channels, BCEWithLogits, Adam, lr 1e-5, 5 epochs, rotations and
        flips. The paper does not state the U-Net's batch and weight decay; those of its
        SAM-SEG are taken, 10 and lr / 10,000. Its GradScaler only matters with precision
        "16-mixed", which needs a GPU.
        """
        if preset == "paper":
            return {
                "epochs": 5,
                "batch_size": 10,
                "optimizer": "adam",
                "lr": 1e-5,
                "weight_decay": 1e-9,
                "schedule": "constant",
                "augment": "orientation",
                "model_options": {"widths": PAPER_WIDTHS, "dice_weight": 0.0, "min_crops": 0},
            }
        return {
            "epochs": 20,
            "batch_size": 4,
            "lr": 2e-3,
            "warmup_steps": 10,
            "grad_clip": 5.0,
        }

    def build_model(self, config: TrainConfig) -> nn.Module:
        """Return a U-Net for the classes of the configuration."""
        if not config.class_names:
            raise TrainingError("The U-Net needs class_names; they come from the data or a run.")
        self._class_names, self._options = config.class_names, read_options(UNetOptions, config)
        return build_unet(
            num_classes=config.num_classes, widths=self._options.widths, seed=config.seed
        )

    def build_data(self, config: TrainConfig, run_dir: Path) -> TaskData:
        """Return random crops of the training tiles, and windows over the validation tiles."""
        snapshot = read_snapshot(run_dir / "dataset")
        size_px, unlabelled = config.image_size, None
        min_crops = read_options(UNetOptions, config).min_crops
        if snapshot.unlabelled:
            unlabelled = UnlabelledTiles(snapshot.unlabelled, size_px=size_px, seed=config.seed)
            min_crops = max(min_crops, len(unlabelled))  # an epoch shows them all
        train = TrainingTiles(
            snapshot.of("train"),
            size_px=size_px,
            seed=config.seed,
            augment=config.augment,
            min_crops=min_crops,
            warps=Warps.of(config),
        )
        val = ValidationTiles(snapshot.of("val"), size_px=size_px)
        return TaskData(train, val, unlabelled)

    def training_loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return cross-entropy + weight · soft Dice; pixels of `IGNORE` do not count."""
        return self._losses(model(batch["image"]), batch["target"])

    @torch.no_grad()
    def validate(self, model: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the mean loss and the metrics of `SegmentationMetrics`."""
        metrics, losses = SegmentationMetrics(self._class_names), []
        for batch in batches:
            logits = model(batch["image"])
            losses += [float(self._losses(logits, batch["target"])["loss"])] * len(logits)
            metrics.update_batch(foreground_probs(logits), batch)
        return {"loss": sum(losses) / len(losses), **metrics.compute()}

    def window_px(self, config: TrainConfig) -> int:
        """Return the side of the largest image that is predicted in one piece."""
        return 512

    @torch.no_grad()
    def predict_probs(self, model: nn.Module, image: Tensor) -> Tensor:
        """Return the probability of each foreground class; see `SegmentationTask`."""
        return foreground_probs(model(image))

    def _losses(self, logits: Tensor, target: Tensor) -> dict[str, Tensor]:
        entropy = cross_entropy(logits, target)
        if not self._options.dice_weight:
            return {"loss": entropy}
        overlap = soft_dice(logits, target)
        return {
            "loss": entropy + self._options.dice_weight * overlap,
            "cross_entropy": entropy.detach(),
            "dice_loss": overlap.detach(),
        }
