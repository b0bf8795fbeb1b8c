"""Unlabelled tiles in two looks: one to be labelled, a harder one to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import torch

from trainers.data.dataset import TrainingTiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.data.snapshot import SnapshotItem
    from trainers.models.base import Batch

_GAIN, _OFFSET, _NOISE, _BLUR_PX = 1.6, 0.15, 0.06, 1.5
_BLUR_RATE = 0.5


class UnlabelledTiles:
    """Random crops in a random orientation, and the same crops with other grey values.

    An item is {"image", "strong"}, each float32 (1, S, S) in 0..1 of the same pixels, and
    depends on (seed, epoch, index) only.
    """

    def __init__(self, items: Sequence[SnapshotItem], *, size_px: int, seed: int) -> None:
        self._tiles = TrainingTiles(items, size_px=size_px, seed=seed, augment="orientation")
        self._seed, self._epoch = seed, 0

    def __len__(self) -> int:
        """Return the number of crops."""
        return len(self._tiles)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch (0-based) whose random draws are used."""
        self._epoch = epoch
        self._tiles.set_epoch(epoch)

    def __getitem__(self, index: int) -> Batch:
        """Return one crop in both looks."""
        image = self._tiles[index]["image"]
        # another stream of draws than that of the crop
        rng = np.random.default_rng((self._seed, self._epoch, index, 1))
        strong = strong_look(image[0].numpy(), rng)
        return {"image": image, "strong": torch.from_numpy(strong)[None]}


def strong_look(
    image: npt.NDArray[np.float32], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return the image (S, S), 0..1, with gain 1/1.6–1.6, offset ±0.15, noise σ ≤ 0.06, and blur.

    Half of the images are blurred by a Gaussian of σ ≤ 1.5 px. What colour jitter and blur are
    to photographs (Sohn et al. 2020, FixMatch; Yang et al. 2023, UniMatch), gain, offset, dwell
    time and focus are to SEM images.
    """
    gain = np.float32(np.exp(rng.uniform(-1, 1) * np.log(_GAIN)))
    offset = np.float32(rng.uniform(-_OFFSET, _OFFSET))
    sigma = np.float32(rng.uniform(0, _NOISE))
    is_blurred, blur_px = rng.random() < _BLUR_RATE, rng.uniform(0.1, _BLUR_PX)
    middle = np.float32(image.mean())
    changed = (image - middle) * gain + middle + offset
    if is_blurred:
        changed = cv2.GaussianBlur(changed, (0, 0), blur_px)
    changed = changed + rng.standard_normal(image.shape, dtype=np.float32) * sigma
    return np.asarray(np.clip(changed, 0.0, 1.0), dtype=np.float32)
