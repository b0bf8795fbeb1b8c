"""Arrays of a whole image of which only the parts that are written take memory."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sparse_zeros(shape_hw: tuple[int, int], *, order: Literal["C", "F"] = "C") -> NDArray[np.bool_]:
    """Return an array bool (H, W), all False, whose memory is taken page by page when written.

    numpy asks Linux for pages of 2 MB for its large arrays: a window of 1024 px in an image
    20,000 px wide then takes 20 MB and not 4.
    """
    num_bytes = shape_hw[0] * shape_hw[1]
    if not num_bytes:
        return np.zeros(shape_hw, dtype=np.bool_, order=order)
    memory = mmap.mmap(-1, num_bytes)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.ndarray(shape_hw, dtype=np.bool_, buffer=memory, order=order)
