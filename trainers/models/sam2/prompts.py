"""sam2-nano's prompt encoder: SAM-2's own, for inputs of any size, with click disks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from sam2.modeling.sam.prompt_encoder import PromptEncoder
from torch import Tensor, nn
from torch.nn import functional

from trainers.models.sam2.decoder import zero

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainers.models.sam2.interface import ImageFeatures

REFERENCE_SIZE_PX = 256
"""Positions are coded in units of this many pixels from the first click, and end there.

SAM-2 codes positions relative to the input's size, so that a model trained at one size
sees other geometry at another. Here a click looks the same wherever it falls, in a 256 px
tile and in a 1024 px window alike; what is farther away than any pixel of a tile is "far".
"""
CLICK_SIGMA_PX = 6.0
CLICK_LOGIT = 10.0
GUIDE_SIGMA_PX = 2.5
"""Of the clicks in the guides: small enough to say on which side of an edge they lie."""
EMBEDDING_STRIDE_PX = 16
MASK_STRIDE_PX = 4
GUIDE_STRIDE_PX = 2


class NanoPromptEncoder(PromptEncoder):
    """SAM-2's prompt encoder with positions relative to a click, told what lies under it.

    Each click adds a Gaussian disk (sigma 6 px, +10 logits inside an object, -10 outside)
    to the dense prompt, and the image features under it to its own token: the decoder's
    cross-attention alone places a click only to within one token of 16 px, wider than a
    via or a thin line. Where a mask is corrected, the token is also told what that mask
    said at the click: a click just beyond an edge then moves all edges like it.

    Args:
        embed_dim: channels of the stride-16 embedding; the maps at strides 8 and 4 that
            the decoder uses have a quarter and an eighth of them.
    """

    def __init__(self, embed_dim: int) -> None:
        side = REFERENCE_SIZE_PX // EMBEDDING_STRIDE_PX
        super().__init__(
            embed_dim=embed_dim,
            image_embedding_size=(side, side),
            input_image_size=(REFERENCE_SIZE_PX, REFERENCE_SIZE_PX),
            mask_in_chans=16,
        )
        self.under_click = nn.Linear(embed_dim + embed_dim // 4 + embed_dim // 8, embed_dim)
        last = nn.Linear(embed_dim // 4, embed_dim)
        zero(last)
        self.shown_at_click = nn.Sequential(nn.Linear(2, embed_dim // 4), nn.GELU(), last)

    def origin(self, points_xy: Tensor, labels: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """Return the point (B, 1, 2) from which positions are counted.

        It is the first positive click, else the box's centre, else the input's.
        """
        is_click = labels == 1
        first = is_click.int().argmax(dim=1)[:, None, None].expand(-1, 1, 2)
        click = points_xy.gather(1, first)
        corners = ((labels == 2) | (labels == 3)).unsqueeze(-1) * points_xy / 2
        center = points_xy.new_tensor([size_hw[1] / 2, size_hw[0] / 2]).expand_as(click)
        has_box = (labels == 2).any(dim=1)[:, None, None]
        other = torch.where(has_box, corners.sum(dim=1, keepdim=True), center)
        return torch.where(is_click.any(dim=1)[:, None, None], click, other)

    def dense_positions(self, size_hw: tuple[int, int], origin_xy: Tensor) -> Tensor:
        """Return the positional code (B, C, H/16, W/16) of an input's stride-16 map.

        Args:
            size_hw: height and width of the input in pixels.
            origin_xy: float32 (B, 1, 2), see `origin`.
        """
        device, stride = origin_xy.device, EMBEDDING_STRIDE_PX
        rows = torch.arange(0, size_hw[0], stride, device=device) + stride / 2
        cols = torch.arange(0, size_hw[1], stride, device=device) + stride / 2
        grid_y, grid_x = torch.meshgrid(rows, cols, indexing="ij")
        centers = torch.stack([grid_x, grid_y], dim=-1).reshape(1, -1, 2) - 0.5
        code = self._encode(_from_origin(centers, origin_xy)).transpose(1, 2)
        return code.reshape(*code.shape[:2], len(rows), len(cols))

    def sparse(
        self,
        points_xy: Tensor,
        labels: Tensor,
        features: ImageFeatures,
        origin_xy: Tensor,
        mask_logits: Tensor | None = None,
    ) -> Tensor:
        """Embed points (B, N, 2) in input pixels with labels (B, N); -1 marks padding.

        `mask_logits`, float32 (B, 1, h, w), is the mask to correct, if there is one.

        Returns:
            float32 (B, N + 1, C); the last token is SAM-2's padding point.
        """
        with torch.autocast(points_xy.device.type, enabled=False):
            relative = _from_origin(points_xy, origin_xy)
            embedded: Tensor = self._embed_points(relative, labels, pad=True)
        is_click = ((labels == 0) | (labels == 1)).unsqueeze(-1)
        levels = (features.embedding, *features.high_res[-2:])
        seen = self.under_click(sampled(levels, points_xy, features.size_hw)) * is_click
        if mask_logits is not None:
            limited = mask_logits.float().clamp(-CLICK_LOGIT, CLICK_LOGIT) / CLICK_LOGIT
            shown = sampled((limited,), points_xy, features.size_hw)
            # near 0 lies the edge, where a small difference matters most
            told = torch.cat([shown, shown.sign() * shown.abs().sqrt()], dim=-1)
            seen = seen + self.shown_at_click(told) * is_click
        return embedded + functional.pad(seen, (0, 0, 0, 1))

    def _encode(self, points_xy: Tensor) -> Tensor:
        # half precision is too coarse for the phase of a sine
        with torch.autocast(points_xy.device.type, enabled=False):
            code: Tensor = self.pe_layer.forward_with_coords(points_xy + 0.5, self.input_image_size)
        return code

    def dense(
        self,
        points_xy: Tensor,
        labels: Tensor,
        mask_logits: Tensor | None,
        size_hw: tuple[int, int],
    ) -> Tensor:
        """Embed mask logits (B, 1, H/4, W/4) or finer, or none, with the clicks drawn in.

        Returns:
            float32 (B, C, H/16, W/16).
        """
        disks = click_disks(points_xy, labels, size_hw)
        prompt = disks
        if mask_logits is not None:
            prompt = disks + _resized(mask_logits.clamp(-CLICK_LOGIT, CLICK_LOGIT), disks.shape)
        embedded: Tensor = self._embed_masks(prompt)
        return embedded


def _from_origin(points_xy: Tensor, origin_xy: Tensor) -> Tensor:
    """Return points (B, N, 2) as SAM-2's position code takes them: the origin in the middle."""
    offset = (points_xy - origin_xy).clamp(-REFERENCE_SIZE_PX, REFERENCE_SIZE_PX)
    return offset + REFERENCE_SIZE_PX / 2


def sampled(levels: Iterable[Tensor], points_xy: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Return maps (B, c, h, w), interpolated at points (B, N, 2) in input pixels: (B, N, C)."""
    height, width = size_hw
    size = points_xy.new_tensor([width, height])
    grid = ((points_xy + 0.5) / size * 2 - 1).unsqueeze(2)
    samples = [
        functional.grid_sample(level.float(), grid, padding_mode="border", align_corners=False)
        for level in levels
    ]
    return torch.cat(samples, dim=1).squeeze(-1).transpose(1, 2)


def guides(
    points_xy: Tensor, labels: Tensor, mask_logits: Tensor | None, size_hw: tuple[int, int]
) -> Tensor:
    """Return what a prompt says of single pixels, float32 (B, 2, H/2, W/2) in -1..1.

    The clicks (1 at a positive one, -1 at a negative one), and the mask to correct, 0 without
    one; arguments as for `NanoPromptEncoder.dense`.
    """
    rows, cols = pixel_centers(size_hw, GUIDE_STRIDE_PX, points_xy.device)
    disks = signed_disks(points_xy, labels, rows, cols, sigma_px=GUIDE_SIGMA_PX)
    if mask_logits is None:
        return torch.cat([disks, torch.zeros_like(disks)], dim=1)
    limited = mask_logits.float().clamp(-CLICK_LOGIT, CLICK_LOGIT) / CLICK_LOGIT
    return torch.cat([disks, _resized(limited, disks.shape)], dim=1)


def _resized(maps: Tensor, like: tuple[int, ...]) -> Tensor:
    """Return maps (B, C, h, w) in the last two sizes of `like`, averaged where that is coarser."""
    size = (like[-2], like[-1])
    if maps.shape[-1] >= size[1]:
        return functional.adaptive_avg_pool2d(maps, size)
    return functional.interpolate(maps, size, mode="bilinear")


def click_disks(points_xy: Tensor, labels: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Draw clicks and boxes as a logit map at stride 4.

    Args:
        points_xy: float32 (B, N, 2), input pixels.
        labels: (B, N): 1 positive, 0 negative, 2 and 3 the corners of a box, -1 padding.
        size_hw: height and width of the input in pixels.

    Returns:
        float32 (B, 1, H/4, W/4): the strongest disk at each pixel, in logits.
    """
    rows, cols = pixel_centers(size_hw, MASK_STRIDE_PX, points_xy.device)
    disks = signed_disks(points_xy, labels, rows, cols, sigma_px=CLICK_SIGMA_PX)
    return CLICK_LOGIT * disks + outside_boxes(points_xy, labels, rows, cols)


def pixel_centers(
    size_hw: tuple[int, int], stride_px: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return the rows (h,) and columns (w,), in input pixels from its edge, of a map's cells."""
    height, width = (side // stride_px for side in size_hw)
    rows = (torch.arange(height, device=device) + 0.5) * stride_px
    return rows, (torch.arange(width, device=device) + 0.5) * stride_px


def signed_disks(
    points_xy: Tensor, labels: Tensor, rows: Tensor, cols: Tensor, *, sigma_px: float
) -> Tensor:
    """Return the strongest Gaussian disk at each cell, float32 (B, 1, h, w), -1..1."""
    # the Gaussian is separable: two (B, N, side) vectors instead of a (B, N, H, W) distance map
    falloff_x = torch.exp(-((cols - points_xy[..., 0:1] - 0.5) ** 2) / (2 * sigma_px**2))
    falloff_y = torch.exp(-((rows - points_xy[..., 1:2] - 0.5) ** 2) / (2 * sigma_px**2))
    positive = (labels == 1).unsqueeze(-1) * falloff_y
    negative = (labels == 0).unsqueeze(-1) * falloff_y
    return _strongest(positive, falloff_x) - _strongest(negative, falloff_x)


def _strongest(falloff_y: Tensor, falloff_x: Tensor) -> Tensor:
    return (falloff_y.unsqueeze(-1) * falloff_x.unsqueeze(-2)).amax(dim=1, keepdim=True)


def outside_boxes(points_xy: Tensor, labels: Tensor, rows: Tensor, cols: Tensor) -> Tensor:
    """Return -10 outside the box whose corners have the labels 2 and 3, else 0: (B, 1, h, w)."""
    has_box = (labels == 2).any(dim=1)
    if not bool(has_box.any()):
        return points_xy.new_zeros(points_xy.shape[0], 1, len(rows), len(cols))
    low = (points_xy * (labels == 2).unsqueeze(-1)).sum(dim=1)
    high = (points_xy * (labels == 3).unsqueeze(-1)).sum(dim=1)
    inside_x = (cols >= low[:, 0:1]) & (cols <= high[:, 0:1] + 1)
    inside_y = (rows >= low[:, 1:2]) & (rows <= high[:, 1:2] + 1)
    inside = inside_y.unsqueeze(-1) & inside_x.unsqueeze(-2)
    return (-CLICK_LOGIT * (~inside & has_box[:, None, None])).unsqueeze(1).float()
