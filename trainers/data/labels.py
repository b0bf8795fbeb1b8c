"""Masks as class ids: what a model learns from and is scored against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainers.io.masks import read_mask

if TYPE_CHECKING:
    from pathlib import Path

IGNORE = 255
"""Target value of pixels that count neither in a loss nor in a metric."""


def read_class_ids(path: Path, shape_hw: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return the class ids of a mask file, uint8 (H, W), 0 background.

    A 16 bit mask holds instance ids (as this project writes them): each instance is class 1.

    Raises:
        DataError: unreadable, or of another size than `shape_hw`.

    """
    ids = read_mask(path, shape_hw)
    if ids.dtype != np.uint8:
        return (ids > 0).astype(np.uint8)
    return ids


def read_target(
    mask: Path, ignore: Path | None, shape_hw: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """Return the class ids of a mask file, uint8 (H, W), `IGNORE` where `ignore` is not 0.

    Raises:
        DataError: as `read_class_ids`, of either file.

    """
    ids = read_class_ids(mask, shape_hw)
    if ignore is None:
        return ids
    return np.where(read_mask(ignore, shape_hw) > 0, np.uint8(IGNORE), ids)


def default_class_names(max_id: int) -> tuple[str, ...]:
    """Return names for classes 1..max_id (at least one) where the data tell none."""
    if max_id <= 1:
        return ("foreground",)
    return tuple(f"class {number}" for number in range(1, max_id + 1))


def labels_from_probs(probs: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the most probable class of each pixel, uint8 (H, W), 0 background.

    `probs` is float (C, H, W) of the foreground classes; what is missing to 1 is background,
    which also wins a tie.
    """
    best = probs.argmax(axis=0).astype(np.uint8)
    background = 1.0 - probs.sum(axis=0)
    return np.where(probs.max(axis=0) > background, best + np.uint8(1), np.uint8(0))
