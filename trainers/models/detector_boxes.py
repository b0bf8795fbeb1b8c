"""A detector's second stage: class and box of each proposal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import MultiScaleRoIAlign, clip_boxes_to_image

from trainers.models.detector_sizes import box_loss

if TYPE_CHECKING:
    from trainers.models.detector_sizes import Boxes, DetectorSizes, Size

_POOLED = ("0", "1", "2", "3")
_POOL_SIZE = 7


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


class BoxHeads(RoIHeads):
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
        self._beta, self._num_looks = sizes.smooth_l1_beta, sizes.num_looks

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
        box = box_loss(moved, torch.cat(wanted)[hit], self._beta, len(label))
        return functional.cross_entropy(logits, label), box

    def detect(
        self, maps: dict[str, Tensor], proposals: list[Tensor], sizes_hw: list[Size]
    ) -> list[Boxes]:
        """Return boxes, scores and labels of each image."""
        logits, deltas = self.box_head(self.box_roi_pool(maps, proposals, sizes_hw))
        for _ in range(self._num_looks - 1):
            proposals = self._moved(logits, deltas, proposals, sizes_hw)
            logits, deltas = self.box_head(self.box_roi_pool(maps, proposals, sizes_hw))
        found = self.postprocess_detections(logits, deltas, proposals, sizes_hw)
        names = ("boxes", "scores", "labels")
        return [dict(zip(names, image, strict=True)) for image in zip(*found, strict=True)]

    def _moved(
        self, logits: Tensor, deltas: Tensor, proposals: list[Tensor], sizes_hw: list[Size]
    ) -> list[Tensor]:
        """Return each proposal where it should be if it shows its likeliest object."""
        likeliest = logits[:, 1:].argmax(dim=1) + 1
        boxes = self.box_coder.decode(deltas, proposals)
        chosen = boxes[torch.arange(len(boxes), device=boxes.device), likeliest]
        parts = torch.split(chosen, [len(own) for own in proposals])
        return [clip_boxes_to_image(own, size) for own, size in zip(parts, sizes_hw, strict=True)]
