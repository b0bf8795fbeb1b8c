"""A Faster R-CNN over given feature maps: torchvision's parts, with losses in any mode."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.ops import MultiScaleRoIAlign

from trainers.models.detector_anchors import FixedAnchors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainers.models.detector_anchors import LevelAnchors

Size = tuple[int, int]
Boxes = dict[str, Tensor]
"""Of one image: "boxes" float32 (N, 4) as xyxy edges in px, "labels" int64 (N,), 1, 2, …"""
_POOLED = ("0", "1", "2", "3")
_POOL_SIZE = 7


@dataclass(frozen=True)
class DetectorSizes:
    """How much a detector computes, and what counts as a hit while it learns.

    Attributes:
        channels: of the feature maps.
        hidden: width of the two fully connected layers.
        num_proposals: boxes an image that are looked at closely.
        num_samples: of those, how many an image are learned from.
        proposal_iou: IoU with an object from which an anchor is a hit; below .3 is a miss.
        smooth_l1_beta: where the box losses turn from quadratic to linear.
        nms_iou: IoU from which the weaker of two boxes of a class is dropped.
        min_score: weaker boxes are dropped.
    """

    channels: int
    hidden: int
    num_proposals: int
    num_samples: int
    proposal_iou: float
    smooth_l1_beta: float
    nms_iou: float
    min_score: float


class Detector(nn.Module):
    """Finds boxes of C classes in feature maps at strides 4, 8, 16, 32 and 64.

    Source: Ren et al. 2015 (Faster R-CNN), with the heads of Lin et al. 2017 (FPN), section 4.

    Args:
        num_classes: foreground classes.
        anchors: of each of the five levels; a level without any proposes nothing.
        sizes: see `DetectorSizes`.
    """

    def __init__(
        self, num_classes: int, anchors: Sequence[LevelAnchors], sizes: DetectorSizes
    ) -> None:
        super().__init__()
        self._levels = [i for i, level in enumerate(anchors) if level]
        self.proposals = _Proposals([anchors[i] for i in self._levels], sizes)
        self.boxes = _BoxHeads(num_classes, sizes)

    def losses(self, maps: Sequence[Tensor], size_hw: Size, targets: list[Boxes]) -> Boxes:
        """Return the four losses, each a mean over what was sampled, all scalars.

        Args:
            maps: float (B, C, h, w), finest first.
            size_hw: of the images that they cover.
            targets: the objects of each image; there may be none.
        """
        images, named = _images(maps, size_hw), self._named(maps)
        with _in_training(self.proposals):
            proposals, found = self.proposals(images, self._proposing(named), targets)
        classifier, box = self.boxes.losses(named, proposals, images.image_sizes, targets)
        return {
            "rpn_objectness": found["loss_objectness"],
            "rpn_box": found["loss_rpn_box_reg"],
            "classifier": classifier,
            "box": box,
        }

    @torch.no_grad()
    def detect(self, maps: Sequence[Tensor], size_hw: Size) -> list[Boxes]:
        """Return the boxes of each image with their "scores", float32 (N,) in 0..1, best first."""
        images, named = _images(maps, size_hw), self._named(maps)
        proposals, _ = self.proposals(images, self._proposing(named))
        return self.boxes.detect(named, proposals, images.image_sizes)

    def _named(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        return {str(i): level.float() for i, level in enumerate(maps)}

    def _proposing(self, named: dict[str, Tensor]) -> dict[str, Tensor]:
        return {str(i): named[str(i)] for i in self._levels}


def _images(maps: Sequence[Tensor], size_hw: Size) -> ImageList:
    """Return what torchvision wants to know of images that it does not see."""
    count = maps[0].shape[0]
    return ImageList(maps[0].new_empty(()).expand(count, 1, *size_hw), [size_hw] * count)


@contextmanager
def _in_training(module: nn.Module) -> Iterator[None]:
    """Let a part without dropout or batch norm compute its losses, whatever its mode."""
    mode = module.training
    module.train()
    try:
        yield
    finally:
        module.train(mode)


class _ProposalHead(nn.Module):
    """A 3×3 convolution that all levels share, and each level's own answers."""

    def __init__(self, channels: int, counts: Sequence[int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.objectness = nn.ModuleList(nn.Conv2d(channels, n, 1) for n in counts)
        self.deltas = nn.ModuleList(nn.Conv2d(channels, 4 * n, 1) for n in counts)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.01)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, maps: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        hidden = [functional.relu(self.conv(level)) for level in maps]
        # boxes need full precision, whatever autocast makes of the convolutions
        found = [
            [layer(level).float() for layer, level in zip(layers, hidden, strict=True)]
            for layers in (self.objectness, self.deltas)
        ]
        return found[0], found[1]


class _Proposals(RegionProposalNetwork):
    """torchvision's region proposals with a free beta."""

    def __init__(self, anchors: Sequence[LevelAnchors], sizes: DetectorSizes) -> None:
        count = sizes.num_proposals
        super().__init__(
            FixedAnchors(anchors),
            _ProposalHead(sizes.channels, [len(level) for level in anchors]),
            fg_iou_thresh=sizes.proposal_iou,
            bg_iou_thresh=0.3,
            batch_size_per_image=256,
            positive_fraction=0.5,
            pre_nms_top_n={"training": 2 * count, "testing": count},
            post_nms_top_n={"training": count, "testing": count},
            nms_thresh=0.7,
        )
        self._beta = sizes.smooth_l1_beta

    def compute_loss(
        self,
        objectness: Tensor,
        pred_bbox_deltas: Tensor,
        labels: list[Tensor],
        regression_targets: list[Tensor],
    ) -> tuple[Tensor, Tensor]:
        hits, misses = self.fg_bg_sampler(labels)
        hit, miss = torch.cat(hits).nonzero()[:, 0], torch.cat(misses).nonzero()[:, 0]
        sampled = torch.cat([hit, miss])
        found = functional.binary_cross_entropy_with_logits(
            objectness.flatten()[sampled], torch.cat(labels)[sampled]
        )
        moved = _smooth_l1(
            pred_bbox_deltas[hit], torch.cat(regression_targets)[hit], self._beta, len(sampled)
        )
        return found, moved


class _BoxHead(nn.Module):
    """Two fully connected layers, then class and box of each region."""

    def __init__(self, num_classes: int, sizes: DetectorSizes) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(sizes.channels * _POOL_SIZE**2, sizes.hidden),
            nn.ReLU(),
            nn.Linear(sizes.hidden, sizes.hidden),
            nn.ReLU(),
        )
        self.classes = nn.Linear(sizes.hidden, num_classes + 1)
        self.deltas = nn.Linear(sizes.hidden, 4 * (num_classes + 1))

    def forward(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.layers(regions)
        return self.classes(hidden).float(), self.deltas(hidden).float()


class _BoxHeads(RoIHeads):
    """torchvision's second stage, its losses and its answers apart."""

    def __init__(self, num_classes: int, sizes: DetectorSizes) -> None:
        super().__init__(
            # as many samples as a region has cells: a line across the tile is 64 of them long
            MultiScaleRoIAlign(list(_POOLED), _POOL_SIZE, sampling_ratio=0),
            _BoxHead(num_classes, sizes),
            None,
            fg_iou_thresh=0.5,
            bg_iou_thresh=0.5,
            batch_size_per_image=sizes.num_samples,
            positive_fraction=0.25,
            bbox_reg_weights=None,
            score_thresh=sizes.min_score,
            nms_thresh=sizes.nms_iou,
            detections_per_img=100,
        )
        self._beta = sizes.smooth_l1_beta

    def losses(
        self,
        maps: dict[str, Tensor],
        proposals: list[Tensor],
        sizes_hw: list[Size],
        targets: list[Boxes],
    ) -> tuple[Tensor, Tensor]:
        """Return the losses of classes and boxes."""
        proposals, _, labels, wanted = self.select_training_samples(proposals, targets)
        logits, deltas = self.box_head(self.box_roi_pool(maps, proposals, sizes_hw))
        label = torch.cat(labels)
        hit = label.nonzero()[:, 0]
        moved = deltas.view(len(label), -1, 4)[hit, label[hit]]
        box = _smooth_l1(moved, torch.cat(wanted)[hit], self._beta, len(label))
        return functional.cross_entropy(logits, label), box

    def detect(
        self, maps: dict[str, Tensor], proposals: list[Tensor], sizes_hw: list[Size]
    ) -> list[Boxes]:
        """Return boxes, scores and labels of each image."""
        logits, deltas = self.box_head(self.box_roi_pool(maps, proposals, sizes_hw))
        found = self.postprocess_detections(logits, deltas, proposals, sizes_hw)
        names = ("boxes", "scores", "labels")
        return [dict(zip(names, image, strict=True)) for image in zip(*found, strict=True)]


def _smooth_l1(preds: Tensor, target: Tensor, beta: float, num_samples: int) -> Tensor:
    """Return the sum over the hits, as a mean over hits and misses; Girshick 2015, eq. 3."""
    total = functional.smooth_l1_loss(preds, target, beta=beta, reduction="sum")
    return total / max(1, num_samples)
