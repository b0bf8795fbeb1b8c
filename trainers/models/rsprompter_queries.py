"""RSPrompter's query decoder: queries that become classes, coarse masks and SAM prompts.

Source: Chen et al. 2024 (RSPrompter, arXiv 2306.16269), section III-D; the layers are those of
Cheng et al. 2022 (Mask2Former, arXiv 2112.01527), section 3.2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.models.rsprompter_attention import Attention, FeedForward, mlp

if TYPE_CHECKING:
    from trainers.models.rsprompter_pixels import PixelFeatures

NUM_HEADS = 8
NUM_PROMPTS = 5
"""Tokens by which a query prompts SAM."""


@dataclass(frozen=True)
class Guess:
    """What Q queries say after a layer.

    Attributes:
        queries: float32 (B, Q, D), normalised.
        class_logits: float32 (B, Q, K + 1); index 0 is "no object", k the class id k.
        coarse: float32 (B, Q, H/4, W/4), logits of their masks.
    """

    queries: Tensor
    class_logits: Tensor
    coarse: Tensor


class QueryLayer(nn.Module):
    """Masked cross-attention, then self-attention, then a feed-forward layer."""

    def __init__(self, channels: int, *, hidden: int) -> None:
        super().__init__()
        self.cross = Attention(channels, NUM_HEADS)
        self.self_attention = Attention(channels, NUM_HEADS)
        self.feed_forward = FeedForward(channels, hidden)

    def forward(
        self,
        queries: Tensor,
        query_positions: Tensor,
        tokens: Tensor,
        positions: Tensor,
        blocked: Tensor,
    ) -> Tensor:
        """Return queries (B, Q, D) that have read the tokens (B, T, D) not blocked for them."""
        queries = self.cross(queries, query_positions, tokens, positions, blocked)
        queries = self.self_attention(queries, query_positions, queries, query_positions)
        result: Tensor = self.feed_forward(queries)
        return result


class QueryDecoder(nn.Module):
    """Learned queries that look at the tile through their own coarse masks.

    Args:
        num_classes: K, without the background.
        num_queries: Q, the most objects that can be found in a tile.
        channels: D of queries and tokens.
        mask_channels: M of the mask feature.
        prompt_width: C of a token of SAM.
        num_layers: the strides are gone through in turn.
        hidden: of the feed-forward layers.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        num_queries: int,
        channels: int,
        mask_channels: int,
        prompt_width: int,
        num_layers: int,
        hidden: int,
    ) -> None:
        super().__init__()
        self.content = nn.Embedding(num_queries, channels)
        self.positions = nn.Embedding(num_queries, channels)
        self.layers = nn.ModuleList(QueryLayer(channels, hidden=hidden) for _ in range(num_layers))
        self.norm = nn.LayerNorm(channels)
        self.to_class = mlp(channels, channels, num_classes + 1, 2)
        self.to_mask = mlp(channels, channels, mask_channels, 3)
        self.to_prompt = mlp(channels, channels, NUM_PROMPTS * 2 * prompt_width, 2)

    def forward(self, features: PixelFeatures) -> list[Guess]:
        """Return what the queries say before the first layer and after each, last one last."""
        batch = features.pixels.shape[0]
        queries = self.content.weight.expand(batch, -1, -1)
        positions = self.positions.weight.expand(batch, -1, -1)
        guesses = [self._guess(queries, features.pixels)]
        for number, layer in enumerate(self.layers):
            at = number % len(features.tokens)
            blocked = attention_mask(guesses[-1].coarse, features.sizes_hw[at])
            queries = layer(
                queries, positions, features.tokens[at], features.positions[at], blocked
            )
            guesses.append(self._guess(queries, features.pixels))
        return guesses

    def prompts(self, queries: Tensor) -> Tensor:
        """Return SAM tokens (N, 5, C) of queries (N, D): sin(even channels) + odd channels."""
        wide = self.to_prompt(queries).unflatten(-1, (NUM_PROMPTS, -1))
        with torch.autocast(wide.device.type, enabled=False):
            result: Tensor = wide[..., ::2].float().sin() + wide[..., 1::2].float()
        return result

    def _guess(self, queries: Tensor, pixels: Tensor) -> Guess:
        queries = self.norm(queries)
        coarse = torch.einsum("bqm,bmhw->bqhw", self.to_mask(queries), pixels)
        return Guess(queries, self.to_class(queries).float(), coarse.float())


def attention_mask(coarse: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Return what each query must not look at: where it sees no object of its own.

    Source: Mask2Former, section 3.2.1, equation 2. A query that sees nothing anywhere looks
    everywhere, because attention to nothing is no number.

    Args:
        coarse: float32 (B, Q, h, w), logits of the masks.
        size_hw: of the map that is looked at.

    Returns:
        bool (B · heads, Q, size), true where blocked; without gradient.
    """
    logits = functional.interpolate(coarse.detach(), size_hw, mode="bilinear")
    blocked = (logits.sigmoid() < 0.5).flatten(2)
    blocked = blocked & ~blocked.all(dim=-1, keepdim=True)
    return blocked.repeat_interleave(NUM_HEADS, dim=0)
