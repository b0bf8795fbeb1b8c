"""Thumbnails made from image files, kept as small PNG files in a bounded folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import platformdirs

from trainers.errors import DataError
from trainers.io.converted import ConversionCancelledError
from trainers.io.images import image_size, read_image
from trainers.io.open_image import IN_MEMORY_PIXELS, open_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainers.io.lazy_image import LazyImage

SIDE_PX = 72
"""Longest side; twice what is shown, for screens with fine pixels."""
MAX_BYTES = 64 * 2**20
MAX_COARSE_PIXELS = 1 << 22
"""Of a large image no more are read."""
_FORMAT = 1
_SUFFIX = ".png"
_LOW, _HIGH = 0.5, 99.5


def default_folder() -> Path:
    """The user's cache folder for thumbnails; it may not exist yet."""
    return Path(platformdirs.user_cache_dir("napari-icseg", appauthor=False)) / "thumbnails"


class NoThumbnailError(DataError):
    """The image can be read, but all of it would have to be decoded for a picture of 72 pixels."""


def make_thumbnail(path: Path) -> NDArray[np.uint8]:
    """Reads an image and returns it as grey (h, w), SIDE_PX at its longest side or less.

    The grey values are stretched between their percentiles 0.5 and 99.5: SEM images are dark.
    Of a large image only a coarse version or single pixels are read.

    Raises:
        NoThumbnailError: a large image has nothing coarse, and its file gives no single pixels.
        DataError: the image cannot be read.

    """
    return shrink(read_reduced(path, SIDE_PX))


def read_reduced(path: Path, side_px: int) -> NDArray[Any]:
    """Reads an image, uint8 or uint16 (H, W); of a large one a version of `side_px` or more.

    Raises as `make_thumbnail`.
    """
    height, width = image_size(path)
    if height * width <= IN_MEMORY_PIXELS:
        return read_image(path)
    try:
        # cancelled: an image is not converted for this, only found if it was before
        image = open_image(path, is_cancelled=lambda: True)
    except ConversionCancelledError as error:
        raise NoThumbnailError(f"{path} has not been opened yet.") from error
    return image if isinstance(image, np.ndarray) else _coarse(image, side_px)


def _coarse(image: LazyImage, side_px: int) -> NDArray[Any]:
    """A small version of a large image, (h, w) of its type, by reading little."""
    height, width = image.shape
    step = wanted = 1 << max(0, (max(height, width) // side_px).bit_length() - 1)
    while step > 1 and not image.is_quick(step):
        step //= 2
    if height * width / step**2 <= MAX_COARSE_PIXELS:
        return image.read(slice(0, height), slice(0, width), step)
    found = image.sample(wanted)
    if not np.allclose(found.shape, np.array(image.shape) / wanted, rtol=0.05, atol=1):
        raise NoThumbnailError(f"{image.path} has no coarse version to make a thumbnail of.")
    return found


def shrink(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Scales uint8 or uint16 (H, W) down to a thumbnail, see `make_thumbnail`."""
    height, width = pixels.shape
    scale = min(1.0, SIDE_PX / max(height, width))
    size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA).astype(np.float32)
    low, high = np.percentile(small, [_LOW, _HIGH])
    stretched = (small - low) * (255.0 / max(float(high - low), 1.0))
    return np.asarray(np.clip(np.rint(stretched), 0, 255), dtype=np.uint8)


class ThumbnailFiles:
    """Thumbnails by image file, its size and time; those used longest ago make room for others.

    A damaged file counts as missing, and a folder that cannot be written is done without. For
    one thread at a time; several processes may share the folder.
    """

    def __init__(self, folder: Path | None = None, *, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder or default_folder()
        self.max_bytes = max_bytes
        self._num_bytes: int | None = None

    @property
    def num_bytes(self) -> int:
        """Size of all files, in bytes."""
        return sum(size for _, size, _ in self._files())

    def get(self, path: Path) -> NDArray[np.uint8]:
        """The thumbnail of an image file, uint8 (h, w); raises as `make_thumbnail`."""
        stored = self.folder / (_name(path) + _SUFFIX)
        found = _read(stored)
        if found is None:
            found = make_thumbnail(path)
            self._write(stored, found)
        return found

    def clear(self) -> None:
        """Removes all thumbnails."""
        for path, _, _ in self._files():
            path.unlink(missing_ok=True)
        self._num_bytes = None

    def _write(self, stored: Path, thumbnail: NDArray[np.uint8]) -> None:
        is_done, data = cv2.imencode(_SUFFIX, thumbnail)
        if not is_done:
            return
        # not flushed to the disk: what is lost in a power cut is made again
        temporary = self.folder / f".{secrets.token_hex(8)}.tmp"
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make_room(data.nbytes)
            try:
                temporary.write_bytes(data.tobytes())
                os.replace(temporary, stored)
            finally:
                temporary.unlink(missing_ok=True)

    def _make_room(self, num_bytes: int) -> None:
        if self._num_bytes is None:
            self._num_bytes = self.num_bytes
        self._num_bytes += num_bytes
        if self._num_bytes <= self.max_bytes:
            return
        # a tenth more than needed, so that the folder is not listed for each new file
        goal, total = self.max_bytes * 0.9 - num_bytes, 0
        for path, size, _ in sorted(self._files(), key=lambda file: -file[2]):
            if total + size > goal:
                path.unlink(missing_ok=True)
            else:
                total += size
        self._num_bytes = total + num_bytes

    def _files(self) -> list[tuple[Path, int, int]]:
        """Path, bytes and time of use in ns; another process may remove files."""
        found = []
        for path in self.folder.glob(f"*{_SUFFIX}") if self.folder.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                found.append((path, stat.st_size, stat.st_mtime_ns))
        return found


def _read(stored: Path) -> NDArray[np.uint8] | None:
    try:
        data = np.frombuffer(stored.read_bytes(), dtype=np.uint8)
        found = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    except (OSError, cv2.error):
        return None
    if found is None or max(found.shape) > SIDE_PX:
        return None
    with contextlib.suppress(OSError):
        os.utime(stored)  # the time of use decides what is removed first
    return np.asarray(found, dtype=np.uint8)


def _name(path: Path) -> str:
    """A name for the content that the file has now; raises DataError if there is no file."""
    try:
        stat = path.stat()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error
    key = repr((_FORMAT, str(path.absolute()), stat.st_size, stat.st_mtime_ns))
    return hashlib.sha256(key.encode()).hexdigest()[:40]
