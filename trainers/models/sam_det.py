"""SAM-DET: a Faster R-CNN finds boxes, and a frozen SAM-2 turns each into a mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.models.detector_features import ResNetFeatures, SamAdapters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.models.detector import Detector
    from trainers.models.detector_sizes import Boxes, Size
    from trainers.models.sam2.interface import ImageFeatures, Pyramid
    from trainers.models.sam2.tile_sam import TileSam

BOX_CORNERS = (2, 3)
"""SAM-2's labels of a box's top left and bottom right corner."""
OUTSIDE_LOGIT = -20.0


@dataclass(frozen=True)
class FoundObjects:
    """What was found in a tile, N objects, best first.

    Attributes:
        boxes: float32 (N, 4) as xyxy edges in tile pixels.
        scores: float32 (N,) in 0..1, of the boxes.
        labels: int64 (N,) of class ids 1, 2, ….
        logits: float32 (N, H, W) of the masks; above 0 is inside.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    logits: Tensor


class SamDet(nn.Module):
    """The frozen SAM-2, and a detector over its pyramid or over a ResNet-50.

    The detector works in pixels of its input: those of a tile that sam2-nano takes as it is, or
    of the square that the tile is resized to for an official SAM-2.

    Args:
        tile_sam: with a frozen decoder.
        features: what the detector looks at.
        detector: finds the boxes.
        prompts_per_step: boxes that become masks at once: a bound of memory.
        box_margin_px: by which a box grows, in tile pixels, before it prompts.
        clip_margin_px: how far a mask may reach beyond the box that prompted it.
    """

    def __init__(
        self,
        tile_sam: TileSam,
        features: SamAdapters | ResNetFeatures,
        detector: Detector,
        *,
        prompts_per_step: int,
        box_margin_px: float,
        clip_margin_px: float,
    ) -> None:
        super().__init__()
        self.tile_sam = tile_sam
        self.features = features
        self.detector = detector
        self._prompts_per_step = prompts_per_step
        self._box_margin_px, self._clip_margin_px = box_margin_px, clip_margin_px

    def losses(self, images: Tensor, targets: Sequence[Boxes]) -> Boxes:
        """Return the detector's losses.

        Args:
            images: float32 (B, 1, H, W) in 0..1.
            targets: the objects of each, their boxes as xyxy edges in tile pixels.
        """
        maps, input_hw = self._maps(images, None)
        scale = self._scale(images, input_hw)
        scaled = [{**target, "boxes": target["boxes"] * scale} for target in targets]
        return self.detector.losses(maps, input_hw, scaled)

    @torch.no_grad()
    def find(self, images: Tensor, *, min_score: float = 0.0) -> list[FoundObjects]:
        """Return the objects of each tile from a score on; `images` as for `losses`."""
        size_hw = (int(images.shape[-2]), int(images.shape[-1]))
        pyramid = self.tile_sam.pyramid(images)
        maps, input_hw = self._maps(images, pyramid)
        scale = self._scale(images, input_hw)
        features = self.tile_sam.features(pyramid)
        found = []
        for number, image in enumerate(self.detector.detect(maps, input_hw)):
            kept = image["scores"] >= min_score
            boxes = _clipped(image["boxes"][kept] / scale, size_hw)
            logits = self._masks(features.select([number]), boxes, size_hw)
            found.append(FoundObjects(boxes, image["scores"][kept], image["labels"][kept], logits))
        return found

    def _maps(self, images: Tensor, pyramid: Pyramid | None) -> tuple[list[Tensor], Size]:
        """Return the maps that the detector looks at, and the size of its input."""
        if isinstance(self.features, ResNetFeatures):
            fitted = self._fit(images)
            return self.features(fitted), (int(fitted.shape[-2]), int(fitted.shape[-1]))
        pyramid = self.tile_sam.pyramid(images) if pyramid is None else pyramid
        return self.features(pyramid.levels), pyramid.size_hw

    def _fit(self, images: Tensor) -> Tensor:
        """Resize tiles as an official SAM-2 does, or pad them to multiples of 64 px."""
        side = self.tile_sam.sam.input_size_px
        if side is not None:
            return functional.interpolate(images, (side, side), mode="bilinear", antialias=True)
        below, right = (-length % 64 for length in images.shape[-2:])
        return functional.pad(images, (0, right, 0, below), mode="replicate")

    def _scale(self, images: Tensor, input_hw: Size) -> Tensor:
        """Return input pixels for each tile pixel, as x, y, x, y."""
        x = y = 1.0
        if not self.tile_sam.sam.native_resolution:
            y, x = input_hw[0] / images.shape[-2], input_hw[1] / images.shape[-1]
        return torch.tensor([x, y, x, y], device=images.device)

    def _masks(self, features: ImageFeatures, boxes: Tensor, size_hw: Size) -> Tensor:
        """Return mask logits float32 (N, H, W) of the boxes (N, 4) of one tile."""
        masks = [boxes.new_zeros(0, *size_hw)]
        # no boxes must not be decoded: attention over nothing gives None on a CUDA device
        for start in range(0, len(boxes), self._prompts_per_step):
            part = boxes[start : start + self._prompts_per_step]
            points = _grown(part, self._box_margin_px) - part.new_tensor([0.0, 0.0, 1.0, 1.0])
            labels = torch.tensor([BOX_CORNERS], device=boxes.device).expand(len(part), 2)
            decoded = self.tile_sam.decode_one(
                features, size_hw, points_xy=points.view(-1, 2, 2), point_labels=labels
            )
            logits = self.tile_sam.to_tile(decoded.logits, size_hw)[:, 0]
            inside = _inside(_grown(part, self._clip_margin_px), size_hw)
            masks.append(torch.where(inside, logits, logits.clamp(max=OUTSIDE_LOGIT)))
        return torch.cat(masks)


def _clipped(boxes: Tensor, size_hw: Size) -> Tensor:
    height, width = size_hw
    return torch.minimum(boxes.clamp(min=0), boxes.new_tensor([width, height, width, height]))


def _grown(boxes: Tensor, margin_px: float) -> Tensor:
    return boxes + boxes.new_tensor([-1.0, -1.0, 1.0, 1.0]) * margin_px


def _inside(boxes: Tensor, size_hw: Size) -> Tensor:
    """Return the pixels whose centre is in a box, bool (N, H, W)."""
    rows = torch.arange(size_hw[0], device=boxes.device) + 0.5
    cols = torch.arange(size_hw[1], device=boxes.device) + 0.5
    x0, y0, x1, y1 = boxes[:, :, None].unbind(1)
    in_rows, in_cols = (rows > y0) & (rows < y1), (cols > x0) & (cols < x1)
    return in_rows[:, :, None] & in_cols[:, None, :]
