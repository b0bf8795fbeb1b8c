"""Image files decoded to arrays, with every damage found: the layer below images and masks.

Pillow decodes PNG, JPEG and BMP because it reports cut-off files, which OpenCV returns
half-filled; tifffile decodes TIFF because it keeps 16 bits and tells stacks from images.
"""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from trainers.errors import DataError
from trainers.io import ome_zarr, tiff

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp"})
MAX_PIXELS = 1 << 30

_FORMATS = ("PNG", "JPEG", "BMP")
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PILLOW_LIMIT_LOCK = threading.Lock()


@dataclass(frozen=True)
class Raster:
    """A decoded file.

    pixels: uint8 or uint16, (H, W), or (H, W, 3) if in colour; alpha is left out.
    indices: uint8 (H, W), the palette's indices where the file has a palette, else None.
    lossy: whether the format changes pixel values on writing.
    """

    pixels: npt.NDArray[Any]
    indices: npt.NDArray[np.uint8] | None = None
    lossy: bool = False


def read_raster(path: Path) -> Raster:
    """Decode `path` entirely.

    Raises:
        DataError: missing, empty, cut-off or damaged file, unknown format, a stack, or a
            pixel type other than 8 or 16 bit grey or RGB(A).

    """
    if ome_zarr.is_zarr(path):
        return Raster(_read_zarr(path))
    data = _read_bytes(path)
    try:
        if data.startswith(TIFF_MAGIC):
            return Raster(*tiff.decode(data))
        return _decode_with_pillow(data)
    except DataError as error:
        raise DataError(f"Cannot read {path}: {error}") from error
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise DataError(
            f"Cannot read {path}: the file is damaged or cut off ({_reason(error)}). "
            "Expected a complete PNG, TIFF, JPEG or BMP; copy or export it again."
        ) from error


def read_size(path: Path) -> tuple[int, int]:
    """Return (height, width) in pixels from the header alone; errors as `read_raster`."""
    try:
        if ome_zarr.is_zarr(path):
            return ome_zarr.zarr_size(path)
        with path.open("rb") as file:
            magic = file.read(4)
            file.seek(0)
            _check_not_empty(magic)
            if magic in TIFF_MAGIC:
                return tiff.size(file)
            with open_with_pillow(file) as image:
                return image.height, image.width
    except DataError as error:
        raise DataError(f"Cannot read {path}: {error}") from error
    except Exception as error:
        raise DataError(
            f"Cannot read {path}: {_reason(error)}. Expected a PNG, TIFF, JPEG or BMP file."
        ) from error


def _read_zarr(path: Path) -> npt.NDArray[Any]:
    try:
        reader = ome_zarr.ZarrReader(path)
        height, width = reader.levels[0].shape_hw
        if height * width > MAX_PIXELS:
            raise DataError(f"the image has {width} x {height} pixels, the limit is 2^30. Tile it.")
        return reader.read(0, slice(0, height), slice(0, width))
    except DataError as error:
        raise DataError(f"Cannot read {path}: {error}") from error
    except Exception as error:  # decoders raise whatever a damaged chunk leads them to
        raise DataError(
            f"Cannot read {path}: part of it is damaged ({_reason(error)}). Copy it again."
        ) from error


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        _check_not_empty(data)
    except OSError as error:
        raise DataError(
            f"Cannot read {path}: {_reason(error)}. Check that the file is there and readable."
        ) from error
    except DataError as error:
        raise DataError(f"Cannot read {path}: {error}") from error
    return data


def _check_not_empty(data: bytes) -> None:
    if not data:
        raise DataError("the file is empty (0 bytes). Copy or export it again.")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@contextmanager
def open_with_pillow(file: Any) -> Iterator[Image.Image]:
    """Open without Pillow's limit of 89 million pixels: mosaics of SEM images are larger."""
    with _PILLOW_LIMIT_LOCK:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(file, formats=_FORMATS)
        except UnidentifiedImageError as error:
            raise DataError(
                "it is not a PNG, TIFF, JPEG or BMP file, or its header is damaged. Convert it, "
                "or copy it again."
            ) from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise DataError(
                f"the image has {image.width} x {image.height} pixels, the limit is 2^30. Tile it."
            )
        yield image


def _decode_with_pillow(data: bytes) -> Raster:
    with open_with_pillow(io.BytesIO(data)) as image:
        num_frames = getattr(image, "n_frames", 1)
        if num_frames > 1:
            raise DataError(f"expected a single image, the file holds {num_frames}. Split it.")
        image.load()
        lossy = image.format == "JPEG"
        if image.mode in ("P", "PA"):
            indices = np.asarray(image.getchannel(0) if image.mode == "PA" else image)
            image.info.pop("transparency", None)  # alpha is left out, and Pillow would warn
            return Raster(np.asarray(image.convert("RGB")), indices.astype(np.uint8))
        if is_16_bit_colour_png(data):
            return Raster(_decode_with_opencv(data))
        return Raster(pillow_pixels(image), lossy=lossy)


def pillow_pixels(image: Image.Image) -> npt.NDArray[Any]:
    """Return the pixels of an image without palette, as `Raster.pixels`."""
    mode = image.mode
    if mode == "1":
        return np.asarray(image).astype(np.uint8) * np.uint8(255)
    if mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if mode == "LA":
        return np.asarray(image)[..., 0]
    if mode in ("L", "RGB", "RGBA"):
        return np.asarray(image)[..., :3] if mode == "RGBA" else np.asarray(image)
    raise DataError(
        f"expected grey or RGB with 8 or 16 bits, got the pixel type {mode}. Convert it first."
    )


def is_16_bit_colour_png(data: bytes) -> bool:
    """Pillow would keep only 8 of the 16 bits; IHDR has the depth at byte 24, the type at 25."""
    return data.startswith(b"\x89PNG") and data[24] == 16 and data[25] in (2, 4, 6)


def _decode_with_opencv(data: bytes) -> npt.NDArray[Any]:
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise DataError("the file is damaged. Copy or export it again.")
    return np.asarray(pixels[..., 2::-1] if pixels.ndim == 3 else pixels)
