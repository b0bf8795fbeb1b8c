"""RSPrompter's pixel decoder: tokens at coarse strides for the queries, and a map at stride 4.

Source: Cheng et al. 2022 (Mask2Former, arXiv 2112.01527), section 3.2.2, which RSPrompter's
query variant takes over (arXiv 2306.16269, section III-D), with plain self-attention instead
of deformable attention: a tile of 256 px has only 336 tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.models.rsprompter_aggregator import FeatureAggregator, resized
from trainers.models.rsprompter_attention import Attention, FeedForward, sine_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP_CHANNELS = 4
"""Of group norm: 32 groups of the source's 128 channels. One place of a map must be enough."""
NUM_HEADS = 8
NUM_STRIDES = 3
"""The queries look at three strides, coarsest first: 64, 32, 16."""


@dataclass(frozen=True)
class PixelFeatures:
    """What the queries read.

    Attributes:
        tokens: float32 (B, h · w, D) of each of three strides, coarsest first.
        positions: float32 (1, h · w, D), their positional codes.
        sizes_hw: h and w of each stride.
        pixels: float32 (B, M, H/4, W/4), the mask feature.
    """

    tokens: tuple[Tensor, ...]
    positions: tuple[Tensor, ...]
    sizes_hw: tuple[tuple[int, int], ...]
    pixels: Tensor


class EncoderLayer(nn.Module):
    """Self-attention over the tokens of all strides, and a feed-forward layer."""

    def __init__(self, channels: int, *, hidden: int) -> None:
        super().__init__()
        self.attention = Attention(channels, NUM_HEADS)
        self.feed_forward = FeedForward(channels, hidden)

    def forward(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Return tokens (B, N, D) that know of each other."""
        tokens = self.attention(tokens, positions, tokens, positions)
        result: Tensor = self.feed_forward(tokens)
        return result


class PixelDecoder(nn.Module):
    """Makes `PixelFeatures` of a pyramid.

    The aggregator's map is added to each level of the pyramid at that level's stride, in
    place of the source's SimpleFPN, which makes levels of one stride-16 map because a plain
    ViT has no others. The map at stride 64 is the average of the one at stride 32.

    Args:
        width: channels of the pyramid's levels.
        channels: D of the tokens.
        mask_channels: M of the mask feature.
        num_layers: transformer layers over the tokens.
        hidden: of their feed-forward layers.
    """

    def __init__(
        self, width: int, *, channels: int, mask_channels: int, num_layers: int, hidden: int
    ) -> None:
        super().__init__()
        self.aggregator = FeatureAggregator(width)
        self.laterals = nn.ModuleList(_conv_gn(width, channels, 1) for _ in range(5))
        self.strides = nn.Embedding(NUM_STRIDES, channels)
        self.layers = nn.ModuleList(
            EncoderLayer(channels, hidden=hidden) for _ in range(num_layers)
        )
        self.places = nn.ModuleList(nn.Linear(channels, channels, bias=False) for _ in range(5))
        self.outputs = nn.ModuleList(_conv_gn(channels, channels, 3) for _ in range(2))
        self.to_pixels = nn.Conv2d(channels, mask_channels, 1)

    def forward(self, levels: Sequence[Tensor]) -> PixelFeatures:
        """Read levels (B, C, H/s, W/s) at the strides s = 4, 8, 16 and 32."""
        maps = self._laterals(levels)
        coarse, sizes = maps[:1:-1], [_size(each) for each in maps[:1:-1]]
        channels, device = maps[0].shape[1], maps[0].device
        codes = [sine_positions(size, channels, device) for size in sizes]
        positions = torch.cat([c + s for c, s in zip(codes, self.strides.weight, strict=True)], 1)
        tokens = torch.cat([each.flatten(2).transpose(1, 2) for each in coarse], dim=1)
        for layer in self.layers:
            tokens = layer(tokens, positions)
        lengths = [height * width for height, width in sizes]
        parts = torch.split(tokens, lengths, dim=1)
        stride_16 = parts[-1].transpose(1, 2).reshape(coarse[-1].shape)
        return PixelFeatures(
            parts,
            torch.split(positions, lengths, dim=1),
            tuple(sizes),
            self.to_pixels(self._up(stride_16, maps[1::-1])),
        )

    def _laterals(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Return maps (B, D, H/s, W/s) at the strides 4, 8, 16, 32 and 64."""
        common = self.aggregator(levels)
        joined = [level + resized(common, _size(level)) for level in levels]
        joined.append(functional.avg_pool2d(joined[-1], 2, ceil_mode=True))
        maps = [lateral(each) for lateral, each in zip(self.laterals, joined, strict=True)]
        return [self._placed(each, place) for each, place in zip(maps, self.places, strict=True)]

    def _placed(self, maps: Tensor, place: nn.Module) -> Tensor:
        code = place(sine_positions(_size(maps), maps.shape[1], maps.device))
        placed: Tensor = maps + code.transpose(1, 2).reshape(1, *maps.shape[1:])
        return placed

    def _up(self, coarse: Tensor, finer: Sequence[Tensor]) -> Tensor:
        """Go from stride 16 to 4, adding the maps at strides 8 and 4."""
        for lateral, output in zip(finer, self.outputs, strict=True):
            known = functional.interpolate(coarse, _size(lateral), mode="bilinear")
            coarse = functional.relu(output(lateral + known))
        return coarse


def _conv_gn(channels_in: int, channels_out: int, kernel_px: int) -> nn.Sequential:
    conv = nn.Conv2d(channels_in, channels_out, kernel_px, padding=kernel_px // 2, bias=False)
    return nn.Sequential(conv, nn.GroupNorm(channels_out // GROUP_CHANNELS, channels_out))


def _size(maps: Tensor) -> tuple[int, int]:
    return int(maps.shape[-2]), int(maps.shape[-1])
