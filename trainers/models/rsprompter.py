"""RSPrompter, the query variant: queries over frozen SAM-2 features that prompt its decoder.

Source: Chen et al. 2024 (RSPrompter, arXiv 2306.16269), section III-D.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from trainers.models.rsprompter_pixels import PixelDecoder
from trainers.models.rsprompter_queries import QueryDecoder

if TYPE_CHECKING:
    from trainers.models.rsprompter_queries import Guess
    from trainers.models.sam2.interface import ImageFeatures
    from trainers.models.sam2.tile_sam import TileSam


@dataclass(frozen=True)
class Sizes:
    """How large the parts are; the defaults are the source's, but for the 12 queries."""

    num_queries: int = 12
    channels: int = 128
    mask_channels: int = 256
    hidden: int = 512
    num_encoder_layers: int = 3
    num_decoder_layers: int = 6


@dataclass(frozen=True)
class Scene:
    """What the model makes of B tiles, before SAM's decoder is asked.

    Attributes:
        guesses: before the first layer and after each; the last one counts.
        semantic: float32 (B, 1, H/4, W/4) or (B, K + 1, H/4, W/4), logits of the classes as in
            `trainers.losses.segmentation`; None where the model has no such head.
        features: for SAM's decoder.
        size_hw: height and width of the tiles in pixels.
        share_xy: float32 (2,), the share of the width and height of a map (of H/4, W/4 or of
            SAM's masks) that the tile covers; a native SAM-2 pads it to a multiple of 32.
    """

    guesses: list[Guess]
    semantic: Tensor | None
    features: ImageFeatures
    size_hw: tuple[int, int]
    share_xy: Tensor


class RSPrompter(nn.Module):
    """See `Scene` and `decode`.

    Args:
        tile_sam: its decoder learns.
        num_classes: K, without the background.
        sizes: of the parts.
        semantic: whether there is a head for the classes of pixels (ours, not the source's).
    """

    def __init__(
        self, tile_sam: TileSam, *, num_classes: int, sizes: Sizes, semantic: bool
    ) -> None:
        super().__init__()
        self.tile_sam = tile_sam
        self.pixels = PixelDecoder(
            tile_sam.width,
            channels=sizes.channels,
            mask_channels=sizes.mask_channels,
            num_layers=sizes.num_encoder_layers,
            hidden=sizes.hidden,
        )
        self.queries = QueryDecoder(
            num_classes=num_classes,
            num_queries=sizes.num_queries,
            channels=sizes.channels,
            mask_channels=sizes.mask_channels,
            prompt_width=tile_sam.width,
            num_layers=sizes.num_decoder_layers,
            hidden=sizes.hidden,
        )
        num_outputs = 1 if num_classes == 1 else num_classes + 1
        self.semantic = nn.Conv2d(sizes.mask_channels, num_outputs, 1) if semantic else None

    def forward(self, images: Tensor) -> Scene:
        """Look at tiles float32 (B, 1, H, W) in 0..1, of any H and W."""
        pyramid = self.tile_sam.pyramid(images)
        features = self.pixels(pyramid.levels)
        size_hw = (int(images.shape[-2]), int(images.shape[-1]))
        covered = self._covered(pyramid.size_hw, size_hw)
        return Scene(
            guesses=self.queries(features),
            semantic=None if self.semantic is None else self.semantic(features.pixels).float(),
            features=self.tile_sam.features(pyramid),
            size_hw=size_hw,
            share_xy=images.new_tensor(covered),
        )

    def decode(self, scene: Scene, guess: Guess, tiles: Tensor, queries: Tensor) -> Tensor:
        """Let SAM draw the masks of some queries.

        Each mask depends on its own query alone, so that only those need be drawn that are
        read: in training those with an object, in use those that claim one.

        Args:
            scene: from `forward`.
            guess: one of its guesses.
            tiles: int64 (N,), the tile of each query.
            queries: int64 (N,), its number.

        Returns:
            Logits float32 (N, h, w) that cover the padded tile; see `Scene.share_xy`.
        """
        prompts = self.queries.prompts(guess.queries[tiles, queries])
        decoded = self.tile_sam.decode_one(
            scene.features.map(lambda level: level[tiles]),
            scene.features.size_hw,
            mask_logits=guess.coarse.detach()[tiles, queries][:, None],
            tokens=prompts,
        )
        return decoded.logits[:, 0].float()

    def _covered(self, input_hw: tuple[int, int], size_hw: tuple[int, int]) -> tuple[float, float]:
        if not self.tile_sam.sam.native_resolution:
            return 1.0, 1.0
        return size_hw[1] / input_hw[1], size_hw[0] / input_hw[0]


def build_rsprompter(
    tile_sam: TileSam, *, num_classes: int, sizes: Sizes, semantic: bool, seed: int
) -> RSPrompter:
    """Return a model whose new weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return RSPrompter(tile_sam, num_classes=num_classes, sizes=sizes, semantic=semantic)
