"""A detector's first stage: torchvision's region proposals, with hits shared out evenly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.rpn import (
    RegionProposalNetwork,
    concat_box_prediction_layers,
)
from torchvision.ops import box_iou

from trainers.models.detector_anchors import FixedAnchors
from trainers.models.detector_sizes import box_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torchvision.models.detection.image_list import ImageList

    from trainers.models.detector_anchors import LevelAnchors
    from trainers.models.detector_sizes import Boxes, DetectorSizes

_MISS_IOU = 0.3


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


class Proposals(RegionProposalNetwork):
    """torchvision's region proposals with a free beta, and as many hits for each object.

    A line across the tile has a hundred anchors with a large IoU, a via has one or two: where
    all of them are hits, nearly all that is learned is to find lines. As many hits for each
    object as in Zhang et al. 2020 (ATSS), section 3.2, but by IoU.
    """

    def __init__(self, anchors: Sequence[LevelAnchors], sizes: DetectorSizes) -> None:
        count = sizes.num_proposals
        super().__init__(
            FixedAnchors(anchors),
            _ProposalHead(sizes.channels, [len(level) for level in anchors]),
            fg_iou_thresh=sizes.proposal_iou,
            bg_iou_thresh=_MISS_IOU,
            batch_size_per_image=256,
            positive_fraction=0.5,
            pre_nms_top_n={"training": 2 * count, "testing": 2 * count},
            post_nms_top_n={"training": count, "testing": count},
            nms_thresh=0.7,
        )
        self._beta, self._hits = sizes.smooth_l1_beta, sizes.hits_per_object

    def assign_targets_to_anchors(
        self, anchors: list[Tensor], targets: list[Boxes]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return for each image's anchors 1, 0 or -1 (neither), and the boxes they belong to."""
        if self._hits is None:
            labels, boxes = super().assign_targets_to_anchors(anchors, targets)
            return labels, boxes
        found = [
            _best_for_each(target["boxes"], own, self._hits)
            for own, target in zip(anchors, targets, strict=True)
        ]
        return [labels for labels, _ in found], [boxes for _, boxes in found]

    def forward(
        self, images: ImageList, features: dict[str, Tensor], targets: list[Boxes] | None = None
    ) -> tuple[list[Tensor], Boxes]:
        """Return the proposals of each image, and the losses if targets are given.

        The losses do not depend on the mode, and only anchors that are in use are moved.
        """
        maps = list(features.values())
        answers = self.head(maps)
        counts = [level[0].numel() for level in answers[0]]
        anchors = self.anchor_generator(images, maps)[0]
        scores, moves = concat_box_prediction_layers(*answers)
        scores, moves = scores.view(-1, len(anchors)), moves.view(-1, len(anchors), 4)
        found = self._propose(scores.detach(), moves.detach(), anchors, counts, images)
        return found, {} if targets is None else self._losses(scores, moves, anchors, targets)

    def _propose(
        self, scores: Tensor, moves: Tensor, anchors: Tensor, counts: list[int], images: ImageList
    ) -> list[Tensor]:
        top = self._get_top_n_idx(scores, counts)
        kept = [min(self.pre_nms_top_n(), count) for count in counts]
        chosen = moves.gather(1, top[..., None].expand(-1, -1, 4))
        boxes = self.box_coder.decode(chosen.flatten(0, 1), [anchors[index] for index in top])
        boxes = boxes.view(*top.shape, 4)
        proposals: list[Tensor] = self.filter_proposals(
            boxes, scores.gather(1, top), images.image_sizes, kept
        )[0]
        return proposals

    def _losses(
        self, scores: Tensor, moves: Tensor, anchors: Tensor, targets: list[Boxes]
    ) -> Boxes:
        labels, owners = self.assign_targets_to_anchors([anchors] * len(targets), targets)
        hits, misses = self.fg_bg_sampler(labels)
        hit = torch.stack(hits).bool()
        sampled = hit | torch.stack(misses).bool()
        wanted = self.box_coder.encode_single(
            torch.stack(owners)[hit], anchors.expand_as(moves)[hit]
        )
        return {
            "rpn_objectness": functional.binary_cross_entropy_with_logits(
                scores[sampled], torch.stack(labels)[sampled]
            ),
            "rpn_box": box_loss(moves[hit], wanted, self._beta, int(sampled.sum())),
        }


def _best_for_each(boxes: Tensor, anchors: Tensor, hits: int) -> tuple[Tensor, Tensor]:
    """Return for each anchor 1 for a hit, 0 for a miss, -1 for neither, and its object's box."""
    if not len(boxes):
        return anchors.new_zeros(len(anchors)), torch.zeros_like(anchors)
    iou = box_iou(boxes, anchors)
    closest, owner = iou.max(dim=0)
    labels = torch.where(closest < _MISS_IOU, 0.0, -1.0)
    best, index = iou.topk(min(hits, len(anchors)), dim=1)
    is_hit = best > _MISS_IOU
    is_hit[:, 0] = True
    labels[index[is_hit]] = 1.0
    return labels, boxes[owner]
