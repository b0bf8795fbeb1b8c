from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.trainers.io.strategies import outcome
from trainers.errors import DataError
from trainers.io.images import image_size, read_image
from trainers.io.masks import read_mask

RNG = np.random.default_rng(11)
GREY8 = RNG.integers(0, 256, (48, 64), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (48, 64), dtype=np.uint16)
RGB8 = np.dstack([GREY8] * 3)
RGB16 = np.dstack([GREY16] * 3)


def tiff(array: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def by_pillow(image: Image.Image, compression: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="TIFF", compression=compression)
    return buffer.getvalue()


def by_opencv(array: np.ndarray, compression: int) -> bytes:
    ok, data = cv2.imencode(".tif", array, [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    assert ok
    return data.tobytes()


def white_is_zero(data: bytes) -> bytes:
    """Change the tag PhotometricInterpretation from 1 to 0."""
    tag = struct.pack("<HHI", 262, 3, 1)
    assert data.count(tag + b"\1\0") == 1
    return data.replace(tag + b"\1\0", tag + b"\0\0")


def with_inverted_palette(array: np.ndarray) -> Image.Image:
    image = Image.fromarray(array).convert("P")
    image.putpalette([255 - i // 3 for i in range(768)])
    return image


LZW = 5
GOOD = {
    "grey 8": (tiff(GREY8), GREY8),
    "grey 16": (tiff(GREY16), GREY16),
    "grey 16 big-endian": (tiff(GREY16, byteorder=">"), GREY16),
    "bigtiff": (tiff(GREY16, bigtiff=True), GREY16),
    "deflate": (tiff(GREY16, compression="zlib"), GREY16),
    "deflate with predictor": (by_opencv(GREY16, 8), GREY16),
    "lzw 8": (by_pillow(Image.fromarray(GREY8), "tiff_lzw"), GREY8),
    "lzw 16": (by_opencv(GREY16, LZW), GREY16),
    "lzw rgb 16": (by_opencv(RGB16, LZW), GREY16),
    "packbits": (by_pillow(Image.fromarray(GREY8), "packbits"), GREY8),
    "tiled": (tiff(GREY16, tile=(16, 16)), GREY16),
    "strips": (tiff(GREY16, rowsperstrip=5), GREY16),
    "rgb 8": (tiff(RGB8, photometric="rgb"), GREY8),
    "rgb 16 planar": (
        tiff(np.moveaxis(RGB16, -1, 0), photometric="rgb", planarconfig="separate"),
        GREY16,
    ),
    "rgba": (
        tiff(np.dstack([RGB8, 255 - GREY8]), photometric="rgb", extrasamples=["unassalpha"]),
        GREY8,
    ),
    "one plane of three axes": (tiff(GREY16[None]), GREY16),
    "white is zero": (tiff(GREY8, photometric="miniswhite"), 255 - GREY8),
    "white is zero, deflate": (
        tiff(GREY8, photometric="miniswhite", compression="zlib"),
        255 - GREY8,
    ),
    "white is zero, lzw 8": (
        white_is_zero(by_pillow(Image.fromarray(GREY8), "tiff_lzw")),
        255 - GREY8,
    ),
    "white is zero, lzw 16": (white_is_zero(by_opencv(GREY16, LZW)), 65535 - GREY16),
    "grey and alpha": (
        tiff(
            np.dstack([GREY8, GREY8.T.reshape(48, 64)]),
            planarconfig="contig",
            photometric="minisblack",
            extrasamples=["unassalpha"],
        ),
        GREY8,
    ),
    "palette, lzw": (by_pillow(with_inverted_palette(GREY8), "tiff_lzw"), 255 - GREY8),
    "palette": (
        tiff(
            GREY8,
            photometric="palette",
            colormap=np.tile(np.arange(255, -1, -1, dtype=np.uint16) * 257, (3, 1)),
        ),
        255 - GREY8,
    ),
    "imagej": (tiff(GREY16, imagej=True), GREY16),
    "ome": (tiff(GREY16, ome=True), GREY16),
    "one bit": (
        by_pillow(Image.fromarray(GREY8 > 99), "raw"),
        np.where(GREY8 > 99, 255, 0).astype(np.uint8),
    ),
    "group 4": (
        by_pillow(Image.fromarray(GREY8 > 99), "group4"),
        np.where(GREY8 > 99, 255, 0).astype(np.uint8),
    ),
}


@pytest.mark.parametrize(("data", "expected"), GOOD.values(), ids=GOOD)
def test_a_tiff_is_read_to_the_last_bit(tmp_path, data, expected):
    path = tmp_path / "bild ü.tif"
    path.write_bytes(data)
    np.testing.assert_array_equal(read_image(path), expected, strict=True)
    assert image_size(path) == expected.shape


def test_a_thumbnail_beside_the_image_is_no_stack(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(GREY8)
        writer.write(GREY8[::4, ::4], subfiletype=1)
    np.testing.assert_array_equal(read_image(path), GREY8)


BAD = {
    "stack": (tiff(np.stack([GREY8] * 7), photometric="minisblack"), "single image.* 7"),
    "imagej stack": (tiff(np.stack([GREY16] * 4), imagej=True), "single image.* 4"),
    "five channels": (
        tiff(np.dstack([GREY8] * 5), photometric="minisblack", planarconfig="contig"),
        "channels, got 5",
    ),
    "five planes": (
        tiff(np.stack([GREY8] * 5), photometric="minisblack", planarconfig="separate"),
        "channels, got 5",
    ),
    "two detectors": (
        tiff(np.dstack([GREY8] * 2), photometric="minisblack", planarconfig="contig"),
        "channels, got 2",
    ),
    "cmyk": (tiff(np.dstack([GREY8] * 4), photometric="separated"), "got CMYK"),
    "float": (tiff(GREY8.astype(np.float32)), "got float32"),
    "signed": (tiff(GREY8.astype(np.int16)), "got int16"),
    "32 bit": (tiff(GREY8.astype(np.uint32)), "got uint32"),
    "1x1": (tiff(GREY8[:1, :1]), "at least 8 x 8"),
    "only the magic": (b"II*\0", "damaged"),
    "endless list of pages": (b"II*\0\x08\0\0\0" + b"\0\0" + b"\x08\0\0\0", "Cannot read"),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_an_unusable_tiff_is_refused_with_a_reason(tmp_path, data, message):
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        read_image(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["grey 16", "deflate", "lzw 16", "lzw 8", "tiled", "palette"])
def test_a_tiff_cut_off_anywhere_is_refused_or_complete(tmp_path, kind):
    data, expected = GOOD[kind]
    path = tmp_path / "a.tif"
    for length in [*range(4, len(data), max(1, len(data) // 40)), len(data) - 1]:
        path.write_bytes(data[:length])
        image = outcome(read_image, path)
        if not isinstance(image, DataError):
            np.testing.assert_array_equal(image, expected)


@given(st.sampled_from(sorted(GOOD)), st.binary(min_size=1, max_size=40), st.integers(0, 10**4))
def test_a_damaged_tiff_never_raises_anything_else(tmp_path_factory, kind, noise, at):
    data = bytearray(GOOD[kind][0])
    at %= len(data)
    data[at : at + len(noise)] = noise
    path = tmp_path_factory.getbasetemp() / "damaged.tif"
    path.write_bytes(bytes(data))
    for read in (read_image, image_size):
        result = outcome(read, path)
        assert not isinstance(result, DataError) or str(path) in str(result)


def test_the_indices_of_a_compressed_palette_are_the_ids(tmp_path):
    (tmp_path / "m.tif").write_bytes(GOOD["palette, lzw"][0])
    np.testing.assert_array_equal(read_mask(tmp_path / "m.tif"), GREY8)


def test_label_tiffs_are_read_as_masks(tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", GREY16)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.tif", GREY16.shape), GREY16)
