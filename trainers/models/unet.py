"""U-Net with same padding and batch normalisation.

Source: Ronneberger, Fischer & Brox 2015, figure 1; padding and batch normalisation (Ioffe &
Szegedy 2015) are the usual changes, so that a mask has the size of its image.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

PAPER_WIDTHS = (64, 128, 256, 512, 1024)
"""Channels from the full resolution to the bottleneck, as in the paper's figure 1."""


class DoubleConv(nn.Sequential):
    """Twice 3×3 convolution, batch normalisation and ReLU; (B, in, H, W) to (B, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            # batch normalisation brings its own bias
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


class Up(nn.Module):
    """Double the resolution by a transposed convolution, then join the skip connection."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)
        self.conv = DoubleConv(2 * out_channels, out_channels)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Return (B, out, H, W) from (B, in, H/2, W/2) and the skip (B, out, H, W)."""
        joined: Tensor = self.conv(torch.cat([skip, self.up(coarse)], dim=1))
        return joined


class UNet(nn.Module):
    """Grey image to logits of the same size."""

    def __init__(self, *, num_outputs: int, widths: Sequence[int] = PAPER_WIDTHS) -> None:
        super().__init__()
        inputs = [1, *widths[:-1]]
        self.down = nn.ModuleList(DoubleConv(i, o) for i, o in zip(inputs, widths, strict=True))
        coarse_to_fine = list(reversed(widths))
        self.up = nn.ModuleList(Up(i, o) for i, o in itertools.pairwise(coarse_to_fine))
        self.head = nn.Conv2d(widths[0], num_outputs, 1)

    @property
    def stride(self) -> int:
        """Pixels of the image in one pixel of the bottleneck."""
        return int(2 ** (len(self.down) - 1))

    def forward(self, image: Tensor) -> Tensor:
        """Return logits float32 (B, num_outputs, H, W).

        Args:
            image: float (B, 1, H, W), 0..1; any H and W, which are padded by mirroring.

        """
        height, width = image.shape[-2:]
        features = _padded(image - 0.5, self.stride).contiguous(memory_format=torch.channels_last)
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            features = block(features if level == 0 else functional.max_pool2d(features, 2))
            skips.append(features)
        for block, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            features = block(features, skip)
        logits: Tensor = self.head(features)
        return logits[..., :height, :width].float()


def _padded(image: Tensor, stride: int) -> Tensor:
    height, width = image.shape[-2:]
    below, right = -height % stride, -width % stride
    if not below and not right:
        return image
    # mirroring needs more pixels than it adds; a sliver of an image is continued instead
    mode = "reflect" if below < height and right < width else "replicate"
    return functional.pad(image, (0, right, 0, below), mode=mode)


def build_unet(*, num_classes: int, widths: Sequence[int], seed: int) -> UNet:
    """Return a U-Net initialised from `seed` (He et al. 2015, section 2.2) on the CPU.

    Args:
        num_classes: foreground classes; one gives one output (sigmoid), more give one output
            each and one for the background (softmax).
        widths: channels of each level, finest first; at least two.
        seed: of the initial weights.

    """
    torch.manual_seed(seed)
    model = UNet(num_outputs=1 if num_classes == 1 else num_classes + 1, widths=widths)
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model.to(memory_format=torch.channels_last)
