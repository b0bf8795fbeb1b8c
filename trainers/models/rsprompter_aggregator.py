"""RSPrompter's feature aggregator: what the stages of the frozen encoder know, in one map.

Source: Chen et al. 2024 (RSPrompter, arXiv 2306.16269), section III-C, equations 4 and 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

NUM_LEVELS = 4
"""Levels of a `Pyramid`, at strides 4, 8, 16 and 32."""


class FeatureAggregator(nn.Module):
    """Adds up the stages, early ones first, each reduced to few channels.

    The source reads 32 layers of a plain ViT, all at stride 16. Hiera's stages have strides
    of their own; here they come through the neck and are brought to stride 16 once they are
    reduced: averaged where they are finer, interpolated where they are coarser.

    Args:
        width: channels C of the pyramid's levels, and of the result (256 in SAM 2.1).
        hidden: channels of a reduced stage.
    """

    def __init__(self, width: int, *, hidden: int = 32) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(
            nn.Sequential(conv_bn_relu(width, hidden, 1), conv_bn_relu(hidden, hidden, 3))
            for _ in range(NUM_LEVELS)
        )
        self.refine = nn.ModuleList(conv_bn_relu(hidden, hidden, 3) for _ in range(NUM_LEVELS))
        self.fuse = nn.Sequential(
            conv_bn_relu(hidden, width, 1),
            conv_bn_relu(width, width, 3),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Return float32 (B, C, H/16, W/16) of levels (B, C, H/s, W/s), s = 4, 8, 16, 32."""
        height, width = levels[2].shape[-2:]
        total: Tensor | None = None
        for level, reduce, refine in zip(levels, self.reduce, self.refine, strict=True):
            stage = resized(reduce(level), (int(height), int(width)))
            total = stage if total is None else total + stage
            total = total + refine(total)
        fused: Tensor = self.fuse(total)
        return fused


def conv_bn_relu(channels_in: int, channels_out: int, kernel_px: int) -> nn.Sequential:
    """Return a convolution that keeps the size, batch norm and ReLU."""
    conv = nn.Conv2d(channels_in, channels_out, kernel_px, padding=kernel_px // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True))


def resized(maps: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Return maps (B, C, h, w) at another size: averaged if it is smaller, else interpolated."""
    if tuple(maps.shape[-2:]) == size_hw:
        return maps
    if maps.shape[-1] > size_hw[1]:
        return functional.adaptive_avg_pool2d(maps, size_hw)
    return functional.interpolate(maps, size_hw, mode="bilinear")
