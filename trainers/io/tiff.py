"""TIFF files decoded to one 8 or 16 bit image."""

from __future__ import annotations

import io
import math
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import tifffile
from PIL import Image

from trainers.errors import DataError

if TYPE_CHECKING:
    import numpy.typing as npt

_MAX_PIXELS = 1 << 30
_MAX_LISTED_PAGES = 256
_MINISWHITE, _PALETTE = 0, 3
_CMYK = 5
_ALPHA = {1, 2}
_NO_COMPRESSION = 1
_JPEG_COMPRESSIONS = {6, 7}


def decode(data: bytes) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8] | None, bool]:
    """Return pixels, palette indices or None, and whether lossy; as `raster.Raster` has them.

    Raises:
        DataError: a stack, other channels than 1, 3 or 4, other types than uint8, uint16 or
            one bit, or data that the file should hold but does not.
        Exception: whatever tifffile raises on a damaged file.

    """
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = only_page(file)
        check_page(page, len(data))
        pixels = _channels_last(_page_array(page, data), page)
        lossy = int(page.compression) in _JPEG_COMPRESSIONS
        if int(page.photometric) == _PALETTE and page.colormap is not None:
            colours = (np.asarray(page.colormap) >> 8).astype(np.uint8)
            return colours.T[pixels], pixels.astype(np.uint8), lossy
    return pixels, None, lossy


def size(file: BinaryIO) -> tuple[int, int]:
    """Return (height, width) in pixels from the first page's header; errors as `decode`."""
    with tifffile.TiffFile(file) as tif:
        page = only_page(tif)
        return int(page.imagelength), int(page.imagewidth)


def only_page(file: Any) -> Any:
    """Return the page of the one image in a TIFF; `DataError` if there are several."""
    # never all pages: a damaged file may chain them in a circle
    pages = [page for page in islice(file.pages, _MAX_LISTED_PAGES) if not page.is_reduced]
    count = len(pages)
    if count == 1:
        # ImageJ lists only the first page of a large stack
        in_imagej = int((file.imagej_metadata or {}).get("images", 1))
        count = max(int(pages[0].imagedepth), in_imagej)
    if count != 1:
        several = f"{count} or more" if count == _MAX_LISTED_PAGES else f"{count}"
        raise DataError(
            f"expected a single image, the TIFF holds {several}. Save the images of a stack as "
            "single files."
        )
    return pages[0]


def check_page(page: Any, num_bytes: int) -> None:
    """Raise `DataError` unless a page of a file of `num_bytes` can be read; see `decode`."""
    # two channels are grey with alpha, or two detectors, of which neither may get lost
    has_alpha = any(int(sample) in _ALPHA for sample in page.extrasamples)
    if page.samplesperpixel not in ((1, 2, 3, 4) if has_alpha else (1, 3, 4)):
        raise DataError(
            f"expected 1 (grey), 3 (RGB) or 4 (RGBA) channels, got {page.samplesperpixel}. "
            "Save one channel, or convert the image to grey."
        )
    if int(page.photometric) == _CMYK:
        raise DataError("expected grey or RGB, got CMYK. Convert the image to grey.")
    if page.imagewidth * page.imagelength > _MAX_PIXELS:
        raise DataError(
            f"the image has {page.imagewidth} x {page.imagelength} pixels, the limit is 2^30. "
            "Tile it."
        )
    if page.dtype is None or page.dtype not in (np.uint8, np.uint16, np.bool_):
        raise DataError(
            f"expected 8 or 16 bit unsigned pixels, got {page.dtype}. Convert the image first."
        )
    _check_complete(page, num_bytes)


def _check_complete(page: Any, num_bytes: int) -> None:
    """Refuse missing strips or tiles, which tifffile would fill with zeros."""
    counts = page.databytecounts
    ends = [offset + count for offset, count in zip(page.dataoffsets, counts, strict=True)]
    if max(ends, default=0) > num_bytes:
        raise DataError(
            f"the file is cut off: expected at least {max(ends)} bytes, got {num_bytes}. Copy or "
            "export it again."
        )
    num_bits = page.imagewidth * page.imagelength * page.samplesperpixel * page.bitspersample
    uncompressed = int(page.compression) == _NO_COMPRESSION
    if (
        page.imagewidth * page.imagelength == 0
        or len(ends) != math.prod(page.chunked)
        or min(counts) == 0
        or (uncompressed and 8 * sum(counts) < num_bits)
    ):
        raise DataError("the file is damaged: part of the pixels is missing. Export it again.")


def _page_array(page: Any, data: bytes) -> npt.NDArray[Any]:
    try:
        pixels = page.asarray()
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        return _decode_without_tifffile(data, page)
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    return _inverted(pixels) if int(page.photometric) == _MINISWHITE else np.asarray(pixels)


def _inverted(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(np.iinfo(pixels.dtype).max - pixels)


def _decode_without_tifffile(data: bytes, page: Any) -> npt.NDArray[Any]:
    """Decode LZW and the like, for which tifffile would need one more package."""
    import cv2

    if int(page.photometric) == _PALETTE:  # OpenCV would return colours instead of indices
        with Image.open(io.BytesIO(data), formats=("TIFF",)) as image:
            return np.asarray(image)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise DataError(
            f"the file is damaged, or its compression ({page.compression.name}) is unknown. "
            "Save it without compression."
        )
    if int(page.photometric) == _MINISWHITE and pixels.dtype == np.uint16:
        return _inverted(pixels)  # OpenCV does so itself, but only for 8 bits
    return np.asarray(pixels[..., 2::-1] if pixels.ndim == 3 else pixels)


def _channels_last(pixels: npt.NDArray[Any], page: Any) -> npt.NDArray[Any]:
    """Return (H, W) or (H, W, 3): planar files come channels first, alpha is dropped."""
    if pixels.ndim == 3 and pixels.shape[0] == page.samplesperpixel != pixels.shape[-1]:
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim == 3 and pixels.shape[-1] in (1, 2):
        return pixels[..., 0]
    return pixels[..., :3] if pixels.ndim == 3 else pixels
