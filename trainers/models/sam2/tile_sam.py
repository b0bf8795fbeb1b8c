"""A SAM-2 as a part of other models: frozen, for tiles of any size, its features kept on disk."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.models.sam2.interface import DecodedMasks, ImageFeatures, Meaning, Pyramid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainers.io.tensor_cache import TensorCache
    from trainers.models.sam2.build import Sam2Model

_MULTIPLE_PX = 32
_ENCODER, _PROMPTS, _DECODER = "encoder", "prompts", "decoder"
_PARTS = {
    "image_encoder": _ENCODER,
    "detail": _ENCODER,
    "edges": _ENCODER,
    "no_mem_embed": _ENCODER,
    "dense_head": _ENCODER,
    "prompt_encoder": _PROMPTS,
    "sam_prompt_encoder": _PROMPTS,
    "mask_decoder": _DECODER,
    "sam_mask_decoder": _DECODER,
}


class TileSam(nn.Module):
    """Encodes tiles and decodes prompts in tile pixels, whatever the input size of the SAM-2.

    The encoder never changes: it runs without gradient and always in eval mode. What it gives
    is rounded to half precision, cached or not, so that a run that was resumed on a full cache
    is the run that filled it.

    Args:
        sam: on the CPU, its weights loaded or still to come.
        train_decoder: whether the mask decoder (conv_s0 and conv_s1 included) learns.

    Attributes:
        sam: the model; its weights have the names of a SAM-2 checkpoint below this.
        cache: where features are kept; None computes them each time.
    """

    def __init__(self, sam: Sam2Model, *, train_decoder: bool) -> None:
        super().__init__()
        self.sam = sam
        self.cache: TensorCache | None = None
        self._encoder_id: str | None = None
        self.register_load_state_dict_post_hook(TileSam._forget_encoder)  # type: ignore[no-untyped-call]
        self.sam.requires_grad_(False)
        if train_decoder:
            for parameter in self._parameters_of(_DECODER):
                parameter.requires_grad_(True)

    @property
    def width(self) -> int:
        """Channels of the pyramid's levels and of a prompt token."""
        return self.sam.width

    def train(self, mode: bool = True) -> TileSam:
        """Set the mode; all that is frozen stays in eval mode."""
        super().train(mode)
        for name, module in self.sam.named_children():
            if not any(p.requires_grad for p in module.parameters()):
                module.eval()
            elif _PARTS[name] != _DECODER:
                raise AssertionError(f"{name} must be frozen")
        return self

    @torch.no_grad()
    def pyramid(self, images: Tensor) -> Pyramid:
        """Return the features of tiles float32 (B, 1, H, W) in 0..1, from the cache if it can.

        The tiles are encoded one by one on a CPU, so that a tile's features do not depend on
        its neighbours in the batch.
        """
        fitted = self._fit(images)
        names = [self._name(image) for image in images] if self.cache is not None else []
        found = [self._read(name) for name in names] or [None] * len(fitted)
        missing = [i for i, tensors in enumerate(found) if tensors is None]
        for i, tensors in zip(missing, self._encoded(fitted[missing]), strict=True):
            found[i] = tensors
            if self.cache is not None:
                self.cache.write(names[i], tensors, {})
        return _stacked([t for t in found if t is not None], fitted)

    def features(self, pyramid: Pyramid) -> ImageFeatures:
        """Return what the decoder reads, through its own (perhaps learning) convolutions."""
        return self.sam.project(pyramid)

    def decode_one(
        self,
        features: ImageFeatures,
        size_hw: tuple[int, int],
        *,
        points_xy: Tensor | None = None,
        point_labels: Tensor | None = None,
        mask_logits: Tensor | None = None,
        tokens: Tensor | None = None,
        meaning: Meaning = "object",
    ) -> DecodedMasks:
        """Predict one mask for each prompt.

        Args:
            features: of B tiles (or of one for B prompts), from `features`.
            size_hw: height and width of the tiles in pixels.
            points_xy: float32 (B, N, 2) in tile pixels; None for no points.
            point_labels: (B, N): 1 positive, 0 negative, 2/3 box corners, -1 padding.
            mask_logits: float32 (B, 1, h, w), a mask to correct, at any resolution that covers
                the tile.
            tokens: float32 (B, K, C), learned prompts.
            meaning: which mask; see `Sam2ImageModel.decode_one`.

        Returns:
            Logits float32 (B, 1, h, w) that cover the tile, at the decoder's resolution (a
            quarter of the input of an official model, the full one of sam2-nano); see
            `to_tile`. And the predicted IoU (B, 1).
        """
        count = _count(points_xy, tokens, mask_logits, features)
        device = features.embedding.device
        if points_xy is None or point_labels is None:
            points_xy = torch.zeros(count, 1, 2, device=device)
            point_labels = -torch.ones(count, 1, device=device)
        else:
            points_xy = self._scaled(points_xy, size_hw, features.size_hw)
        if mask_logits is not None:
            side = tuple(length // 4 for length in features.size_hw)
            mask_logits = functional.interpolate(
                self._padded(mask_logits, size_hw), side, mode="bilinear", antialias=True
            )
        return self.sam.decode_one(
            features, points_xy, point_labels, mask_logits, tokens=tokens, meaning=meaning
        )

    def to_tile(self, logits: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """Return decoded logits (B, K, h, w) in tile pixels, float32 (B, K, H, W)."""
        full = _padded_size(size_hw) if self.sam.native_resolution else size_hw
        if logits.shape[-2:] != full:
            logits = functional.interpolate(logits.float(), full, mode="bilinear")
        return logits[..., : size_hw[0], : size_hw[1]].float()

    def _fit(self, images: Tensor) -> Tensor:
        if self.sam.native_resolution:
            return self._padded(images, (images.shape[-2], images.shape[-1]))
        side = self.sam.input_size_px
        assert side is not None
        if images.shape[-2:] == (side, side):
            return images
        return functional.interpolate(images, (side, side), mode="bilinear", antialias=True)

    def _padded(self, maps: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """Continue maps that cover a tile to the input's size by their edge, where it is padded."""
        if not self.sam.native_resolution or _padded_size(size_hw) == size_hw:
            return maps
        scale = maps.shape[-1] / size_hw[1]
        below, right = (
            round((full - side) * scale)
            for full, side in zip(_padded_size(size_hw), size_hw, strict=True)
        )
        mode = "reflect" if below < maps.shape[-2] and right < maps.shape[-1] else "replicate"
        return functional.pad(maps, (0, right, 0, below), mode=mode)

    def _scaled(
        self, points_xy: Tensor, size_hw: tuple[int, int], input_hw: tuple[int, int]
    ) -> Tensor:
        if self.sam.native_resolution:
            return points_xy
        return points_xy * points_xy.new_tensor(
            [input_hw[1] / size_hw[1], input_hw[0] / size_hw[0]]
        )

    def _encoded(self, images: Tensor) -> Iterator[dict[str, Tensor]]:
        # a convolution may add up in another order for another batch size
        step = 1 if images.device.type == "cpu" else max(1, len(images))
        for start in range(0, len(images), step):
            with torch.autocast(images.device.type, enabled=False):
                pyramid = self.sam.encode_pyramid(images[start : start + step].float())
            halves = {name: level.half() for name, level in pyramid.tensors().items()}
            for i in range(next(iter(halves.values())).shape[0]):
                yield {name: level[i] for name, level in halves.items()}

    def _read(self, name: str) -> dict[str, Tensor] | None:
        assert self.cache is not None
        entry = self.cache.read(name)
        return None if entry is None else entry[0]

    def _name(self, image: Tensor) -> str:
        """Name a tile (1, H, W) by its pixels and by what encodes it."""
        if self._encoder_id is None:
            self._encoder_id = self._hash_encoder()
        digest = hashlib.blake2b(self._encoder_id.encode(), digest_size=20)
        digest.update(repr(tuple(image.shape)).encode())
        digest.update(image.detach().float().cpu().contiguous().numpy().data)
        return digest.hexdigest()

    def _hash_encoder(self) -> str:
        digest = hashlib.blake2b(str(self.sam.input_size_px).encode(), digest_size=16)
        for name, value in self.sam.state_dict().items():
            if _PARTS[name.partition(".")[0]] == _ENCODER:
                digest.update(name.encode())
                digest.update(value.detach().float().cpu().contiguous().numpy().data)
        return digest.hexdigest()

    def _parameters_of(self, part: str) -> Iterator[nn.Parameter]:
        for name, parameter in self.sam.named_parameters():
            if _PARTS[name.partition(".")[0]] == part:
                yield parameter

    def _forget_encoder(self, *_: object) -> None:
        """Called by torch when weights were loaded."""
        self._encoder_id = None


def _padded_size(size_hw: tuple[int, int]) -> tuple[int, int]:
    height, width = (-(-side // _MULTIPLE_PX) * _MULTIPLE_PX for side in size_hw)
    return height, width


def _stacked(found: list[dict[str, Tensor]], fitted: Tensor) -> Pyramid:
    device = fitted.device
    maps = {
        name: torch.stack([t[name].to(device, non_blocking=True).float() for t in found])
        for name in found[0]
    }
    return Pyramid.of_tensors(maps, (int(fitted.shape[-2]), int(fitted.shape[-1])))


def _count(*given: Any) -> int:
    """Return the number of prompts: of the first of these that there is."""
    first = next(each for each in given if each is not None)
    return int(first.embedding.shape[0] if isinstance(first, ImageFeatures) else first.shape[0])
