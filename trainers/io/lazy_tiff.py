"""Parts of TIFF files, and of the pyramids in them: strips, tiles, BigTIFF, OME-TIFF."""

from __future__ import annotations

import struct
import threading
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import tifffile

from trainers.errors import DataError
from trainers.io import tiff
from trainers.io.images import to_grey
from trainers.io.region_reader import Level, level_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAX_SEGMENT_BYTES = 64 * 2**20
"""A file whose strips or tiles are larger, once decoded, is not read part by part."""
MAX_CACHE_BYTES = 24 * 2**20
_MAX_LEVELS = 32
_GREY, _INVERTED, _RGB = 1, 0, 2
_CONTIGUOUS = 1


class TiffReader:
    """Reads rectangles of one TIFF image; made by `open_tiff`."""

    def __init__(self, path: Path, pages: list[Any], levels: tuple[Level, ...]) -> None:
        self._path = path
        self._pages = pages
        self.levels = levels
        self.dtype = np.dtype(pages[0].dtype).newbyteorder("=")
        self._decoded: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()
        self._num_bytes = 0
        self._lock = threading.Lock()

    @property
    def identity(self) -> bytes:
        """Size and time of the file, where its pixels lie in it, and some of them."""
        stat, page = self._path.stat(), self._pages[0]
        chosen = sorted({0, len(page.dataoffsets) // 2, len(page.dataoffsets) - 1})
        with self._path.open("rb") as file:
            parts = [_bytes_at(file, page.dataoffsets[n], 4096) for n in chosen]
        places = repr((page.dataoffsets[:64], page.databytecounts[:64]))
        return f"{stat.st_size} {stat.st_mtime_ns} {places}".encode() + b"".join(parts)

    def read(self, level: int, rows: slice, cols: slice) -> NDArray[Any]:
        """Return a rectangle of a level; see `region_reader.RegionReader`."""
        page = self._pages[level]
        if _is_mapped(page):
            return self._plain(self._map(page)[rows, cols], page)
        height, width = _segment_hw(page)
        across = -(-page.imagewidth // width) if page.is_tiled else 1
        found = np.empty((rows.stop - rows.start, cols.stop - cols.start), self.dtype)
        for down in range(rows.start // height, -(-rows.stop // height)):
            for along in range(cols.start // width, -(-cols.stop // width)):
                segment = self._segment(level, down * across + along)
                _paste(found, segment, down * height - rows.start, along * width - cols.start)
        return found

    def sample(self, step: int) -> NDArray[Any] | None:
        """Return every `step`-th pixel of a file without compression."""
        page = self._pages[0]
        return self._plain(self._map(page)[::step, ::step], page) if _is_mapped(page) else None

    def _map(self, page: Any) -> NDArray[Any]:
        """Map the pixels anew: what stays mapped after reading counts as memory of ours."""
        shape: tuple[int, ...] = (page.imagelength, page.imagewidth)
        if page.samplesperpixel > 1:
            shape = (*shape, page.samplesperpixel)
        dtype = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
        return np.memmap(self._path, dtype, "r", int(page.dataoffsets[0]), shape)

    def _plain(self, pixels: NDArray[Any], page: Any) -> NDArray[Any]:
        """Return stored pixels (h, w) or (h, w, channels) as grey, in native byte order."""
        pixels = np.array(pixels, dtype=self.dtype)
        if int(page.photometric) == _INVERTED:
            pixels = np.iinfo(self.dtype).max - pixels
        if pixels.ndim == 2:
            return pixels
        return np.ascontiguousarray(
            to_grey(pixels[..., :3] if pixels.shape[2] > 2 else pixels[..., 0])
        )

    def _segment(self, level: int, number: int) -> NDArray[Any]:
        key = (level, number)
        with self._lock:
            if key in self._decoded:
                self._decoded.move_to_end(key)
                return self._decoded[key]
        segment = self._plain(_decode(self._path, self._pages[level], number), self._pages[level])
        with self._lock:
            if key not in self._decoded:
                self._decoded[key] = segment
                self._num_bytes += segment.nbytes
            while self._num_bytes > MAX_CACHE_BYTES and len(self._decoded) > 1:
                self._num_bytes -= self._decoded.popitem(last=False)[1].nbytes
        return segment


def open_tiff(path: Path) -> TiffReader | None:
    """Return a reader, or None if the file can only be decoded as a whole.

    Raises:
        DataError: no single grey or RGB image of 8 or 16 bit, or a file that is cut off.

    """
    with path.open("rb") as file, tifffile.TiffFile(file) as tif:
        page = tiff.only_page(tif)
        tiff.check_page(page, path.stat().st_size)
        if not _can_read_parts(page):
            return None
        pages = [page, *_coarser(tif, page)]
        levels = [level_of(_hw(page), _hw(other)) for other in pages]
        both = [(p, level) for p, level in zip(pages, levels, strict=True) if level is not None]
        both = sorted({level.step: (p, level) for p, level in reversed(both)}.values(), key=_step)
        # the headers are read now: the file is closed after this
        for found, _ in both:
            _ = found.dataoffsets, found.databytecounts, found.decode, found.jpegtables
        return TiffReader(path, [p for p, _ in both], tuple(level for _, level in both))


def _step(pair: tuple[Any, Level]) -> int:
    return pair[1].step


def _hw(page: Any) -> tuple[int, int]:
    return int(page.imagelength), int(page.imagewidth)


def _can_read_parts(page: Any) -> bool:
    is_plain = int(page.photometric) in (_GREY, _INVERTED, _RGB)
    one_plane = page.samplesperpixel == 1 or int(page.planarconfig) == _CONTIGUOUS
    if page.dtype == np.bool_ or not is_plain or not one_plane or page.imagedepth > 1:
        return False
    height, width = _segment_hw(page)
    num_bytes = height * width * page.samplesperpixel * np.dtype(page.dtype).itemsize
    return _is_mapped(page) or num_bytes <= MAX_SEGMENT_BYTES


def _segment_hw(page: Any) -> tuple[int, int]:
    if page.is_tiled:
        return int(page.tilelength), int(page.tilewidth)
    return min(int(page.rowsperstrip), int(page.imagelength)), int(page.imagewidth)


def _is_mapped(page: Any) -> bool:
    return bool(page.is_contiguous) and int(page.compression) == 1


def _coarser(tif: Any, page: Any) -> list[Any]:
    """Return the pages that may be smaller versions of the image."""
    beside = [p for p in islice(tif.pages, _MAX_LEVELS) if p.is_reduced]
    below = list(islice(page.pages, _MAX_LEVELS)) if page.subifds else []
    found = []
    for other in [*beside, *below]:
        same = other.dtype == page.dtype and other.samplesperpixel == page.samplesperpixel
        if same and _can_read_parts(other) and other.photometric == page.photometric:
            found.append(other)
    return found


def _decode(path: Path, page: Any, number: int) -> NDArray[Any]:
    """Return a strip or tile as stored, (h, w) or (h, w, channels)."""
    with path.open("rb") as file:
        data = _bytes_at(file, page.dataoffsets[number], page.databytecounts[number])
    if len(data) < page.databytecounts[number]:
        raise DataError(f"{path} is cut off: it became shorter. Copy or export it again.")
    try:
        segment = page.decode(data, number, jpegtables=page.jpegtables)[0]
    except (TypeError, ValueError) as error:
        if "imagecodecs" not in str(error):
            raise
        segment = _decode_with_opencv(page, data, number)
    if segment is None:
        raise DataError(f"{path} is damaged: part of the pixels is missing. Export it again.")
    pixels = np.asarray(segment).reshape(segment.shape[-3:])
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def _decode_with_opencv(page: Any, data: bytes, number: int) -> NDArray[Any]:
    """Decode LZW, JPEG and the like as a TIFF file of one strip; returns (1, h, w, channels)."""
    height, width = _segment_hw(page)
    if not page.is_tiled:
        height = min(height, int(page.imagelength) - number * height)
    channels = int(page.samplesperpixel)
    pixels = cv2.imdecode(
        np.frombuffer(_one_strip(page, data, (height, width)), np.uint8), cv2.IMREAD_UNCHANGED
    )
    if pixels is None or pixels.dtype != page.dtype or pixels.shape[:2] != (height, width):
        raise DataError(
            f"a part is damaged, or its compression ({page.compression.name}) is unknown. Save "
            "the image without compression."
        )
    if pixels.ndim == 3:
        pixels = pixels[..., 2::-1] if channels == 3 else pixels[..., [2, 1, 0, 3]]
    return np.asarray(pixels.reshape(1, height, width, -1))


def _one_strip(page: Any, data: bytes, shape_hw: tuple[int, int]) -> bytes:
    """Return a TIFF file that holds this strip or tile alone, never inverted."""
    order, channels = page.parent.byteorder, int(page.samplesperpixel)
    tables = page.jpegtables or b""
    photometric = int(page.photometric)
    entries: list[tuple[int, int, int, int]] = [
        (256, 4, 1, shape_hw[1]),
        (257, 4, 1, shape_hw[0]),
        (259, 3, 1, int(page.compression)),
        (262, 3, 1, _GREY if photometric == _INVERTED else photometric),
        (266, 3, 1, int(page.fillorder)),
        (277, 3, 1, channels),
        (278, 4, 1, shape_hw[0]),
        (279, 4, 1, len(data)),
        (317, 3, 1, int(page.predictor)),
    ]
    start = 8 + 2 + 12 * (len(entries) + 2 + bool(tables)) + 4
    bits = struct.pack(f"{order}{max(2, channels)}H", *[page.bitspersample] * max(2, channels))
    entries.append((258, 3, channels, start if channels > 2 else page.bitspersample))
    entries.append((273, 4, 1, start + len(bits) + len(tables)))
    if tables:
        entries.append((347, 7, len(tables), start + len(bits)))
    head = struct.pack(f"{order}2sHIH", b"", 42, 8, len(entries))
    head = (b"II" if order == "<" else b"MM") + head[2:]
    for tag, kind, count, value in sorted(entries):
        short = kind == 3 and count == 1
        packed = struct.pack(f"{order}HH", value, 0) if short else struct.pack(f"{order}I", value)
        head += struct.pack(f"{order}HHI", tag, kind, count) + packed
    return head + struct.pack(f"{order}I", 0) + bits + tables + data


def _bytes_at(file: Any, offset: int, count: int) -> bytes:
    file.seek(int(offset))
    return bytes(file.read(int(count)))


def _paste(found: NDArray[Any], part: NDArray[Any], row: int, col: int) -> None:
    """Put a part at a place that may stick out of the array on any side."""
    top, left = max(0, row), max(0, col)
    bottom = min(found.shape[0], row + part.shape[0])
    right = min(found.shape[1], col + part.shape[1])
    if top < bottom and left < right:
        found[top:bottom, left:right] = part[top - row : bottom - row, left - col : right - col]
