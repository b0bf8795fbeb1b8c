"""Mask files: one PNG with the class id or the instance id of every pixel."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainers.errors import DataError
from trainers.io import raster
from trainers.io.atomic import write_bytes_atomic

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from trainers.io.palette import Rgb

MAX_CLASS_ID = 254
"""255 is taken: a mask that holds only 0 and 255 is a binary one."""
MAX_INSTANCE_ID = 65535


def read_mask(
    path: str | os.PathLike[str], shape_hw: tuple[int, int] | None = None
) -> npt.NDArray[Any]:
    """Return the ids of a mask file, uint8 or uint16 (H, W); 0 is background.

    An 8 bit mask that holds only 0 and 255 is binary and read as 0 and 1. Of a palette file
    the indices are the ids.

    Raises:
        DataError: unreadable (see `images.read_image`), in colours, a JPEG (its losses would
            change ids), or of another size than `shape_hw` (height, width).

    """
    if shape_hw is not None:  # a tiny file may claim a gigapixel: refused before it is decoded
        check_fits(path, raster.read_size(Path(path)), shape_hw)
    decoded = raster.read_raster(Path(path))
    if decoded.lossy:
        raise DataError(f"Cannot use {path} as a mask: JPEG changes the ids. Save it as PNG.")
    ids = _ids(path, decoded)
    return np.ascontiguousarray(ids)


def check_fits(
    path: str | os.PathLike[str], actual_hw: tuple[int, int], shape_hw: tuple[int, int]
) -> None:
    """Raise DataError unless a mask has the size of its image, both (height, width)."""
    if tuple(actual_hw) != tuple(shape_hw):
        raise DataError(
            f"The mask {path} does not fit its image: expected {shape_hw[1]} x {shape_hw[0]} "
            f"pixels (width x height), got {actual_hw[1]} x {actual_hw[0]}. Export it again at "
            "the size of the image."
        )


def write_semantic(path: str | os.PathLike[str], ids: npt.NDArray[Any]) -> None:
    """Write class ids, integers (H, W) in 0..254, as an 8 bit PNG, atomically.

    Raises:
        DataError: an id out of range, or the file cannot be written.

    """
    _check_range(path, ids, MAX_CLASS_ID, "class ids")
    write_bytes_atomic(path, _encode_png(ids.astype(np.uint8)))


def write_instances(path: str | os.PathLike[str], ids: npt.NDArray[Any]) -> None:
    """Write instance ids, integers (H, W) in 0..65535, as a 16 bit PNG, atomically.

    Raises:
        DataError: an id out of range, or the file cannot be written.

    """
    _check_range(path, ids, MAX_INSTANCE_ID, "instance ids")
    write_bytes_atomic(path, _encode_png(ids.astype(np.uint16)))


def write_grey(path: str | os.PathLike[str], values: npt.NDArray[np.uint8]) -> None:
    """Write grey values, uint8 (H, W), as an 8 bit PNG, atomically.

    Raises:
        DataError: the file cannot be written.

    """
    write_bytes_atomic(path, _encode_png(values))


def write_palette(
    path: str | os.PathLike[str], ids: npt.NDArray[Any], palette: Sequence[Rgb]
) -> None:
    """Write ids, integers (H, W) in 0..254, as an 8 bit PNG whose colours are a palette's.

    Raises:
        DataError: an id out of range, or the file cannot be written.

    """
    _check_range(path, ids, MAX_CLASS_ID, "ids")
    image = Image.fromarray(ids.astype(np.uint8))
    image.putpalette([value for color in palette for value in color])
    write_bytes_atomic(path, _png(image))


def write_colors(
    path: str | os.PathLike[str], ids: npt.NDArray[Any], colors: npt.NDArray[np.uint8]
) -> None:
    """Write ids, integers (H, W), as an RGB PNG; row `id` of `colors`, (N, 3), is its colour.

    Raises:
        DataError: the file cannot be written.

    """
    write_bytes_atomic(path, _png(Image.fromarray(colors[ids])))


def _ids(path: str | os.PathLike[str], decoded: raster.Raster) -> npt.NDArray[Any]:
    pixels = decoded.pixels if decoded.indices is None else decoded.indices
    if pixels.ndim == 3:
        if np.any(pixels != pixels[..., :1]):
            raise DataError(
                f"Cannot use {path} as a mask: expected one grey value per class or instance, got "
                "colours. Convert the colours to ids 0, 1, 2, ..."
            )
        pixels = pixels[..., 0]
    if pixels.dtype == np.uint8 and pixels.any() and np.all((pixels == 0) | (pixels == 255)):
        return pixels // np.uint8(255)
    return pixels


def _check_range(
    path: str | os.PathLike[str], ids: npt.NDArray[Any], maximum: int, what: str
) -> None:
    if ids.ndim != 2 or ids.dtype.kind not in "iub":
        raise TypeError(f"expected integers (H, W), got {ids.dtype} {ids.shape}")
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high > maximum:
        raise DataError(
            f"Cannot write {path}: expected {what} between 0 and {maximum}, got {low} to {high}. "
            "Split the image into tiles, or export COCO instead, which has no such limit."
        )


def _encode_png(ids: npt.NDArray[Any]) -> bytes:
    return _png(Image.fromarray(ids))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()
