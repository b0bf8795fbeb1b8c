from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from tests.trainers.io.strategies import outcome
from trainers.errors import DataError
from trainers.io.images import contrast_limits, image_size, read_image, to_unit

RNG = np.random.default_rng(7)
GREY8 = RNG.integers(0, 256, (40, 56), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (40, 56), dtype=np.uint16)
RGB8 = RNG.integers(0, 256, (40, 56, 3), dtype=np.uint8)
RGB16 = RNG.integers(0, 65536, (40, 56, 3), dtype=np.uint16)
ALPHA8 = np.full((40, 56, 1), 9, dtype=np.uint8)


def luminance(rgb: np.ndarray) -> np.ndarray:
    red, green, blue = (rgb[..., i].astype(np.float64) for i in range(3))
    return np.rint(0.299 * red + 0.587 * green + 0.114 * blue).astype(rgb.dtype)


def png(array: np.ndarray) -> bytes:
    """Encode with OpenCV (which wants B, G, R): not the library that reads."""
    bgr = array if array.ndim == 2 else array[..., [2, 1, 0, *range(3, array.shape[2])]]
    ok, encoded = cv2.imencode(".png", bgr)
    assert ok
    return encoded.tobytes()


def pillow(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def claim_size(data: bytes, *, height: int, width: int) -> bytes:
    """Return a PNG whose header claims another size."""
    header = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


LOSSLESS = {
    "png grey 8": ("a.png", png(GREY8), GREY8),
    "png grey 16": ("a.png", png(GREY16), GREY16),
    "png rgb 8": ("a.png", png(RGB8), luminance(RGB8)),
    "png rgb 16": ("a.png", png(RGB16), luminance(RGB16)),
    "png rgba 8": ("a.png", png(np.dstack([RGB8, ALPHA8])), luminance(RGB8)),
    "png rgb of equal channels": ("a.png", png(np.dstack([GREY8] * 3)), GREY8),
    "png rgb 16 of equal channels": ("a.png", png(np.dstack([GREY16] * 3)), GREY16),
    "png grey and alpha": (
        "a.PNG",
        pillow(Image.fromarray(np.dstack([GREY8, ALPHA8]), "LA"), "PNG"),
        GREY8,
    ),
    "png palette": ("a.png", pillow(Image.fromarray(GREY8).convert("P"), "PNG"), GREY8),
    "png palette with alpha": (
        "a.png",
        pillow(Image.fromarray(GREY8).convert("P"), "PNG", transparency=bytes(range(256))),
        GREY8,
    ),
    "png one bit": (
        "a.png",
        pillow(Image.fromarray(GREY8 > 127), "PNG"),
        np.where(GREY8 > 127, 255, 0).astype(np.uint8),
    ),
    "png named in other scripts": ("größe_金属.png", png(GREY8), GREY8),
    "bmp grey": ("a.bmp", pillow(Image.fromarray(GREY8), "BMP"), GREY8),
    "bmp rgb": ("a.bmp", pillow(Image.fromarray(RGB8), "BMP"), luminance(RGB8)),
    "png named jpg": ("a.jpg", png(GREY8), GREY8),
}


@pytest.mark.parametrize(("name", "data", "expected"), LOSSLESS.values(), ids=LOSSLESS)
def test_lossless_files_are_read_to_the_last_bit(tmp_path, name, data, expected):
    path = tmp_path / name
    path.write_bytes(data)
    image = read_image(path)
    np.testing.assert_array_equal(image, expected, strict=True)
    assert image.flags.c_contiguous
    assert image_size(path) == expected.shape


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_read_nearly_as_it_was(tmp_path, progressive):
    smooth = cv2.GaussianBlur(GREY8, (0, 0), 4)
    path = tmp_path / "a.jpeg"
    path.write_bytes(pillow(Image.fromarray(smooth), "JPEG", quality=97, progressive=progressive))
    assert np.abs(read_image(path).astype(int) - smooth).max() <= 4
    assert image_size(path) == GREY8.shape


def test_an_orientation_tag_does_not_turn_the_pixels_away_from_their_mask(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    path = tmp_path / "a.png"
    path.write_bytes(pillow(Image.fromarray(GREY8), "PNG", exif=exif))
    np.testing.assert_array_equal(read_image(path), GREY8)


def cut_files() -> dict[str, bytes]:
    photo = cv2.GaussianBlur(RGB8, (0, 0), 2)
    return {
        "a.png": png(GREY8),
        "b.png": png(RGB16),
        "c.jpg": pillow(Image.fromarray(photo), "JPEG"),
        "d.jpg": pillow(Image.fromarray(photo), "JPEG", progressive=True),
        "e.bmp": pillow(Image.fromarray(RGB8), "BMP"),
        "f.bmp": pillow(Image.fromarray(GREY8), "BMP"),
    }


@pytest.mark.parametrize("name", cut_files())
def test_a_file_cut_off_anywhere_is_refused_or_complete(tmp_path, name):
    data = cut_files()[name]
    path = tmp_path / name
    path.write_bytes(data)
    whole = read_image(path)
    lengths = {1, 2, 3, 4, 8, 20, 33, 60, *range(100, len(data), max(1, len(data) // 60))}
    for length in sorted({*lengths, len(data) // 2, len(data) - 13, len(data) - 1}):
        path.write_bytes(data[:length])
        image = outcome(read_image, path)
        if isinstance(image, DataError):
            assert name in str(image)
            continue
        # only a missing end mark may go unnoticed, and never with a wrong pixel
        assert length >= len(data) - 13, length
        np.testing.assert_array_equal(image, whole)


@given(st.binary(max_size=60), st.sampled_from(sorted(cut_files())), st.integers(0, 3000))
def test_image_size_and_read_image_survive_any_bytes(tmp_path_factory, noise, name, at):
    data = bytearray(cut_files()[name])
    data[at % len(data) : at % len(data) + len(noise)] = noise
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(bytes(data))
    for read in (read_image, image_size):
        result = outcome(read, path)
        assert not isinstance(result, DataError) or str(path) in str(result)


BAD = {
    "empty": (b"", "0 bytes"),
    "text": (b"this is no image at all", "not a PNG"),
    "1x1": (png(np.zeros((1, 1), np.uint8)), "at least 8 x 8"),
    "too narrow": (png(np.zeros((100, 7), np.uint8)), "7 x 100"),
    "gif": (pillow(Image.fromarray(GREY8), "GIF"), "not a PNG"),
    "cmyk": (pillow(Image.fromarray(RGB8).convert("CMYK"), "JPEG"), "CMYK"),
    "animated": (
        pillow(
            Image.fromarray(GREY8), "PNG", save_all=True, append_images=[Image.fromarray(GREY8.T)]
        ),
        "single image",
    ),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_an_unusable_file_is_refused_with_a_reason(tmp_path, data, message):
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        read_image(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["empty", "text", "1x1", "gif"])
def test_the_size_of_an_unusable_file_is_refused_too(tmp_path, name):
    path = tmp_path / "a.png"
    path.write_bytes(BAD[name][0])
    with pytest.raises(DataError, match=BAD[name][1]):
        image_size(path)


@pytest.mark.parametrize("read", [read_image, image_size])
def test_a_missing_file_and_a_folder_are_refused(tmp_path, read):
    with pytest.raises(DataError, match="No such file"):
        read(tmp_path / "none.png")
    with pytest.raises(DataError, match="Cannot read"):
        read(tmp_path)


def test_image_size_reads_only_the_header(tmp_path):
    path = tmp_path / "a.png"
    data = png(GREY8)
    path.write_bytes(data[: len(data) // 2])
    assert image_size(path) == GREY8.shape


def test_images_above_pillows_limit_are_read_without_a_warning(tmp_path):
    path = tmp_path / "mosaic.png"
    path.write_bytes(claim_size(png(GREY8), height=1_000, width=200_000))
    before = Image.MAX_IMAGE_PIXELS
    assert image_size(path) == (1_000, 200_000)
    assert before == Image.MAX_IMAGE_PIXELS


def test_images_of_more_than_2_to_30_pixels_are_refused(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(claim_size(png(GREY8), height=1_000, width=1_100_000))
    with pytest.raises(DataError, match="Tile it"):
        read_image(path)


def test_eight_bits_are_divided_by_255():
    np.testing.assert_array_equal(
        to_unit(np.array([[0, 51, 255]], np.uint8)), np.array([[0, 0.2, 1]], np.float32)
    )


@given(hnp.arrays(np.uint16, st.tuples(st.integers(1, 30), st.integers(1, 30))))
def test_sixteen_bits_are_stretched_between_percentiles(image):
    unit = to_unit(image)
    low, high = np.percentile(image, [0.1, 99.9], method="inverted_cdf").astype(np.float64)
    expected = np.clip((image - low) / max(high - low, 1), 0, 1)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, expected, atol=1e-6)
    assert contrast_limits(image) == (low, max(high, low + 1))


def test_hot_pixels_do_not_darken_a_sixteen_bit_image():
    image = RNG.integers(1000, 2000, (200, 200), dtype=np.uint16)
    image[0, 0] = 65535
    assert to_unit(image).mean() == pytest.approx(0.5, abs=0.02)
    assert contrast_limits(image)[1] < 2001


@pytest.mark.parametrize("value", [0, 700, 65535])
def test_constant_sixteen_bit_images_are_black_and_have_valid_limits(value):
    image = np.full((9, 9), value, np.uint16)
    assert not to_unit(image).any()
    low, high = contrast_limits(image)
    assert low < high


def test_eight_bit_limits_are_the_whole_range():
    assert contrast_limits(GREY8) == (0.0, 255.0)


def test_float_images_are_a_programming_error():
    with pytest.raises(TypeError, match="uint16"):
        to_unit(np.zeros((9, 9), np.float32))


def test_a_tiff_goes_the_same_way(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", RGB16, photometric="rgb")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), luminance(RGB16), strict=True)
