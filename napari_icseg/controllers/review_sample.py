"""Small pictures of proposals over their images; for a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from qtpy.QtGui import QImage

from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.frames import Frame
from napari_icseg.controllers.mask_view import mask_pixels
from napari_icseg.controllers.review_pictures import edges_of
from napari_icseg.controllers.thumbnail_files import make_thumbnail
from trainers.io.images import read_image
from trainers.io.open_image import IN_MEMORY_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ClassRecord, ProposalRecord

_FILL_ALPHA = 0.28
_DARKEST, _BRIGHTEST = 0.5, 99.5


def sample_picture(project: Project, image_id: int, side_px: int) -> QImage:
    """Return an image, `side_px` at its longest side, with its proposals filled and outlined.

    Raises:
        DataError: the image cannot be read.
        ProjectError: it was removed, or the project closed.

    """
    record, path = project.image(image_id), project.absolute_path(image_id)
    is_small = record.height * record.width <= IN_MEMORY_PIXELS
    pixels = read_image(path) if is_small else make_thumbnail(path)
    scale = side_px / max(record.shape)
    size_wh = (max(1, round(record.width * scale)), max(1, round(record.height * scale)))
    grey = _stretched(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA))
    classes = project.classes()
    ids = _drawn(project.proposals(image_id), classes, record.shape, side_px)
    ids = cv2.resize(ids, size_wh, interpolation=cv2.INTER_NEAREST)
    return _to_qimage(painted(grey, ids, [each.color for each in classes]))


def painted(
    grey: NDArray[np.uint8], ids: NDArray[np.uint8], colors: Sequence[str]
) -> NDArray[np.uint8]:
    """Return RGB, uint8 (h, w, 3): grey (h, w) below ids (h, w), 0 nothing, n colour n - 1."""
    table = np.zeros((256, 3), dtype=np.float32)
    for number, color in enumerate(colors[:255], start=1):
        table[number] = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
    rgb = np.repeat(grey[..., None], 3, axis=2).astype(np.float32)
    inside = ids > 0
    rgb[inside] += (table[ids[inside]] - rgb[inside]) * _FILL_ALPHA
    edges = edges_of(ids)
    both = np.maximum(ids, np.maximum(np.roll(ids, -1, 0), np.roll(ids, -1, 1)))
    rgb[edges] = table[both[edges]]
    return np.rint(rgb).astype(np.uint8)


def _drawn(
    proposals: Iterable[ProposalRecord],
    classes: Sequence[ClassRecord],
    shape_hw: tuple[int, int],
    side_px: int,
) -> NDArray[np.uint8]:
    """Return the class numbers from 1 on, uint8, coarse where the image is large."""
    frame = Frame.whole(shape_hw)
    while max(frame.shape_hw) >= 4 * side_px:
        frame = Frame(frame.box, frame.step * 2)
    numbers = {record.id: number for number, record in enumerate(classes, start=1)}
    ids = np.zeros(frame.shape_hw, dtype=np.uint8)
    # small ones lie on large ones
    for each in sorted(proposals, key=lambda one: -one.mask.height * one.mask.width):
        box = frame.pixels(Box.of_mask(each.mask))
        ids[box.slices][mask_pixels(each.mask, frame, box)] = min(numbers[each.class_id], 255)
    return ids


def _stretched(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    values = pixels.astype(np.float32)
    low, high = np.percentile(values, [_DARKEST, _BRIGHTEST])
    shown = (values - low) * (255.0 / max(float(high - low), 1.0))
    return np.asarray(np.clip(np.rint(shown), 0, 255), dtype=np.uint8)


def _to_qimage(rgb: NDArray[np.uint8]) -> QImage:
    height, width, _ = rgb.shape
    image = QImage(rgb.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    return image.copy()  # Qt does not keep the bytes alive
