"""SAM-SEG: a SAM-2 whose mask decoder is trained to segment a whole class.

Source: the paper, part 1, "SAM-SEG". RSPrompter's repository calls something else by that name
(a detection head on SAM features).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from trainers.models.sam2.interface import DecodedMasks

if TYPE_CHECKING:
    from trainers.models.sam2.interface import Pyramid
    from trainers.models.sam2.tile_sam import TileSam

TOKENS_PER_CLASS = 4
"""Learned prompts that mean "all of this class", in the place of points."""


class SamSeg(nn.Module):
    """A tile and a class, with or without points, to the mask of that class.

    Without points the class's learned tokens are the prompt: a tile is then segmented with no
    ground truth at all. With points both count, or the points alone.

    Args:
        tile_sam: with a learning decoder.
        num_classes: foreground classes.
        seed: of the tokens.
    """

    def __init__(self, tile_sam: TileSam, *, num_classes: int, seed: int) -> None:
        super().__init__()
        self.tile_sam = tile_sam
        self.num_classes = num_classes
        generator = torch.Generator().manual_seed(seed)
        shape = (num_classes, TOKENS_PER_CLASS, tile_sam.width)
        self.class_tokens = nn.Parameter(0.02 * torch.randn(shape, generator=generator))

    def decode(
        self,
        pyramid: Pyramid,
        tiles: Tensor,
        size_hw: tuple[int, int],
        *,
        class_ids: Tensor | None = None,
        points: tuple[Tensor, Tensor] | None = None,
        previous: Tensor | None = None,
    ) -> DecodedMasks:
        """Predict the masks of P prompts.

        Args:
            pyramid: of the tiles, from `tile_sam.pyramid`.
            tiles: int64 (P,), the tile of each prompt.
            size_hw: height and width of the tiles in pixels.
            class_ids: int64 (P,), 1, 2, …, whose tokens are a prompt; None for points alone,
                as a person clicks.
            points: float32 (P, N, 2) as (x, y) and labels (P, N); see `draw_points`.
            previous: float32 (P, 1, h, w), logits to correct.

        Returns:
            Logits float32 (P, 1, H, W) in tile pixels, and the predicted IoU (P, 1).
        """
        features = self.tile_sam.features(pyramid).select(tiles.tolist())
        tokens = None if class_ids is None else self.class_tokens[class_ids - 1]
        points_xy, labels = (None, None) if points is None else points
        decoded = self.tile_sam.decode_one(
            features,
            size_hw,
            points_xy=points_xy,
            point_labels=labels,
            mask_logits=previous,
            tokens=tokens,
            meaning="layer",
        )
        return DecodedMasks(self.tile_sam.to_tile(decoded.logits, size_hw), decoded.iou)
