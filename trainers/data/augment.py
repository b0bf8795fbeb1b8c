"""Random changes of a tile that keep what it means; each draws from the generator given."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)


def random_orientation(
    image: npt.NDArray[np.float32], target: npt.NDArray[np.uint8], rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return square image and target, (S, S), in one of the 8 rotations and flips."""
    num_turns, is_flipped = int(rng.integers(4)), bool(rng.integers(2))
    return _oriented(image, num_turns, is_flipped), _oriented(target, num_turns, is_flipped)


def _oriented(pixels: npt.NDArray[Scalar], num_turns: int, is_flipped: bool) -> npt.NDArray[Scalar]:
    turned = np.rot90(pixels, num_turns)
    return turned[:, ::-1] if is_flipped else turned


def random_contrast(
    image: npt.NDArray[np.float32], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return the image, 0..1, with another gain (0.8–1.25), offset (±0.08) and noise (σ ≤ 0.03).

    SEM brightness, contrast and dwell time are the operator's choice: a model must not
    depend on them.
    """
    gain = np.exp(rng.uniform(np.log(0.8), np.log(1.25)))
    offset = rng.uniform(-0.08, 0.08)
    noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(0, 0.03))
    middle = np.float32(image.mean())
    changed = (image - middle) * np.float32(gain) + np.float32(middle + offset) + noise
    return np.clip(changed, 0.0, 1.0)
