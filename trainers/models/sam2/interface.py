"""What a promptable image model offers, sam2-nano and the official SAM 2.1 alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor


Meaning = Literal["object", "layer"]
"""What one mask stands for: the object that the prompts mean, or all of its class."""


@dataclass(frozen=True)
class Pyramid:
    """What an encoder makes of images, before any part that belongs to a decoder.

    Attributes:
        levels: float (B, C, H/s, W/s) at the strides s = 4, 8, 16 and 32, finest first.
        finer: maps at strides below 4, finest first, that sam2-nano's decoder reads.
        size_hw: height and width of the input in pixels.
    """

    levels: tuple[Tensor, Tensor, Tensor, Tensor]
    finer: tuple[Tensor, ...]
    size_hw: tuple[int, int]

    def tensors(self) -> dict[str, Tensor]:
        """Return the maps by name; see `of_tensors`."""
        names = [f"stride_{4 << i}" for i in range(4)] + [f"finer_{i}" for i in range(8)]
        return dict(zip(names, (*self.levels, *self.finer), strict=False))

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor], size_hw: tuple[int, int]) -> Pyramid:
        """Return the pyramid whose `tensors` these are; raise KeyError if one is missing."""
        first, second, third, last = (tensors[f"stride_{4 << i}"] for i in range(4))
        finer = tuple(tensors[f"finer_{i}"] for i in range(len(tensors) - 4))
        return cls((first, second, third, last), finer, size_hw)


@dataclass(frozen=True)
class ImageFeatures:
    """What all prompts of an image share.

    Attributes:
        embedding: float32 (B, C, H/16, W/16).
        high_res: finer maps for the mask decoder, finest first: those at strides 4 and 8 that
            SAM-2 has, float32 (B, C/8, H/4, W/4) and (B, C/4, H/8, W/8), last; sam2-nano has
            two at strides 1 and 2 before them.
        size_hw: height and width of the input in pixels.
    """

    embedding: Tensor
    high_res: tuple[Tensor, ...]
    size_hw: tuple[int, int]

    def map(self, change: Callable[[Tensor], Tensor]) -> ImageFeatures:
        """Return features whose maps, all (B, …), have been changed alike."""
        high_res = tuple(change(level) for level in self.high_res)
        return ImageFeatures(change(self.embedding), high_res, self.size_hw)

    def select(self, images: Sequence[int]) -> ImageFeatures:
        """Return the features of these images, once for each time they are named."""
        return self.map(lambda level: level[list(images)])

    def for_each_prompt(self, num_prompts: int) -> ImageFeatures:
        """Return one image's features once for each prompt; those of B images for B as is."""
        if self.embedding.shape[0] == num_prompts:
            return self
        return self.map(lambda level: level.expand(num_prompts, -1, -1, -1))


@dataclass(frozen=True)
class DecodedMasks:
    """K masks for each set of prompts: three, or the one that was asked for.

    Attributes:
        logits: float32 (B, K, H/s, W/s), above 0 is inside; s is 4 for SAM 2.1, 1 for sam2-nano.
        iou: float32 (B, K), the IoU that the model expects of each.
    """

    logits: Tensor
    iou: Tensor


class Sam2ImageModel(Protocol):
    """A SAM-2 for single images."""

    input_size_px: int | None
    """The fixed side of the square input, or None where any multiple of 32 will do."""
    native_resolution: bool
    """True where a window is taken pixel by pixel, False where it is squashed to the input."""
    token_kinds: tuple[str, ...]
    """Meaning of the three masks, in order."""
    width: int
    """Channels C of the pyramid's levels, of the embedding and of a token."""

    def encode_pyramid(self, images: Tensor) -> Pyramid:
        """Compute what a frozen encoder gives; arguments as for `encode`."""

    def project(self, pyramid: Pyramid) -> ImageFeatures:
        """Return the features that the decoder reads, by its own convolutions."""

    def encode(self, images: Tensor) -> ImageFeatures:
        """Compute the features of images float32 (B, 1, H, W) in 0..1."""

    def decode(
        self,
        features: ImageFeatures,
        points_xy: Tensor,
        point_labels: Tensor,
        mask_logits: Tensor | None = None,
    ) -> DecodedMasks:
        """Predict masks for prompts.

        Args:
            features: of B images, or of one image for B sets of prompts.
            points_xy: float32 (B, N, 2), input pixels.
            point_labels: int (B, N): 1 positive, 0 negative, 2/3 box corners, -1 padding.
            mask_logits: float32 (B, 1, H/4, W/4), a mask to correct.
        """

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
        """Predict one mask (K = 1) for each set of prompts; see `decode`.

        Args:
            features: as for `decode`.
            points_xy: as for `decode`; N is at least 1, a lone padding point for no prompt.
            point_labels: as for `decode`.
            mask_logits: as for `decode`.
            tokens: float32 (B, K, C), learned prompts beside the points.
            meaning: which mask.
        """
