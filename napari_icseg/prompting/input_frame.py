"""How a window of an image and its prompts become a model's input, and masks come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_icseg.prompting.protocol import Prompts
    from trainers.io.rle import RleMask

SIZE_MULTIPLE_PX = 32
MASK_STRIDE_PX = 4
MASK_LOGIT = 10.0
"""Logit of a pixel inside a mask prompt, its negative outside; as in SAM-2's `SAM2Base`."""
_BOX_LABELS, _PADDING_LABEL = (2, 3), -1


@dataclass(frozen=True)
class InputFrame:
    """The input's geometry for one window.

    Attributes:
        window_hw: height and width of the window in pixels.
        side_px: side of the square that the window is squashed to; None keeps its pixels
            and pads right and below to a multiple of 32.

    """

    window_hw: tuple[int, int]
    side_px: int | None

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width of the model's input in pixels."""
        if self.side_px is not None:
            return self.side_px, self.side_px
        height, width = (-(-side // SIZE_MULTIPLE_PX) * SIZE_MULTIPLE_PX for side in self.window_hw)
        return height, width

    def fit(self, pixels: NDArray[np.float32]) -> Tensor:
        """Return a window's pixels float32 (h, w) as the model's input (1, 1, H, W)."""
        if self.side_px is None:
            # mirrored, because a black border would look like an edge of the metal
            pixels = np.pad(pixels, self._padding(), mode="symmetric")
            return torch.from_numpy(pixels)[None, None]
        image = torch.from_numpy(pixels)[None, None]
        return functional.interpolate(image, self.input_hw, mode="bilinear", antialias=True)

    def unfit(self, logits: Tensor) -> Tensor:
        """Return logits (B, C, H/4, W/4) or finer in the window's pixels, float32 (B, C, h, w)."""
        height, width = self.window_hw
        size_hw = self.window_hw if self.side_px is not None else self.input_hw
        full = logits.float()
        if tuple(full.shape[-2:]) != size_hw:
            full = functional.interpolate(full, size_hw, mode="bilinear")
        return full[..., :height, :width]

    def points(self, prompts: Prompts, num_clicks: int) -> tuple[Tensor, Tensor]:
        """Return the box's corners and the first clicks in the input's pixels.

        Args:
            prompts: in window coordinates.
            num_clicks: later clicks are left out.

        Returns:
            float32 (1, N, 2) as x, y, and int64 labels (1, N); a padding point where there
            is neither box nor click.

        """
        points = prompts.points_xy[:num_clicks]
        labels = [int(label) for label in prompts.labels[:num_clicks]]
        if prompts.box_xyxy is not None:
            points = np.concatenate([prompts.box_xyxy.reshape(2, 2), points])
            labels = [*_BOX_LABELS, *labels]
        if not labels:
            points, labels = np.zeros((1, 2), dtype=np.float32), [_PADDING_LABEL]
        return self._scaled(points)[None], torch.tensor([labels], dtype=torch.int64)

    def mask_logits(self, mask: RleMask | None) -> Tensor | None:
        """Return a mask in window coordinates as logits float32 (1, 1, H/4, W/4)."""
        if mask is None:
            return None
        pixels = mask.to_mask(self.window_hw).astype(np.float32)
        if self.side_px is None:
            pixels = np.pad(pixels, self._padding())
        size_hw = tuple(side // MASK_STRIDE_PX for side in self.input_hw)
        coarse = functional.interpolate(
            torch.from_numpy(pixels)[None, None], size_hw, mode="bilinear", antialias=True
        )
        return (2 * coarse - 1) * MASK_LOGIT

    def _padding(self) -> tuple[tuple[int, int], tuple[int, int]]:
        (height, width), (input_height, input_width) = self.window_hw, self.input_hw
        return (0, input_height - height), (0, input_width - width)

    def _scaled(self, points_xy: NDArray[np.float32]) -> Tensor:
        if self.side_px is None:
            return torch.from_numpy(points_xy)
        height, width = self.window_hw
        return torch.from_numpy(points_xy / np.array([width, height], np.float32)) * self.side_px
