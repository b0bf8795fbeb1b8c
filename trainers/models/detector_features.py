"""What a detector looks at: a frozen SAM-2's pyramid, or a ResNet-50 of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops import FrozenBatchNorm2d

from trainers.checkpoint import load_tensors
from trainers.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_GROUPS = 8
RESNET_CHANNELS = 256
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class SamAdapters(nn.Module):
    """Light convolutions that make a SAM-2's levels fit for a detector.

    A 1×1 convolution for each level, coarse added to fine as in an FPN (SAM-2's own fine
    levels get nothing from above), a 3×3 convolution with group norm, and one more level by
    subsampling.

    Args:
        width: channels of the pyramid.
        channels: of the result, a multiple of 8.
    """

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1) for _ in range(4))
        self.smooth = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1, bias=False),
                nn.GroupNorm(_GROUPS, channels),
                nn.ReLU(),
            )
            for _ in range(4)
        )

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Turn levels (B, W, h, w) at strides 4 to 32 into (B, C, h, w) at strides 4 to 64."""
        maps = [lateral(level) for lateral, level in zip(self.lateral, levels, strict=True)]
        for i in (2, 1, 0):
            maps[i] = maps[i] + functional.interpolate(maps[i + 1], maps[i].shape[-2:])
        smooth = [layer(level) for layer, level in zip(self.smooth, maps, strict=True)]
        return [*smooth, functional.max_pool2d(smooth[-1], 1, 2)]


class ResNetFeatures(nn.Module):
    """A ResNet-50 with FPN for grey images, as in RSPrompter's repository.

    Args:
        pretrained: whether weights of ImageNet will be loaded. Then, as there, the stem and the
            first stage are frozen and the batch norms keep their statistics; else all learn.
    """

    def __init__(self, *, pretrained: bool) -> None:
        super().__init__()
        self.net = resnet_fpn_backbone(
            backbone_name="resnet50",
            weights=None,
            norm_layer=FrozenBatchNorm2d if pretrained else nn.BatchNorm2d,
            trainable_layers=3 if pretrained else 5,
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Turn images (B, 1, H, W) in 0..1 into (B, 256, h, w) at strides 4 to 64."""
        mean, std = (images.new_tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
        return list(self.net((images - mean) / std).values())

    def load(self, path: Path) -> None:
        """Load torchvision's resnet50, a `.pth` of a state dict.

        Raises:
            CheckpointError: it cannot be read, holds more than tensors, or lacks a weight.

        """
        weights, needed = load_tensors(path), self.net.body.state_dict()
        try:
            self.net.body.load_state_dict({name: weights[name] for name in needed})
        except (KeyError, RuntimeError, TypeError) as error:
            raise CheckpointError(
                f"{path} is no resnet50 of torchvision: {error}. Give the file that "
                "torchvision.models.resnet50 loads, e.g. resnet50-0676ba61.pth."
            ) from error
