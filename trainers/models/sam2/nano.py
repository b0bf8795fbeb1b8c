"""sam2-nano: SAM-2's neck, prompt encoder and mask decoder over a small conv trunk."""

from __future__ import annotations

import torch
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
from sam2.modeling.sam.mask_decoder import MaskDecoder
from sam2.modeling.sam.transformer import TwoWayTransformer
from torch import Tensor, nn

from trainers.models.sam2.interface import DecodedMasks, ImageFeatures
from trainers.models.sam2.prompts import NanoPromptEncoder
from trainers.models.sam2.trunk import DEFAULT_WIDTHS, ConvTrunk, Widths

TOKENS = ("net", "layer", "part")
"""Meaning of the three mask tokens, in order."""
NUM_DENSE_CLASSES = 3
"""Background, metal, via: classes of the auxiliary dense head."""


class _NoPositions(nn.Module):
    """SAM-2's neck returns positional codes for its memory, which an image model lacks."""

    def forward(self, features: Tensor) -> Tensor:
        return features.new_zeros(())


class Sam2Nano(nn.Module):
    """A promptable image model for grey images of any size, at native resolution.

    Args:
        width: channels of neck, prompts and decoder.
        trunk_widths: channels of the trunk's stages.
        num_blocks: residual blocks of each stage of the trunk.
    """

    native_resolution = True
    input_size_px: int | None = None
    token_kinds: tuple[str, ...] = TOKENS

    def __init__(
        self, *, width: int = 128, trunk_widths: Widths = DEFAULT_WIDTHS, num_blocks: int = 2
    ) -> None:
        super().__init__()
        trunk = ConvTrunk(trunk_widths, num_blocks)
        neck = FpnNeck(_NoPositions(), width, trunk.channel_list, fpn_interp_model="bilinear")
        self.image_encoder = ImageEncoder(trunk, neck, scalp=1)
        self.prompt_encoder = NanoPromptEncoder(width)
        self.mask_decoder = MaskDecoder(
            transformer_dim=width,
            transformer=TwoWayTransformer(depth=2, embedding_dim=width, num_heads=8, mlp_dim=512),
            use_high_res_features=True,
            iou_head_hidden_dim=width,
            iou_prediction_use_sigmoid=True,
        )
        self.dense_head = nn.Conv2d(width, NUM_DENSE_CLASSES, 1)

    def encode(self, images: Tensor) -> ImageFeatures:
        """Compute what all prompts of an image share.

        Args:
            images: float32 (B, 1, H, W) in 0..1, H and W multiples of 32.

        Returns:
            Maps at strides 16, 4 and 8; the latter two projected by the decoder.
        """
        features, _ = self.encode_with_classes(images)
        return features

    def encode_with_classes(self, images: Tensor) -> tuple[ImageFeatures, Tensor]:
        """As `encode`, and the dense class logits (B, 3, H/4, W/4) used in training."""
        stride_4, stride_8, stride_16 = self.image_encoder(images - 0.5)["backbone_fpn"]
        high_res = (self.mask_decoder.conv_s0(stride_4), self.mask_decoder.conv_s1(stride_8))
        height, width = images.shape[-2:]
        features = ImageFeatures(stride_16, high_res, (int(height), int(width)))
        return features, self.dense_head(stride_4)

    def decode(
        self,
        features: ImageFeatures,
        points_xy: Tensor,
        point_labels: Tensor,
        mask_logits: Tensor | None = None,
    ) -> DecodedMasks:
        """Predict the net, the layer and the part that the prompts mean.

        Args:
            features: of B images, or of one image for B sets of prompts.
            points_xy: float32 (B, N, 2), input pixels.
            point_labels: int (B, N): 1 positive, 0 negative, 2/3 box corners, -1 padding.
            mask_logits: float32 (B, 1, H/4, W/4), a mask to correct.

        Returns:
            Logits float32 (B, 3, H/4, W/4) and predicted IoU (B, 3), in the order of `TOKENS`.
        """
        features = _for_each_prompt(features, points_xy.shape[0])
        prompts = self.prompt_encoder
        masks, iou, _, _ = self.mask_decoder(
            image_embeddings=features.embedding,
            image_pe=prompts.dense_positions(_hw(features.embedding)),
            sparse_prompt_embeddings=prompts.sparse(points_xy, point_labels, features),
            dense_prompt_embeddings=prompts.dense(
                points_xy, point_labels, mask_logits, features.size_hw
            ),
            multimask_output=True,
            repeat_image=False,
            high_res_features=list(features.high_res),
        )
        return DecodedMasks(masks, iou)


def _for_each_prompt(features: ImageFeatures, num_prompts: int) -> ImageFeatures:
    """Return one image's features once for each prompt; those of B images for B prompts as is."""
    if features.embedding.shape[0] == num_prompts:
        return features
    fine, coarse = (level.expand(num_prompts, -1, -1, -1) for level in features.high_res)
    embedding = features.embedding.expand(num_prompts, -1, -1, -1)
    return ImageFeatures(embedding, (fine, coarse), features.size_hw)


def _hw(features: Tensor) -> tuple[int, int]:
    return int(features.shape[-2]), int(features.shape[-1])


def build_sam2_nano(*, seed: int = 0, num_blocks: int = 2, width: int = 128) -> Sam2Nano:
    """Return an untrained sam2-nano whose weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Sam2Nano(width=width, num_blocks=num_blocks)
