"""The objects of a mask of class ids: its connected components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.ndimage import find_objects

from trainers.data.labels import IGNORE
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def object_masks(
    ids: NDArray[np.uint8], *, min_area_px: int = 1
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return the 8-connected components of each class, as masks and class ids.

    The paper makes its instances so, by the contours of its masks (part 1, SAM-DET). A via
    lies over its metal: a net with a via in it has a hole there, and one that a via cuts
    falls into two.

    Args:
        ids: uint8 (H, W) of class ids, 0 background; pixels of `IGNORE` belong to nothing.
        min_area_px: smaller components are left out.

    Returns:
        bool (N, H, W) and int64 (N,), by class, then from top to bottom.
    """
    masks: list[NDArray[np.bool_]] = []
    classes: list[int] = []
    for class_id in np.unique(ids[(ids > 0) & (ids != IGNORE)]).tolist():
        same = (ids == class_id).astype(np.uint8)
        num, found, stats, _ = cv2.connectedComponentsWithStats(same, connectivity=8)
        large = np.flatnonzero(stats[1:num, cv2.CC_STAT_AREA] >= min_area_px) + 1
        masks += [found == number for number in large.tolist()]
        classes += [class_id] * len(large)
    stacked = np.stack(masks) if masks else np.zeros((0, *ids.shape), np.bool_)
    return stacked, np.array(classes, np.int64)


def object_rles(ids: NDArray[np.uint8], *, min_area_px: int = 1) -> Iterator[tuple[int, RleMask]]:
    """Yield class id and mask of the objects of `object_masks`, one at a time.

    An image of thousands of objects never has a mask of its size for each.
    """
    for class_id in np.unique(ids[(ids > 0) & (ids != IGNORE)]).tolist():
        same = (ids == class_id).astype(np.uint8)
        count, numbers, stats, _ = cv2.connectedComponentsWithStats(same, connectivity=8)
        # speckles go before anything is done with them: noise has thousands
        large = stats[:count, cv2.CC_STAT_AREA] >= min_area_px
        large[0] = False
        renumbered = np.where(large, np.cumsum(large), 0).astype(np.int32)
        for mask in numbered_rles(renumbered[numbers]):
            yield class_id, mask


def numbered_rles(numbers: NDArray[np.int32]) -> Iterator[RleMask]:
    """Yield the pixels of each number of an int32 image (H, W) but 0, in rising order."""
    for number, window in enumerate(find_objects(numbers), 1):
        if window is not None:
            origin_rc = (window[0].start, window[1].start)
            yield RleMask.from_mask(numbers[window] == number, origin_rc)
