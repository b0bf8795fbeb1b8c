"""Large images in formats that cannot be read part by part, kept decoded in a bounded folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import platformdirs

from trainers.errors import DataError
from trainers.io import raster
from trainers.io.images import read_image, to_grey
from trainers.io.region_reader import Level

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

DEFAULT_MAX_BYTES = 8 * 2**30
_FORMAT = 1
_SUFFIX = ".npy"
_STRIP_ROWS = 256
_DECODE_SHARE = 0.8
"""Of the progress; the rest is writing."""


class ConversionCancelledError(Exception):
    """The decoding of a large image was given up, as asked."""


def default_folder() -> Path:
    """Return the user's cache folder for decoded images; it may not exist yet."""
    return Path(platformdirs.user_cache_dir("napari-icseg", appauthor=False)) / "images"


class NpyReader:
    """Reads rectangles of a decoded image.

    Args:
        path: of the .npy file, uint8 or uint16 (H, W).
        identity: of the image that it was made from.

    """

    def __init__(self, path: Path, identity: bytes) -> None:
        self._path = path
        self.identity = identity
        pixels = self._map()
        self.dtype = pixels.dtype
        self.levels = (Level(1, (pixels.shape[0], pixels.shape[1])),)

    def read(self, level: int, rows: slice, cols: slice) -> NDArray[Any]:
        """Return a rectangle; see `region_reader.RegionReader`."""
        assert level == 0
        return np.array(self._map()[rows, cols])

    def sample(self, step: int) -> NDArray[Any]:
        """Return every `step`-th pixel."""
        return np.array(self._map()[::step, ::step])

    def _map(self) -> NDArray[Any]:
        return np.asarray(np.load(self._path, mmap_mode="r", allow_pickle=False))


class ConvertedImages:
    """Decoded images in a folder; those used longest ago make room for others."""

    def __init__(self, folder: Path | None = None, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.folder = folder or default_folder()
        self.max_bytes = max_bytes

    @property
    def num_bytes(self) -> int:
        """Size of all files, in bytes."""
        return sum(file.stat().st_size for file in self.folder.glob(f"*{_SUFFIX}"))

    def clear(self) -> None:
        """Remove all of them."""
        for file in self.folder.glob(f"*{_SUFFIX}"):
            file.unlink(missing_ok=True)

    def get(
        self,
        path: Path,
        on_progress: Callable[[float], None] | None = None,
        is_cancelled: Callable[[], bool] | None = None,
    ) -> NpyReader:
        """Return a reader of an image, which is decoded first if it is not yet.

        `on_progress` gets 0..1.

        Raises:
            DataError: the image cannot be read, or the folder not written.
            ConversionCancelledError: `is_cancelled` said so.

        """
        identity = _identity(path)
        file = self.folder / (hashlib.sha256(identity).hexdigest()[:40] + _SUFFIX)
        with contextlib.suppress(OSError, ValueError):
            reader = NpyReader(file, identity)
            os.utime(file)  # the time of use decides what is removed first
            return reader
        height, width = raster.read_size(path)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make_room(2 * height * width)
            temporary = self.folder / f".{secrets.token_hex(8)}.tmp"
            try:
                _convert(path, temporary, _Watch(on_progress, is_cancelled))
                os.replace(temporary, file)
            finally:
                temporary.unlink(missing_ok=True)
            return NpyReader(file, identity)
        except OSError as error:
            raise DataError(
                f"{path.name} must be decoded once into {self.folder}, which failed "
                f"({error.strerror or error}). Free some space there, or save the image as a "
                "tiled TIFF."
            ) from error

    def _make_room(self, num_bytes: int) -> None:
        files = sorted(self.folder.glob(f"*{_SUFFIX}"), key=lambda file: -file.stat().st_mtime_ns)
        total = num_bytes
        for file in files:
            total += file.stat().st_size
            if total > self.max_bytes:
                with contextlib.suppress(OSError):
                    file.unlink()


class _Watch:
    """Tells the progress of reading a file and stops it when asked."""

    def __init__(
        self,
        on_progress: Callable[[float], None] | None,
        is_cancelled: Callable[[], bool] | None,
    ) -> None:
        self._on_progress = on_progress
        self._is_cancelled = is_cancelled

    def at(self, share: float) -> None:
        if self._is_cancelled is not None and self._is_cancelled():
            raise ConversionCancelledError
        if self._on_progress is not None:
            self._on_progress(min(1.0, share))


class _WatchedFile:
    """A file of which a decoder's reading is watched."""

    def __init__(self, file: Any, num_bytes: int, watch: _Watch) -> None:
        self._file = file
        self._num_bytes = max(1, num_bytes)
        self._watch = watch

    def read(self, count: int = -1) -> bytes:
        self._watch.at(_DECODE_SHARE * self._file.tell() / self._num_bytes)
        return bytes(self._file.read(count))

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())


def _convert(path: Path, target: Path, watch: _Watch) -> None:
    try:
        if not _convert_in_strips(path, target, watch):
            watch.at(0.0)
            with target.open("wb") as file:
                np.save(file, read_image(path))
    except (DataError, ConversionCancelledError, MemoryError):
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(path, error) from error
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"Cannot read {path}: the file is damaged or cut off ({error}). Copy or export it again."
    )


def _convert_in_strips(path: Path, target: Path, watch: _Watch) -> bool:
    """Decode with Pillow, without a second copy of all pixels; False for what needs more."""
    with path.open("rb") as file:
        start = file.read(32)
        if start[:4] in raster.TIFF_MAGIC or raster.is_16_bit_colour_png(start):
            return False
        file.seek(0)
        watched = _WatchedFile(file, path.stat().st_size, watch)
        with raster.open_with_pillow(watched) as image:
            if image.mode in ("P", "PA") or getattr(image, "n_frames", 1) > 1:
                return False
            image.load()
            height, width = image.height, image.width
            dtype = np.uint16 if image.mode.startswith("I") else np.uint8
            with target.open("wb") as out:
                header = {"descr": np.dtype(dtype).str, "fortran_order": False}
                np.lib.format.write_array_header_1_0(out, {**header, "shape": (height, width)})
                for top in range(0, height, _STRIP_ROWS):
                    bottom = min(height, top + _STRIP_ROWS)
                    strip = image.crop((0, top, width, bottom))
                    pixels = to_grey(raster.pillow_pixels(strip))
                    out.write(np.ascontiguousarray(pixels, dtype=dtype).tobytes())
                    watch.at(_DECODE_SHARE + (1 - _DECODE_SHARE) * bottom / height)
    return True


def _identity(path: Path) -> bytes:
    """Return what tells the file's content from another: its size, time, beginning and end."""
    try:
        stat = path.stat()
        with path.open("rb") as file:
            start = file.read(65536)
            file.seek(max(0, stat.st_size - 65536))
            end = file.read(65536)
    except OSError as error:
        raise DataError(
            f"Cannot read {path}: {error.strerror}. Check that the file is there and readable."
        ) from error
    return f"{_FORMAT} {stat.st_size} {stat.st_mtime_ns}".encode() + start + end
