"""Training and scoring SAM-SEG."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pydantic import Field
from torchvision.transforms.v2.functional import gaussian_blur

from trainers.data.labels import IGNORE
from trainers.losses.overlap import tversky_loss, weighted_bce
from trainers.losses.prompted import iou_head_loss
from trainers.metrics.segmentation import SegmentationMetrics
from trainers.models.options import read_options
from trainers.models.sam2.sam_task import SamOptions, SamTask
from trainers.models.sam_seg import SamSeg
from trainers.models.sam_seg_prompts import draw_points, with_corrections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor, nn

    from trainers.config import TrainConfig
    from trainers.models.base import Batch
    from trainers.models.sam2.interface import DecodedMasks, Pyramid

FEW_POINTS = (1, 1, 1, 2, 3, 5, 10, 20)
"""Numbers of points of which one is drawn where a prompt is to be like a person's."""


class SamSegOptions(SamOptions):
    """Model options of SAM-SEG."""

    num_prompts: int = Field(default=100, ge=1)
    """Points of a prompt in training, all but one positive."""
    num_test_prompts: int = Field(default=20, ge=1)
    """Points of a prompt from the ground truth in the oracle protocol."""
    prompt_dropout: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share of prompts without any point: what automatic segmentation learns from."""
    few_points_rate: float = Field(default=0.7, ge=0.0, le=1.0)
    """Share of the prompts with points that have few, as a person's clicks."""
    correction_rate: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share of those that are corrected once before they are learned from."""
    positive_weight: float = Field(default=1.0, gt=0.0)
    """How often a foreground pixel counts in the cross-entropy."""
    tversky_beta: float = Field(default=0.6, ge=0.0, le=1.0)
    """Weight of missed pixels in the Tversky loss; .5 is Dice."""
    iou_weight: float = Field(default=1.0, ge=0.0)
    """Weight of the IoU head's error."""
    smooth_sigma_px: float = Field(default=0.7, ge=0.0)
    """Deviation of the Gaussian that smooths the predicted probability."""


class PromptKind(Enum):
    """How a mask is asked for: by its class's tokens, by these and points, by points alone."""

    AUTOMATIC = 0
    TOLD = 1
    CLICKS = 2


class SamSegTask(SamTask):
    """The `Task` of SAM-SEG; see `SamSegOptions`."""

    name: ClassVar[str] = "sam_seg"
    options_kind: ClassVar[type[SamOptions]] = SamSegOptions

    def defaults(self, preset: str) -> Mapping[str, Any]:
        """Return the recipe of a preset.

        `best` trains the decoder of sam2-nano on half the prompts without any point, and on
        prompts as a person makes them, so that the result segments by itself and can be
        clicked with.

        `paper`: SAM-2 "large" at its own 1024 px, 99 positive points and 1 negative one from
        the ground truth, batches of 10, Adam, lr 1e-4, weight decay lr / 10,000, both divided
        by 10 after each epoch, 5 epochs, rotations and flips. It gives no formula for its loss
        that "heavily penalizes" missed pixels: here it is cross-entropy whose foreground
        pixels count three times, and Tversky with beta .7 (Salehi et al. 2017). Its weight
        decay cannot fall with the learning rate here; at 1e-8 it has no effect. Its "Gaussian
        normalization" of the masks is a Gaussian of 1 px. Its GradScaler only matters with
        precision "16-mixed", which needs a GPU. It never sees a tile without points, so it is
        validated with points from the ground truth, as published.
        """
        if preset == "paper":
            return {
                "epochs": 5,
                "batch_size": 10,
                "optimizer": "adam",
                "lr": 1e-4,
                "weight_decay": 1e-8,
                "schedule": "divide10",
                "augment": "orientation",
                "model_options": {
                    "sam": "sam2.1-large",
                    "input_size_px": 1024,
                    "prompt_dropout": 0.0,
                    "few_points_rate": 0.0,
                    "correction_rate": 0.0,
                    "positive_weight": 3.0,
                    "tversky_beta": 0.7,
                    "smooth_sigma_px": 1.0,
                    "min_tiles": 0,
                },
            }
        return {
            "epochs": 12,
            "batch_size": 4,
            "lr": 5e-4,
            "weight_decay": 1e-2,
            "warmup_steps": 20,
            "grad_clip": 1.0,
            "ema_decay": 0.99,
            "augment": "orientation",
        }

    def build_model(self, config: TrainConfig) -> nn.Module:
        """Return a SAM-SEG for the classes of the configuration, its SAM-2 untrained."""
        tile_sam = self.build_tile_sam(config, train_decoder=True)
        self._options = read_options(SamSegOptions, config)
        return SamSeg(tile_sam, num_classes=config.num_classes, seed=config.seed)

    def training_loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return cross-entropy + Tversky + the IoU head's error over one prompt a class and tile.

        Each prompt has points or none, and with points its class's tokens or none.
        """
        assert isinstance(model, SamSeg)
        target = batch["target"]
        pyramid = model.tile_sam.pyramid(batch["image"])
        tiles, class_ids = _all_prompts(len(target), model.num_classes, target.device)
        kinds = self._draw_kinds(len(tiles)).to(tiles.device)
        parts = [
            self._losses(model, pyramid, target, tiles[chosen], class_ids[chosen], kind)
            for kind in PromptKind
            if bool((chosen := kinds == kind.value).any())
        ]
        return _averaged(parts)

    def _draw_kinds(self, count: int) -> Tensor:
        """Draw the kind of each prompt, int64 (P,)."""
        dropout = self._options.prompt_dropout
        # a model that never does without points needs no tokens of its classes either
        told = 0.5 * (1.0 - dropout) if dropout else 0.0
        shares = torch.tensor([dropout, told, 1.0 - dropout - told])
        return torch.multinomial(shares, count, replacement=True)

    def _losses(
        self,
        model: SamSeg,
        pyramid: Pyramid,
        target: Tensor,
        tiles: Tensor,
        class_ids: Tensor,
        kind: PromptKind,
    ) -> dict[str, Tensor]:
        """Return each loss of each prompt, float (P,), by name."""
        ids, options = target[tiles], self._options
        valid, wanted = ids != IGNORE, (ids == class_ids[:, None, None]).float()
        if kind is PromptKind.CLICKS:
            # a click on metal means what goes on under vias, of which class ids say nothing
            valid = valid & ((ids == 0) | (wanted > 0))
        size_hw = (int(ids.shape[-2]), int(ids.shape[-1]))
        points = previous = None
        if kind is not PromptKind.AUTOMATIC:
            points = draw_points(ids, class_ids, self._num_points())
        if kind is PromptKind.CLICKS and torch.rand(()) < options.correction_rate:
            assert points is not None
            with torch.no_grad():
                previous = model.decode(pyramid, tiles, size_hw, points=points).logits
            # what does not count is right whatever is shown
            preds = torch.where(valid, previous[:, 0] > 0, wanted > 0)
            points = with_corrections(*points, preds, wanted > 0)
        decoded = model.decode(
            pyramid,
            tiles,
            size_hw,
            class_ids=None if kind is PromptKind.CLICKS else class_ids,
            points=points,
            previous=previous,
        )
        logits = decoded.logits[:, 0].float()
        entropy = weighted_bce(logits, wanted, valid, positive_weight=options.positive_weight)
        overlap = tversky_loss(logits, wanted, valid, beta=options.tversky_beta)
        iou = iou_head_loss(decoded.iou[:, 0].float(), logits, wanted)
        total = entropy + overlap + options.iou_weight * iou
        return {"loss": total, "cross_entropy": entropy, "tversky": overlap, "iou": iou}

    def _num_points(self) -> int:
        """Draw the number of points of the prompts of one kind in a batch."""
        few = FEW_POINTS[int(torch.randint(len(FEW_POINTS), ()))]
        is_few = bool(torch.rand(()) < self._options.few_points_rate)
        return few if is_few else self._options.num_prompts

    @torch.no_grad()
    def validate(self, model: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the metrics of `SamTask.validate`, and those with oracle prompts.

        The latter end in "_oracle"; they are all there is where the model never learned to do
        without points.
        """
        oracle = SegmentationMetrics(self._class_names)
        metrics = super().validate(model, self._scored(model, batches, oracle))
        found = oracle.compute()
        if self._options.prompt_dropout == 0:
            return {**found, "loss": metrics["loss"]}
        names = ("pixel_accuracy", "iou", "dice")
        return {**metrics, **{f"{name}_oracle": found[name] for name in names}}

    def _scored(
        self, model: nn.Module, batches: Iterable[Batch], oracle: SegmentationMetrics
    ) -> Iterator[Batch]:
        """Yield the batches, none kept, each after `oracle` has seen its answer to prompts."""
        for batch in batches:
            probs = self.predict_probs_prompted(model, batch["image"], batch["target"])
            oracle.update_batch(probs, batch)
            yield batch

    @torch.no_grad()
    def predict_probs(self, model: nn.Module, image: Tensor) -> Tensor:
        """Return the probability of each class, without any prompt; see `SegmentationTask`."""
        assert isinstance(model, SamSeg)
        return self._probs(model, image, None)

    @torch.no_grad()
    def predict_probs_prompted(self, model: nn.Module, image: Tensor, target: Tensor) -> Tensor:
        """Return the probability of each class, with points from the truth; see `PromptedTask`."""
        assert isinstance(model, SamSeg)
        tiles, class_ids = _all_prompts(len(target), model.num_classes, target.device)
        number = self._options.num_test_prompts
        # the pixels alone decide: the same image is asked the same whatever came before
        generator = torch.Generator().manual_seed(_seed_of(target))
        points = draw_points(target[tiles], class_ids, number, generator=generator)
        return self._probs(model, image, points)

    @torch.no_grad()
    def predict_iou(self, model: nn.Module, image: Tensor) -> Tensor:
        """Return what the IoU head says of each class's mask; see `SelfScoredTask`."""
        assert isinstance(model, SamSeg)
        said = self._decoded(model, image, None).iou[:, 0].float()
        return said.reshape(len(image), model.num_classes).clamp(0.0, 1.0)

    def _probs(self, model: SamSeg, image: Tensor, points: tuple[Tensor, Tensor] | None) -> Tensor:
        size_hw = (int(image.shape[-2]), int(image.shape[-1]))
        decoded = self._decoded(model, image, points)
        probs = self._smoothed(decoded.logits.sigmoid())
        probs = probs.reshape(len(image), model.num_classes, *size_hw)
        # each class was asked for by itself: where two are sure, they share the pixel
        return probs / probs.sum(dim=1, keepdim=True).clamp(min=1.0)

    def _decoded(
        self, model: SamSeg, image: Tensor, points: tuple[Tensor, Tensor] | None
    ) -> DecodedMasks:
        """Ask for each class of each tile, (B C, 1, H, W)."""
        size_hw = (int(image.shape[-2]), int(image.shape[-1]))
        tiles, class_ids = _all_prompts(len(image), model.num_classes, image.device)
        learned = self._options.prompt_dropout > 0 or points is None
        return model.decode(
            model.tile_sam.pyramid(image),
            tiles,
            size_hw,
            class_ids=class_ids if learned else None,
            points=points,
        )

    def _smoothed(self, probs: Tensor) -> Tensor:
        sigma = self._options.smooth_sigma_px
        if sigma <= 0:
            return probs
        radius = max(1, round(3 * sigma))
        radius = min(radius, min(probs.shape[-2:]) - 1)
        return gaussian_blur(probs, [2 * radius + 1] * 2, [sigma, sigma]) if radius else probs


def _all_prompts(num_tiles: int, num_classes: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the tile and the class of one prompt for each class of each tile, int64 (P,)."""
    tiles = torch.arange(num_tiles, device=device).repeat_interleave(num_classes)
    return tiles, torch.arange(1, num_classes + 1, device=device).repeat(num_tiles)


def _averaged(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean over all prompts of each loss; only "loss" carries a gradient."""
    means = {name: torch.cat([part[name] for part in parts]).mean() for name in parts[0]}
    return {name: value if name == "loss" else value.detach() for name, value in means.items()}


def _seed_of(target: Tensor) -> int:
    digest = hashlib.blake2b(target.cpu().contiguous().numpy().tobytes(), digest_size=7)
    return int.from_bytes(digest.digest(), "big")
