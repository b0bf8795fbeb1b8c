"""A Faster R-CNN over given feature maps: torchvision's parts, with losses in any mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList

from trainers.models.detector_boxes import BoxHeads
from trainers.models.detector_proposals import Proposals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.models.detector_anchors import LevelAnchors
    from trainers.models.detector_sizes import Boxes, DetectorSizes, Size


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
        self.proposals = Proposals([anchors[i] for i in self._levels], sizes)
        self.boxes = BoxHeads(num_classes, sizes)

    def losses(self, maps: Sequence[Tensor], size_hw: Size, targets: list[Boxes]) -> Boxes:
        """Return the four losses, each a mean over what was sampled, all scalars.

        Args:
            maps: float (B, C, h, w), finest first.
            size_hw: of the images that they cover.
            targets: the objects of each image; there may be none.
        """
        images, named = _images(maps, size_hw), self._named(maps)
        proposals, found = self.proposals(images, self._proposing(named), targets)
        classifier, box = self.boxes.losses(named, proposals, images.image_sizes, targets)
        return {**found, "classifier": classifier, "box": box}

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
