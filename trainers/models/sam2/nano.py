"""sam2-nano: SAM-2's neck, prompt encoder and mask decoder over a small conv trunk."""

from __future__ import annotations

import torch
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
from torch import Tensor, nn
from torch.nn import functional

from trainers.models.sam2.decoder import DETAIL_CHANNELS, EDGE_CHANNELS, NanoMaskDecoder
from trainers.models.sam2.interface import DecodedMasks, ImageFeatures, Meaning, Pyramid
from trainers.models.sam2.prompts import NanoPromptEncoder, guides
from trainers.models.sam2.trunk import DEFAULT_WIDTHS, ConvTrunk, Widths, conv_bn

TOKENS = ("net", "layer", "part")
"""Meaning of the three mask tokens, in order."""
STD_FLOOR = 0.03
"""In units of the full grey range."""
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
        self.width = width
        trunk = ConvTrunk(trunk_widths, num_blocks)
        neck = FpnNeck(_NoPositions(), width, trunk.channel_list, fpn_interp_model="bilinear")
        self.image_encoder = ImageEncoder(trunk, neck, scalp=1)
        self.prompt_encoder = NanoPromptEncoder(width)
        self.mask_decoder = NanoMaskDecoder(width)
        self.detail = DetailHead(trunk.finest_channels, width)
        self.edges = EdgeHead()
        self.dense_head = nn.Conv2d(width, NUM_DENSE_CLASSES, 1)

    def encode(self, images: Tensor) -> ImageFeatures:
        """Compute what all prompts of an image share.

        Args:
            images: float32 (B, 1, H, W) in 0..1, H and W multiples of 32.

        Returns:
            Maps at strides 16, and 1, 2, 4 and 8 as the decoder takes them.
        """
        return self.project(self.encode_pyramid(images))

    def encode_with_classes(self, images: Tensor) -> tuple[ImageFeatures, Tensor]:
        """As `encode`, and the dense class logits (B, 3, H/4, W/4) used in training."""
        pyramid = self.encode_pyramid(images)
        return self.project(pyramid), self.dense_head(pyramid.levels[0])

    def encode_pyramid(self, images: Tensor) -> Pyramid:
        """Compute the neck's levels, and the maps at strides 1 and 2 beside them."""
        standardized = standardize(images)
        finest, *maps = self.image_encoder.trunk(standardized)
        stride_4, stride_8, stride_16, stride_32 = self.image_encoder.neck(maps)[0]
        stride_2 = self.detail(finest, stride_4)
        height, width = images.shape[-2:]
        return Pyramid(
            (stride_4, stride_8, stride_16, stride_32),
            (self.edges(standardized, stride_2), stride_2),
            (int(height), int(width)),
        )

    def project(self, pyramid: Pyramid) -> ImageFeatures:
        """Return what the decoder reads of a pyramid."""
        stride_4, stride_8, stride_16, _ = pyramid.levels
        decoder = self.mask_decoder
        high_res = (*pyramid.finer, decoder.conv_s0(stride_4), decoder.conv_s1(stride_8))
        return ImageFeatures(stride_16, high_res, pyramid.size_hw)

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
            mask_logits: float32 (B, 1, H/4, W/4) or finer, a mask to correct.

        Returns:
            Logits float32 (B, 3, H, W) and predicted IoU (B, 3), in the order of `TOKENS`.
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
        """Predict the net ("object") or the layer alone; see `Sam2ImageModel.decode_one`."""
        wanted = (TOKENS.index("layer" if meaning == "layer" else "net"),)
        return self._decode(features, points_xy, point_labels, mask_logits, tokens, wanted)

    def _decode(
        self,
        features: ImageFeatures,
        points_xy: Tensor,
        point_labels: Tensor,
        mask_logits: Tensor | None,
        tokens: Tensor | None = None,
        wanted: tuple[int, ...] = (0, 1, 2),
    ) -> DecodedMasks:
        features = features.for_each_prompt(points_xy.shape[0])
        prompts, size_hw = self.prompt_encoder, features.size_hw
        origin_xy = prompts.origin(points_xy, point_labels, size_hw)
        sparse = prompts.sparse(points_xy, point_labels, features, origin_xy, mask_logits)
        logits, iou = self.mask_decoder.decode(
            features,
            sparse if tokens is None else torch.cat([sparse, tokens], dim=1),
            prompts.dense(points_xy, point_labels, mask_logits, size_hw),
            prompts.dense_positions(size_hw, origin_xy),
            guides(points_xy, point_labels, mask_logits, size_hw),
            wanted,
        )
        return DecodedMasks(logits, iou)


def standardize(images: Tensor) -> Tensor:
    """Bring images (B, 1, H, W) in 0..1 to mean 0 and about unit deviation, each by itself.

    Instruments differ in brightness and contrast; a blank tile's noise must not become a
    pattern, hence the floor.
    """
    std, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
    return (images - mean) / (std + STD_FLOOR)


class DetailHead(nn.Module):
    """Stride-2 features for thin lines and small vias: the trunk's, told what the neck knows.

    Args:
        num_fine: channels of the trunk's stride-2 map.
        num_coarse: channels of the neck's stride-4 map.
    """

    def __init__(self, num_fine: int, num_coarse: int) -> None:
        super().__init__()
        self.coarse = nn.Conv2d(num_coarse, num_fine, 1)
        self.mix = conv_bn(num_fine, 2 * DETAIL_CHANNELS)
        self.out = nn.Conv2d(2 * DETAIL_CHANNELS, DETAIL_CHANNELS, 1)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Join (B, F, H/2, W/2) and (B, C, H/4, W/4) to (B, 8, H/2, W/2)."""
        known = functional.interpolate(self.coarse(coarse), scale_factor=2, mode="nearest")
        features: Tensor = self.out(functional.relu(self.mix(fine + known)))
        return features


class EdgeHead(nn.Module):
    """Full-resolution features that place an edge within a pixel.

    The image itself, joined by what the stride-2 features make of each place.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Conv2d(1, 2 * EDGE_CHANNELS, 3, padding=1)
        self.coarse = nn.Conv2d(DETAIL_CHANNELS, 2 * EDGE_CHANNELS, 1)
        self.out = nn.Conv2d(2 * EDGE_CHANNELS, EDGE_CHANNELS, 3, padding=1)

    def forward(self, images: Tensor, stride_2: Tensor) -> Tensor:
        """Join (B, 1, H, W) and (B, 8, H/2, W/2) to (B, 4, H, W)."""
        known = functional.interpolate(self.coarse(stride_2), scale_factor=2, mode="bilinear")
        fine = self.fine(images)
        # the largest maps of the model: without gradients no more of them than needed
        fine = fine + known if torch.is_grad_enabled() else fine.add_(known)
        del known
        features: Tensor = self.out(functional.relu(fine, inplace=True))
        return features


def build_sam2_nano(*, seed: int = 0, num_blocks: int = 2, width: int = 128) -> Sam2Nano:
    """Return an untrained sam2-nano whose weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Sam2Nano(width=width, num_blocks=num_blocks)
    # a CPU then needs two thirds of the time for the trunk
    return model.to(memory_format=torch.channels_last)
