"""The official SAM 2.1 image models, built from the package's parts without Hydra.

The package composes its models by Hydra, whose global state breaks where another program in
the same process uses it too. Only the parts that a single image needs are built here: the
memory of the video model is left out, which saves about 7.5 million parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
from sam2.modeling.sam.mask_decoder import MaskDecoder
from sam2.modeling.sam.prompt_encoder import PromptEncoder
from sam2.modeling.sam.transformer import TwoWayTransformer
from torch import Tensor, nn

from trainers.errors import CheckpointError
from trainers.models.sam2.interface import DecodedMasks, ImageFeatures, Meaning, Pyramid

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH = 256
INPUT_SIZE_PX = 1024
_STRIDE_PX = 16
# of ImageNet, with which the official trunks were trained; R, G, B
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class HieraConfig:
    """One official size; the values of the package's `configs/sam2.1/*.yaml`."""

    embed_dim: int
    channels: tuple[int, int, int, int]
    trunk_options: Mapping[str, Any] = field(default_factory=dict)


OFFICIAL_SIZES: dict[str, HieraConfig] = {
    "sam2.1-tiny": HieraConfig(
        96,
        (768, 384, 192, 96),
        {
            "num_heads": 1,
            "stages": (1, 2, 7, 2),
            "global_att_blocks": (5, 7, 9),
            "window_pos_embed_bkg_spatial_size": (7, 7),
        },
    ),
    "sam2.1-small": HieraConfig(
        96,
        (768, 384, 192, 96),
        {
            "num_heads": 1,
            "stages": (1, 2, 11, 2),
            "global_att_blocks": (7, 10, 13),
            "window_pos_embed_bkg_spatial_size": (7, 7),
        },
    ),
    "sam2.1-base-plus": HieraConfig(112, (896, 448, 224, 112), {"num_heads": 2}),
    "sam2.1-large": HieraConfig(
        144,
        (1152, 576, 288, 144),
        {
            "num_heads": 2,
            "stages": (2, 6, 36, 4),
            "global_att_blocks": (23, 33, 43),
            "window_pos_embed_bkg_spatial_size": (7, 7),
            "window_spec": (8, 4, 16, 8),
        },
    ),
}

_MEMORY_KEYS = (
    "memory_attention.",
    "memory_encoder.",
    "maskmem_tpos_enc",
    "mask_downsample.",
    "obj_ptr_proj.",
    "obj_ptr_tpos_proj.",
    "no_mem_pos_enc",
    "no_obj_ptr",
    "no_obj_embed_spatial",
)
"""Weights of the video model's memory, which an image model does not have."""


class _NoPositions(nn.Module):
    """The neck's positional codes serve the memory only."""

    def forward(self, features: Tensor) -> Tensor:
        return features.new_zeros(())


class OfficialSam2(nn.Module):
    """SAM 2.1 for single images; parameters carry the official names.

    Args:
        config: one of `OFFICIAL_SIZES`.
        input_size_px: side of the square that every window is squashed to, a multiple of 32.

    """

    native_resolution = False
    width = WIDTH
    # the official tokens were trained to disagree, not to mean something
    token_kinds: tuple[str, ...] = ()
    input_size_px: int | None
    mean: Tensor
    std: Tensor

    def __init__(self, config: HieraConfig, *, input_size_px: int = INPUT_SIZE_PX) -> None:
        super().__init__()
        if input_size_px % 32:
            raise ValueError(f"input_size_px must be a multiple of 32, got {input_size_px}")
        self.input_size_px = input_size_px
        self.image_encoder = _build_encoder(config)
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.sam_prompt_encoder = _build_prompt_encoder(input_size_px)
        self.sam_mask_decoder = _build_decoder()
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)

    def encode(self, images: Tensor) -> ImageFeatures:
        """Compute what all prompts of an image share.

        Args:
            images: float32 (B, 1, S, S) in 0..1 with S = `input_size_px`.

        Returns:
            Maps at strides 16, 4 and 8; the latter two projected by the decoder.

        Raises:
            ValueError: another size; features of it would be scrambled silently.

        """
        return self.project(self.encode_pyramid(images))

    def encode_pyramid(self, images: Tensor) -> Pyramid:
        """Compute the neck's four levels; arguments and errors as for `encode`."""
        size = self.input_size_px
        if tuple(images.shape[1:]) != (1, size, size):
            raise ValueError(f"expected images (B, 1, {size}, {size}), got {tuple(images.shape)}")
        colour = (images.expand(-1, 3, -1, -1) - self.mean) / self.std
        encoder = self.image_encoder
        first, second, third, last = encoder.neck(encoder.trunk(colour))[0]
        size_hw = (int(images.shape[-2]), int(images.shape[-1]))
        return Pyramid((first, second, third, last), (), size_hw)

    def project(self, pyramid: Pyramid) -> ImageFeatures:
        """Return what the decoder reads of a pyramid."""
        stride_4, stride_8, stride_16, _ = pyramid.levels
        decoder = self.sam_mask_decoder
        return ImageFeatures(
            # on the image path this stands for an empty memory
            embedding=stride_16 + self.no_mem_embed.view(1, WIDTH, 1, 1),
            high_res=(decoder.conv_s0(stride_4), decoder.conv_s1(stride_8)),
            size_hw=pyramid.size_hw,
        )

    def decode(
        self,
        features: ImageFeatures,
        points_xy: Tensor,
        point_labels: Tensor,
        mask_logits: Tensor | None = None,
    ) -> DecodedMasks:
        """Predict three masks with the tokens 1 to 3 ("multimask").

        Args:
            features: of B images, or of one image for B sets of prompts.
            points_xy: float32 (B, N, 2), input pixels; N may be 0 beside a mask.
            point_labels: int (B, N): 1 positive, 0 negative, 2/3 box corners, -1 padding.
            mask_logits: float32 (B, 1, S/4, S/4), a mask to correct.

        Returns:
            Logits float32 (B, 3, S/4, S/4) and predicted IoU (B, 3).

        """
        return self._decode(features, points_xy, point_labels, mask_logits)

    def decode_one(
        self,
        features: ImageFeatures,
        points_xy: Tensor,
        point_labels: Tensor,
        mask_logits: Tensor | None = None,
        *,
        tokens: Tensor | None = None,
        meaning: Meaning = "object",
    ) -> DecodedMasks:
        """Predict by the single-mask token ("object") or the first of the three ("layer").

        See `Sam2ImageModel.decode_one`. The official tokens have no meaning of their own; the
        one for the layer gets it by training.
        """
        decoded = self._decode(
            features,
            points_xy,
            point_labels,
            mask_logits,
            tokens,
            multimask=meaning == "layer",
        )
        return DecodedMasks(decoded.logits[:, :1], decoded.iou[:, :1])

    def _decode(
        self,
        features: ImageFeatures,
        points_xy: Tensor,
        point_labels: Tensor,
        mask_logits: Tensor | None,
        tokens: Tensor | None = None,
        *,
        multimask: bool = True,
    ) -> DecodedMasks:
        points = (points_xy, point_labels) if points_xy.shape[1] else None
        sparse, dense = self.sam_prompt_encoder(points=points, boxes=None, masks=mask_logits)
        masks, iou, _, _ = self.sam_mask_decoder(
            image_embeddings=features.embedding,
            image_pe=self.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse if tokens is None else torch.cat([sparse, tokens], 1),
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
            repeat_image=features.embedding.shape[0] != points_xy.shape[0],
            high_res_features=list(features.high_res),
        )
        return DecodedMasks(masks, iou)


def _build_encoder(config: HieraConfig) -> ImageEncoder:
    trunk = Hiera(embed_dim=config.embed_dim, **config.trunk_options)
    neck = FpnNeck(
        _NoPositions(),
        WIDTH,
        list(config.channels),
        fpn_interp_model="nearest",
        fpn_top_down_levels=[2, 3],
    )
    return ImageEncoder(trunk, neck, scalp=1)


def _build_prompt_encoder(input_size_px: int) -> PromptEncoder:
    side = input_size_px // _STRIDE_PX
    return PromptEncoder(
        embed_dim=WIDTH,
        image_embedding_size=(side, side),
        input_image_size=(input_size_px, input_size_px),
        mask_in_chans=16,
    )


def _build_decoder() -> MaskDecoder:
    return MaskDecoder(
        transformer_dim=WIDTH,
        transformer=TwoWayTransformer(depth=2, embedding_dim=WIDTH, mlp_dim=2048, num_heads=8),
        use_high_res_features=True,
        iou_prediction_use_sigmoid=True,
        pred_obj_scores=True,
        pred_obj_scores_mlp=True,
        use_multimask_token_for_obj_ptr=True,
    )


def build_official_sam2(
    size: str, weights: Mapping[str, Tensor] | None = None, *, input_size_px: int = INPUT_SIZE_PX
) -> OfficialSam2:
    """Return an official model in eval mode on the CPU; untrained without weights.

    Args:
        size: a key of `OFFICIAL_SIZES`.
        weights: state dict of an official checkpoint, with or without the video memory.
        input_size_px: side of the square input, a multiple of 32; officially 1024.

    Raises:
        KeyError: unknown size.
        CheckpointError: the weights are not those of this size.

    """
    model = OfficialSam2(OFFICIAL_SIZES[size], input_size_px=input_size_px)
    if weights is not None:
        _load_strictly(model, weights, size)
    return model.eval()


def official_size_of(weights: Mapping[str, Tensor]) -> str | None:
    """Return the size whose trunk these weights have, or None if they are no SAM 2."""
    patches = weights.get("image_encoder.trunk.patch_embed.proj.weight")
    if patches is None or "sam_mask_decoder.iou_token.weight" not in weights:
        return None
    prefix = "image_encoder.trunk.blocks."
    num_blocks = len({key.split(".")[3] for key in weights if key.startswith(prefix)})
    for size, config in OFFICIAL_SIZES.items():
        stages = config.trunk_options.get("stages", (2, 3, 16, 3))
        if (config.embed_dim, sum(stages)) == (int(patches.shape[0]), num_blocks):
            return size
    return None


def _load_strictly(model: OfficialSam2, weights: Mapping[str, Tensor], size: str) -> None:
    image_weights = {k: v for k, v in weights.items() if not k.startswith(_MEMORY_KEYS)}
    try:
        model.load_state_dict(image_weights, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(
            f"The weights are not those of {size}: {reason}. "
            "Choose the model that the file belongs to, or download it again."
        ) from error
