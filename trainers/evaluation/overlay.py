"""Pictures of one answer beside its truth: what was right, what was added and what was missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from trainers.data.labels import IGNORE
from trainers.io.images import to_unit
from trainers.io.palette import class_color
from trainers.metrics.boundary import boundary

if TYPE_CHECKING:
    from collections.abc import Iterable

Ids = npt.NDArray[np.uint8]
Rgb = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

SIDE_PX, MAX_SIDE_PX = 512, 1024
"""Small images are enlarged in whole steps to the first, large ones reduced to the second."""
RIGHT, ADDED, MISSED, CONFUSED, OUTLINE = (
    (0, 158, 115),
    (213, 94, 0),
    (0, 114, 220),
    (204, 121, 167),
    (255, 236, 79),
)
_SHOWN_PERCENTILES = (0.2, 99.8)
_CLASS_OPACITY, _RIGHT_OPACITY, _ERROR_OPACITY, _DIM = 0.5, 0.35, 0.8, 0.8


@dataclass(frozen=True, eq=False)
class Panels:
    """Three pictures of one image, each RGB uint8 of the same size (H, W, 3).

    Attributes:
        image: the image alone.
        preds: the predicted classes in their colours.
        errors: right, added, missed and confused pixels, and the true outlines.
    """

    image: Rgb
    preds: Rgb
    errors: Rgb


def draw_panels(image: npt.NDArray[Any], preds: Ids, target: Ids) -> Panels:
    """Return the pictures of an image, uint8 or uint16 (H, W), and class ids of that shape."""
    grey = np.repeat(_stretched(to_unit(image))[..., None], 3, axis=2)
    classes = [
        (preds == number, class_color(number)) for number in np.unique(preds[preds > 0]).tolist()
    ]
    shown = _resized(_tinted(grey, classes, _CLASS_OPACITY))
    return Panels(_resized(grey), shown, _errors(grey, preds, target))


def difference(preds: Ids, target: Ids) -> dict[Colour, npt.NDArray[np.bool_]]:
    """Return the pixels of each sort, bool (H, W), by the sort's colour.

    Args:
        preds: class ids, uint8 (H, W), 0 background.
        target: true ones of the same shape; what is to be ignored is of no sort.

    """
    counted = target != IGNORE
    found, wanted = (preds > 0) & counted, (target > 0) & counted
    return {
        RIGHT: found & (preds == target),
        ADDED: found & ~wanted,
        MISSED: wanted & ~found,
        CONFUSED: found & wanted & (preds != target),
    }


def _stretched(unit: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return grey values 0..255 with the darkest and brightest at the ends: for the eye alone."""
    low, high = np.percentile(unit, _SHOWN_PERCENTILES)
    return np.asarray(255 * np.clip((unit - low) / max(high - low, 1e-6), 0, 1), np.float32)


def _errors(grey: npt.NDArray[np.float32], preds: Ids, target: Ids) -> Rgb:
    sorts = difference(preds, target)
    tinted = _tinted(grey * _DIM, [(sorts.pop(RIGHT), RIGHT)], _RIGHT_OPACITY)
    mistakes = [(mask, colour) for colour, mask in sorts.items()]
    shown = _resized(_tinted(tinted, mistakes, _ERROR_OPACITY))
    for number in np.unique(target[(target > 0) & (target != IGNORE)]).tolist():
        same = cv2.resize(
            (target == number).astype(np.uint8),
            (shown.shape[1], shown.shape[0]),
            interpolation=cv2.INTER_NEAREST,
        )
        shown[boundary(same > 0)] = OUTLINE
    return shown


def _tinted(
    pixels: npt.NDArray[np.floating[Any]],
    tints: Iterable[tuple[npt.NDArray[np.bool_], Colour]],
    opacity: float,
) -> npt.NDArray[np.float32]:
    """Return the pixels, (H, W, 3) in 0..255, with colours laid over those of each mask."""
    tinted = np.array(pixels, np.float32)
    for mask, colour in tints:
        tinted[mask] = (1 - opacity) * tinted[mask] + opacity * np.array(colour, np.float32)
    return tinted


def _resized(pixels: npt.NDArray[np.floating[Any]]) -> Rgb:
    """Return uint8 pixels that can be seen and stay small: see `SIDE_PX`."""
    longest = max(pixels.shape[:2])
    factor = min(max(SIDE_PX // longest, 1), MAX_SIDE_PX / longest)
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    how = cv2.INTER_NEAREST if factor >= 1 else cv2.INTER_AREA
    small = cv2.resize(np.asarray(pixels, np.float32), (width, height), interpolation=how)
    return np.asarray(np.clip(np.rint(small), 0, 255), np.uint8)
