"""Training and scoring SAM-DET."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from pydantic import Field

from trainers.models.detector import Detector
from trainers.models.detector_anchors import line_anchors, square_anchors
from trainers.models.detector_features import RESNET_CHANNELS, ResNetFeatures, SamAdapters
from trainers.models.detector_sizes import DetectorSizes
from trainers.models.found_objects import class_probs, instances, target_boxes
from trainers.models.options import read_options
from trainers.models.sam2.sam_task import SamOptions, SamTask
from trainers.models.sam_det import SamDet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from trainers.config import TrainConfig
    from trainers.models.base import Batch, Instance
    from trainers.models.detector_anchors import LevelAnchors
    from trainers.models.sam2.tile_sam import TileSam


_SHOWN_FROM = 0.5
"""Of the score threshold: weaker objects leave no trace in the probabilities."""


class SamDetOptions(SamOptions):
    """Model options of SAM-DET."""

    backbone: Literal["sam", "resnet50"] = "sam"
    """What the detector looks at: the frozen SAM-2's pyramid, or a ResNet-50 that learns."""
    backbone_weights: str | None = None
    """torchvision's resnet50 of ImageNet, a `.pth`; without it a ResNet-50 starts from nothing."""
    anchors: Literal["lines", "squares"] = "lines"
    """Boxes that the detector starts from; see `trainers.models.detector_anchors`."""
    channels: int = Field(default=64, ge=8, multiple_of=8)
    """Of the detector's maps over SAM-2's pyramid; a ResNet-50 has 256."""
    hidden: int = Field(default=256, ge=1)
    """Width of the detector's two fully connected layers."""
    num_proposals: int = Field(default=600, ge=1)
    """Boxes a tile that are looked at closely."""
    num_samples: int = Field(default=64, ge=1)
    """Of those, how many are learned from."""
    hits_per_object: int | None = Field(default=9, ge=1)
    """How many anchors are hits for an object, whatever its shape; None for all that fit."""
    proposal_iou: float = Field(default=0.7, ge=0.3, le=1.0)
    """IoU with an object from which an anchor fits."""
    smooth_l1_beta: float = Field(default=1 / 9, ge=0.0)
    """Where the box losses turn from quadratic to linear."""
    num_looks: int = Field(default=2, ge=1)
    """How often a box is looked at, and moved, when objects are detected."""
    nms_iou: float = Field(default=0.5, gt=0.0, le=1.0)
    """IoU from which the weaker of two boxes of a class is dropped."""
    min_score: float = Field(default=0.05, ge=0.0, lt=1.0)
    """Weaker boxes do not become instances."""
    score_threshold: float = Field(default=0.2, gt=0.0, lt=1.0)
    """Score from which an object counts in a mask of class ids.

    Low, because a box that is not exact has a low score, but its mask is right.
    """
    min_area_px: int = Field(default=4, ge=1)
    """Smaller objects of the truth are not learned."""
    prompts_per_step: int = Field(default=16, ge=1)
    """Boxes that become masks at once: a bound of memory."""
    box_margin_px: float = 1.0
    """By which a box grows before it prompts, in tile pixels."""
    clip_margin_px: float = Field(default=4.0, ge=0.0)
    """How far a mask may reach beyond its box, in tile pixels."""


class SamDetTask(SamTask):
    """The `Task` of SAM-DET; see `SamDetOptions`."""

    name: ClassVar[str] = "sam_det"
    options_kind: ClassVar[type[SamOptions]] = SamDetOptions

    def defaults(self, preset: str) -> Mapping[str, Any]:
        """Return the recipe of a preset.

        `best` detects over sam2-nano's pyramid with 1.2 million weights: on one CPU core about
        a quarter of a second for a step of 4 tiles of 256² whose features are kept.

        `paper`: part 1, SAM-DET, of the paper, which follows RSPrompter's repository
        (configs/rsprompter/_base_/samdet.py) where it says nothing: AdamW, lr 5e-5, weight
        decay .05, 100 epochs, 50 steps of warm-up and a cosine down to a thousandth, batch 4,
        1024 px, one anchor area a level at three ratios, hits from IoU .7, 1,000 proposals,
        512 samples, smooth L1 with beta 1, two layers of 1024, boxes kept from .05 with NMS .5.
        Where it is unclear:
        - its "small" model is SAM 2.1 small;
        - "all but the detector was frozen" is read as a detector over the frozen encoder;
          the option backbone=resnet50 with backbone_weights is the repository's own detector;
        - the repository flips half of the images; here all eight rotations and flips are shown;
        - how boxes become a semantic mask is not said: here objects with a score above .5 do.
        """
        if preset == "paper":
            return {
                "epochs": 100,
                "batch_size": 4,
                "optimizer": "adamw",
                "lr": 5e-5,
                "weight_decay": 0.05,
                "schedule": "cosine",
                "warmup_steps": 50,
                "min_lr_ratio": 1e-3,
                "augment": "orientation",
                "model_options": PAPER_OPTIONS,
            }
        return {
            "epochs": 50,
            "batch_size": 4,
            "lr": 1e-3,
            "weight_decay": 0.02,
            "schedule": "cosine",
            "warmup_steps": 50,
            "grad_clip": 5.0,
            "ema_decay": 0.99,
            "augment": "orientation",
        }

    def build_model(self, config: TrainConfig) -> nn.Module:
        """Return a detector for the classes of the configuration, and the SAM-2 it prompts."""
        self._options = read_options(SamDetOptions, config)
        tile_sam = self.build_tile_sam(config, train_decoder=False)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            return build_sam_det(tile_sam, self._options, config)

    def prepare(self, model: nn.Module, config: TrainConfig, *, is_new: bool) -> None:
        """Load the weights of the SAM-2, and of a ResNet-50 if there are any."""
        super().prepare(model, config, is_new=is_new)
        path = self._options.backbone_weights
        assert isinstance(model, SamDet)
        if is_new and path is not None and isinstance(model.features, ResNetFeatures):
            model.features.load(Path(path).expanduser())

    def training_loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return the sum of the detector's four losses, and each; see `Detector.losses`."""
        assert isinstance(model, SamDet)
        targets = target_boxes(batch["target"], min_area_px=self._options.min_area_px)
        parts = model.losses(batch["image"], targets)
        total = torch.stack(list(parts.values())).sum()
        return {"loss": total, **{name: part.detach() for name, part in parts.items()}}

    @torch.no_grad()
    def predict_probs(self, model: nn.Module, image: Tensor) -> Tensor:
        """Return the probability of each foreground class; see `class_probs`."""
        assert isinstance(model, SamDet)
        threshold, count = self._options.score_threshold, len(self._class_names)
        found = model.find(image, min_score=_SHOWN_FROM * threshold)
        return torch.stack([class_probs(each, count, threshold=threshold) for each in found])

    @torch.no_grad()
    def predict_instances(self, model: nn.Module, image: Tensor) -> list[Instance]:
        """Return the objects of one image, best first; see `found_objects.instances`."""
        assert isinstance(model, SamDet)
        return instances(model.find(image)[0], threshold=self._options.score_threshold)

    def proposal_score(self, config: TrainConfig) -> float:
        """Return the score from which an object counts in a mask; see `ScoredTask`."""
        return read_options(SamDetOptions, config).score_threshold


PAPER_OPTIONS: dict[str, Any] = {
    "sam": "sam2.1-small",
    "input_size_px": 1024,
    "anchors": "squares",
    "channels": 256,
    "hidden": 1024,
    "num_proposals": 1000,
    "num_samples": 512,
    "hits_per_object": None,
    "smooth_l1_beta": 1.0,
    "num_looks": 1,
    "score_threshold": 0.5,
    "min_tiles": 0,
    "min_area_px": 1,
}


def build_sam_det(tile_sam: TileSam, options: SamDetOptions, config: TrainConfig) -> SamDet:
    """Return the model; its new weights are drawn from torch's global generator."""
    features = _features(tile_sam, options)
    sizes = DetectorSizes(
        channels=options.channels if isinstance(features, SamAdapters) else RESNET_CHANNELS,
        hidden=options.hidden,
        num_proposals=options.num_proposals,
        num_samples=options.num_samples,
        hits_per_object=options.hits_per_object,
        proposal_iou=options.proposal_iou,
        smooth_l1_beta=options.smooth_l1_beta,
        num_looks=options.num_looks,
        nms_iou=options.nms_iou,
        min_score=options.min_score,
    )
    return SamDet(
        tile_sam,
        features,
        Detector(config.num_classes, _anchors(tile_sam, options, config), sizes),
        prompts_per_step=options.prompts_per_step,
        box_margin_px=options.box_margin_px,
        clip_margin_px=options.clip_margin_px,
    )


def _features(tile_sam: TileSam, options: SamDetOptions) -> SamAdapters | ResNetFeatures:
    if options.backbone == "sam":
        return SamAdapters(tile_sam.width, options.channels)
    return ResNetFeatures(pretrained=options.backbone_weights is not None)


def _anchors(
    tile_sam: TileSam, options: SamDetOptions, config: TrainConfig
) -> tuple[LevelAnchors, ...]:
    if options.anchors == "squares":
        return square_anchors()
    side_px = tile_sam.sam.input_size_px
    return line_anchors(scale=1.0 if side_px is None else side_px / config.image_size)
