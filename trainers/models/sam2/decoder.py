"""sam2-nano's mask decoder: SAM-2's own, with one more step of resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from sam2.modeling.sam.mask_decoder import MaskDecoder
from sam2.modeling.sam.transformer import TwoWayTransformer
from sam2.modeling.sam2_utils import MLP
from torch import Tensor, nn
from torch.nn import functional

from trainers.models.sam2.doubling import doubled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.models.sam2.interface import ImageFeatures

DETAIL_CHANNELS = 8
"""Channels of the stride-2 maps, of the image's and of each prompt's."""
EDGE_CHANNELS = 4
"""Channels of the image's full-resolution map; it is kept for every embedded window."""
NUM_GUIDES = 2
"""Maps that each prompt brings at stride 2: its clicks, and the mask that it corrects."""


class NanoMaskDecoder(MaskDecoder):
    """SAM-2's mask decoder, whose stride-4 masks get their fine structure at strides 2 and 1.

    A via of 10 px is 2.5 pixels of a stride-4 mask. As SAM-2 goes from stride 16 to 4, so
    one more transposed convolution goes on to stride 2, joined by image features of that
    stride and by the prompt's guides; each token's own weights read a correction from it,
    which is added to its upsampled stride-4 mask (a Laplacian pyramid: Burt and Adelson
    1983). At full resolution the weights read the image's own features alone, which costs
    next to nothing a click.

    Args:
        width: channels of tokens and image embedding.
    """

    def __init__(self, width: int) -> None:
        super().__init__(
            transformer_dim=width,
            transformer=TwoWayTransformer(depth=2, embedding_dim=width, num_heads=8, mlp_dim=512),
            use_high_res_features=True,
            iou_head_hidden_dim=width,
            iou_prediction_use_sigmoid=True,
        )
        self.detail_upscaling = nn.ConvTranspose2d(width // 8, DETAIL_CHANNELS, 2, stride=2)
        self.detail_conv = nn.Conv2d(DETAIL_CHANNELS, DETAIL_CHANNELS, 3, padding=1)
        self.detail_mlps = self._mlps(width, DETAIL_CHANNELS)
        self.guide_conv = nn.Conv2d(NUM_GUIDES, DETAIL_CHANNELS, 3, padding=1, bias=False)
        zero(self.guide_conv)
        self.edge_mlps = self._mlps(width, EDGE_CHANNELS)
        for mlp in self.edge_mlps:
            assert isinstance(mlp, MLP)
            zero(mlp.layers[-1])

    def _mlps(self, width: int, channels: int) -> nn.ModuleList:
        """Return an MLP for each token that turns it into weights of a map's channels."""
        return nn.ModuleList(MLP(width, width, channels, 3) for _ in range(self.num_mask_tokens))

    def decode(
        self,
        features: ImageFeatures,
        sparse: Tensor,
        dense: Tensor,
        positions: Tensor,
        guides: Tensor,
        wanted: tuple[int, ...] = (0, 1, 2),
    ) -> tuple[Tensor, Tensor]:
        """Predict masks of the tokens 1 to 3.

        Args:
            features: of B images, with maps at strides 1, 2, 4 and 8.
            sparse: float32 (B, N, C), the prompts' tokens.
            dense: float32 (B, C, H/16, W/16), what is added to the embedding.
            positions: float32 (B, C, H/16, W/16), their positional codes.
            guides: float32 (B, 2, H/2, W/2), see `trainers.models.sam2.prompts.guides`.
            wanted: which K of the three masks, by index.

        Returns:
            Logits float32 (B, K, H, W) and predicted IoU (B, K).
        """
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([own.expand(sparse.shape[0], -1, -1), sparse], dim=1)
        embedding = features.embedding + dense
        out, mixed = self.transformer(embedding, positions, tokens)
        mixed = mixed.transpose(1, 2).reshape(embedding.shape)
        mask_tokens = [out[:, 2 + index] for index in wanted]
        iou = self.iou_prediction_head(out[:, 0])[:, [1 + index for index in wanted]]
        fine = self._maps(mixed, features.high_res, guides)
        mlps = (self.output_hypernetworks_mlps, self.detail_mlps, self.edge_mlps)
        coarse, detail, edges = (
            _read([of[1 + index] for index in wanted], mask_tokens, maps)
            for of, maps in zip(mlps, fine, strict=True)
        )
        return _added(edges, doubled(_added(detail, doubled(coarse)))), iou

    def _maps(
        self, mixed: Tensor, high_res: tuple[Tensor, ...], guides: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the maps at strides 4, 2 and 1 that the tokens' weights read."""
        stride_1, stride_2, stride_4, stride_8 = high_res
        up_8, norm, act_8, up_4, act_4 = self.output_upscaling
        coarse = act_4(_added(up_4(act_8(norm(_added(up_8(mixed), stride_8)))), stride_4))
        fine = _added(_added(self.detail_upscaling(coarse), stride_2), self.guide_conv(guides))
        return coarse, functional.gelu(self.detail_conv(functional.gelu(fine))), stride_1


def zero(layer: nn.Module) -> None:
    """Let a linear layer add nothing at first: what it joins has been trained without it."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def _added(to: Tensor, other: Tensor) -> Tensor:
    """Add to a map that nobody else reads; in place where no gradient needs the old one.

    The maps of a click are the largest things it makes: half of its memory.
    """
    in_place = not torch.is_grad_enabled() and to.dtype == other.dtype
    return to.add_(other) if in_place else to + other


def _read(mlps: Sequence[nn.Module], tokens: Sequence[Tensor], maps: Tensor) -> Tensor:
    """Weigh the channels of maps (B, C, h, w) by K tokens (B, D): logits (B, K, h, w)."""
    weights = [mlp(token) for mlp, token in zip(mlps, tokens, strict=True)]
    return torch.einsum("bkc,bchw->bkhw", torch.stack(weights, dim=1), maps)
