"""How large a detector is, and the box loss of both its stages."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

Size = tuple[int, int]
"""Height and width in pixels."""
Boxes = dict[str, Tensor]
"""Of one image: "boxes" float32 (N, 4) as xyxy edges in px, "labels" int64 (N,), 1, 2, …"""


@dataclass(frozen=True)
class DetectorSizes:
    """How much a detector computes, and what counts as a hit while it learns.

    Attributes:
        channels: of the feature maps.
        hidden: width of the two fully connected layers.
        num_proposals: boxes an image that are looked at closely.
        num_samples: of those, how many an image are learned from.
        hits_per_object: how many anchors, the best for each object, are hits where they have an
            IoU above .3 with it; None for all from `proposal_iou` on. Below .3 is a miss.
        proposal_iou: IoU from which an anchor is a hit; the best one for an object always is.
        smooth_l1_beta: where the box losses turn from quadratic to linear.
        num_looks: how often the second stage looks at a box where it has just moved it to, when
            it detects (iterative box regression: Gidaris & Komodakis 2015, section 4).
        nms_iou: IoU from which the weaker of two boxes of a class is dropped.
        min_score: weaker boxes are dropped.
    """

    channels: int
    hidden: int
    num_proposals: int
    num_samples: int
    hits_per_object: int | None
    proposal_iou: float
    smooth_l1_beta: float
    num_looks: int
    nms_iou: float
    min_score: float


def box_loss(preds: Tensor, target: Tensor, beta: float, num_samples: int) -> Tensor:
    """Return the sum over the hits, as a mean over hits and misses; Girshick 2015, eq. 3."""
    total = functional.smooth_l1_loss(preds, target, beta=beta, reduction="sum")
    return total / max(1, num_samples)
