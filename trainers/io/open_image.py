"""An image file as an array, or as a `LazyImage` where it is too large to be held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainers.errors import DataError
from trainers.io import raster
from trainers.io.converted import ConvertedImages
from trainers.io.images import image_size, read_image
from trainers.io.lazy_image import LazyImage
from trainers.io.lazy_tiff import open_tiff
from trainers.io.ome_zarr import ZarrReader, is_zarr

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from trainers.io.region_reader import RegionReader

IN_MEMORY_PIXELS = 1 << 25
"""An image with more pixels is not read as a whole."""


def open_image(
    path: Path,
    *,
    max_pixels: int | None = None,
    converted: ConvertedImages | None = None,
    on_progress: Callable[[float], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> NDArray[Any] | LazyImage:
    """Return an image, uint8 or uint16 (H, W).

    Args:
        path: of a PNG, TIFF, JPEG, BMP, or of an OME-Zarr folder.
        max_pixels: an image with more of them is not read as a whole; `IN_MEMORY_PIXELS`.
        converted: where images go that can only be decoded as a whole.
        on_progress: gets 0..1 while such an image is decoded.
        is_cancelled: stops that.

    Raises:
        DataError: the file cannot be read; see `images.read_image`.
        ConversionCancelledError: `is_cancelled` said so.

    """
    height, width = image_size(path)
    if height * width <= (IN_MEMORY_PIXELS if max_pixels is None else max_pixels):
        return read_image(path)
    reader = _reader(path)
    if reader is None:
        reader = (converted or ConvertedImages()).get(path, on_progress, is_cancelled)
    return LazyImage(reader, path)


def _reader(path: Path) -> RegionReader | None:
    """Return what reads parts of a file; None where that cannot be done."""
    try:
        if is_zarr(path):
            return ZarrReader(path)
        with path.open("rb") as file:
            magic = file.read(4)
        return open_tiff(path) if magic in raster.TIFF_MAGIC else None
    except DataError as error:
        raise DataError(f"Cannot read {path}: {error}") from error
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise DataError(
            f"Cannot read {path}: the file is damaged or cut off ({error}). Copy or export it "
            "again."
        ) from error
