"""Transformer layers and positional codes of RSPrompter's two decoders."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

_CYCLES = (0.5, 8.0)
"""Of the slowest and the fastest sine of a positional code, over the map.

DETR's fastest has one cycle: too slow to tell two wires 16 px apart in a tile of 256.
"""


class Attention(nn.Module):
    """Multi-head attention with a residual and layer norm after it.

    Source: Vaswani et al. 2017, section 3.2; positions are added to queries and keys alone,
    as in Carion et al. 2020 (DETR), section A.4.
    """

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(channels, num_heads, batch_first=True)
        self.norm = nn.LayerNorm(channels)

    def forward(
        self,
        tokens: Tensor,
        token_positions: Tensor,
        values: Tensor,
        value_positions: Tensor,
        blocked: Tensor | None = None,
    ) -> Tensor:
        """Return tokens (B, N, C) that have read the values (B, T, C).

        `blocked` is bool (B · heads, N, T), true where a token must not read.
        """
        read, _ = self.attention(
            tokens + token_positions,
            values + value_positions,
            values,
            attn_mask=blocked,
            need_weights=False,
        )
        result: Tensor = self.norm(tokens + read)
        return result


class FeedForward(nn.Module):
    """Two linear layers with ReLU between them, a residual and layer norm."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, channels)
        )
        self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens (B, N, C), each changed by itself."""
        result: Tensor = self.norm(tokens + self.layers(tokens))
        return result


def mlp(channels_in: int, hidden: int, channels_out: int, num_layers: int) -> nn.Sequential:
    """Return linear layers with ReLU between them."""
    sizes = [channels_in, *[hidden] * (num_layers - 1), channels_out]
    layers: list[nn.Module] = []
    for first, second in itertools.pairwise(sizes):
        layers += [nn.Linear(first, second), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])


def sine_positions(size_hw: tuple[int, int], channels: int, device: torch.device) -> Tensor:
    """Return the positional code of a map, float32 (1, h · w, C), rows first.

    Half of the channels code the row, half the column, as sines and cosines of a position that
    runs from 0 to 1 over the map. Source: Carion et al. 2020 (DETR), section A.4, but with
    the frequencies of `_CYCLES`, in equal ratios.
    """
    rows, cols = (
        (torch.arange(length, device=device, dtype=torch.float32) + 0.5) / length
        for length in size_hw
    )
    grid_y, grid_x = torch.meshgrid(rows, cols, indexing="ij")
    code = torch.cat([_sines(grid_y, channels // 2), _sines(grid_x, channels // 2)], dim=-1)
    return code.reshape(1, -1, channels)


def _sines(positions: Tensor, channels: int) -> Tensor:
    slow, fast = (math.log(cycles) for cycles in _CYCLES)
    cycles = torch.linspace(slow, fast, channels // 2, device=positions.device).exp()
    angles = positions[..., None] * 2 * math.pi * cycles
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
