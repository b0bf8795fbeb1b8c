from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from trainers.errors import DataError
from trainers.io.converted import ConversionCancelledError, ConvertedImages
from trainers.io.images import image_size, read_image
from trainers.io.lazy_image import LazyImage
from trainers.io.open_image import open_image

SHAPE = (301, 420)
RNG = np.random.default_rng(3)
# smooth, so that it compresses, with noise, so that every window differs
GREY8 = np.add.outer(np.arange(SHAPE[0]), np.arange(SHAPE[1])).astype(np.uint8) // 2
GREY8 = GREY8 + RNG.integers(0, 16, SHAPE, dtype=np.uint8)
GREY16 = GREY8.astype(np.uint16) * 211


def write_zarr(folder, pixels, version, extra_axes=()):
    """An OME-Zarr with levels 1, 2 and 4, each the mean of 2 x 2 of the one before."""
    zarr_format = 2 if version == "0.4" else 3
    root = zarr.open_group(str(folder), mode="w", zarr_format=zarr_format)
    level, datasets = pixels, []
    for number in range(3):
        data = level.reshape((1,) * len(extra_axes) + level.shape)
        chunks = (1,) * len(extra_axes) + (64, 80)
        array = root.create_array(
            str(number), shape=data.shape, chunks=chunks, dtype=data.dtype, overwrite=True
        )
        array[...] = data
        datasets.append({"path": str(number)})
        level = level[::2, ::2]
    axes = [{"name": name, "type": "x"} for name in (*extra_axes, "y", "x")]
    multiscales = [{"version": version, "axes": axes, "datasets": datasets}]
    attributes = {"multiscales": multiscales}
    root.attrs.update(attributes if version == "0.4" else {"ome": attributes})


def write_pyramid(path, pixels):
    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        tif.write(pixels, subifds=2, tile=(64, 64), compression="zlib")
        tif.write(pixels[::2, ::2], subfiletype=1, tile=(64, 64), compression="zlib")
        tif.write(pixels[::4, ::4], subfiletype=1, tile=(64, 64), compression="zlib")


def write_lzw(path, pixels, **options):
    Image.fromarray(pixels).save(path, compression="tiff_lzw", **options)


WRITERS = {
    "strips.tif": lambda p, x: tifffile.imwrite(p, x, rowsperstrip=32),
    "one_strip.tif": lambda p, x: tifffile.imwrite(p, x),
    "big_endian.tif": lambda p, x: tifffile.imwrite(p, x, byteorder=">"),
    "zlib.tif": lambda p, x: tifffile.imwrite(
        p, x, compression="zlib", predictor=True, rowsperstrip=40
    ),
    "big_endian_zlib.tif": lambda p, x: tifffile.imwrite(
        p, x, compression="zlib", rowsperstrip=40, byteorder=">"
    ),
    "lzw.tif": write_lzw,
    "tiles.tif": lambda p, x: tifffile.imwrite(p, x, tile=(64, 96)),
    "bigtiff.tif": lambda p, x: tifffile.imwrite(p, x, bigtiff=True, tile=(64, 64)),
    "ome.ome.tif": lambda p, x: tifffile.imwrite(p, x, ome=True, tile=(64, 64)),
    "inverted.tif": lambda p, x: tifffile.imwrite(p, x, photometric="miniswhite", rowsperstrip=32),
    "pyramid.ome.tif": write_pyramid,
    "image.png": lambda p, x: cv2.imwrite(str(p), x),
    "v04.zarr": lambda p, x: write_zarr(p, x, "0.4"),
    "v05.zarr": lambda p, x: write_zarr(p, x, "0.5", ("c", "z")),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    images = {}
    for bits, pixels in (("8", GREY8), ("16", GREY16)):
        for name, write in WRITERS.items():
            path = folder / f"{bits}_{name}"
            write(path, pixels)
            shown = pixels if "inverted" not in name else np.iinfo(pixels.dtype).max - pixels
            lazy = open_image(path, max_pixels=0, converted=ConvertedImages(folder / "cache"))
            assert isinstance(lazy, LazyImage)
            images[path.name] = (lazy, path, shown)
    return images


@pytest.mark.parametrize("bits", ["8", "16"])
@pytest.mark.parametrize("name", list(WRITERS))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_window_equals_the_same_part_of_the_whole_image(files, bits, name, data):
    lazy, _, pixels = files[f"{bits}_{name}"]
    top, bottom = sorted(data.draw(st.tuples(*[st.integers(0, SHAPE[0])] * 2)))
    left, right = sorted(data.draw(st.tuples(*[st.integers(0, SHAPE[1])] * 2)))
    part = lazy[top:bottom, left:right]
    assert part.dtype == pixels.dtype
    if part.size or pixels[top:bottom, left:right].size:
        np.testing.assert_array_equal(part, pixels[top:bottom, left:right])


@pytest.mark.parametrize("bits", ["8", "16"])
@pytest.mark.parametrize("name", list(WRITERS))
def test_the_whole_file_and_its_header_say_the_same_as_its_parts(files, bits, name):
    lazy, path, pixels = files[f"{bits}_{name}"]
    np.testing.assert_array_equal(read_image(path), pixels)
    assert image_size(path) == lazy.shape == SHAPE


def block_means(pixels, step):
    """Independent of OpenCV: means of whole blocks, the edge repeated."""
    pad = [(0, -side % step) for side in pixels.shape]
    filled = np.pad(pixels, pad, mode="edge").astype(float)
    height, width = (side // step for side in filled.shape)
    return filled.reshape(height, step, width, step).mean(axis=(1, 3))


@pytest.mark.parametrize("name", ["8_strips.tif", "16_zlib.tif", "8_tiles.tif", "16_image.png"])
@pytest.mark.parametrize("step", [2, 4, 8])
def test_coarser_parts_are_means_of_blocks_with_and_without_an_overview(files, name, step):
    lazy, _, pixels = files[name]
    rows, cols = slice(8 * step, 24 * step), slice(16 * step, SHAPE[1])
    expected = block_means(pixels[rows, cols], step)
    assert np.abs(lazy.read(rows, cols, step) - expected).max() <= 0.51
    assert lazy.make_overview()


@pytest.mark.parametrize("name", ["8_pyramid.ome.tif", "16_v04.zarr", "8_v05.zarr"])
def test_the_levels_in_a_file_are_used(files, name):
    lazy, _, pixels = files[name]
    part = lazy.read(slice(40, 200), slice(80, 420), 4)
    np.testing.assert_array_equal(part, pixels[::4, ::4][10:50, 20:105])


def test_an_overview_is_made_in_strips_and_can_be_given_up(files, monkeypatch):
    monkeypatch.setattr("trainers.io.lazy_image.OVERVIEW_PIXELS", 10_000)
    monkeypatch.setattr("trainers.io.lazy_image.STRIP_BYTES", 20_000)
    lazy = open_image(files["8_strips.tif"][1], max_pixels=0)
    shares: list[float] = []
    assert not lazy.make_overview(is_cancelled=lambda: True)
    assert lazy.nbytes == 0
    assert lazy.make_overview(shares.append)
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert 0 < lazy.nbytes <= 10_000
    whole = lazy.read(slice(0, SHAPE[0]), slice(0, SHAPE[1]), 8)
    difference = np.abs(whole - block_means(GREY8, 8))[:-1, :-1]  # edges are repeated twice
    assert difference.max() <= 1.6


def test_a_file_cut_off_is_refused_with_what_to_do(files, tmp_path):
    for name in ("8_strips.tif", "8_zlib.tif", "8_tiles.tif", "8_image.png"):
        path = tmp_path / name
        data = files[name][1].read_bytes()
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(DataError, match="again"):
            open_image(path, max_pixels=0, converted=ConvertedImages(tmp_path / "cache"))
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("name", ["8_zlib.tif", "8_tiles.tif", "8_strips.tif", "8_v05.zarr"])
def test_a_file_that_vanishes_while_it_is_shown_is_named(files, tmp_path, name):
    path = tmp_path / name
    source = files[name][1]
    shutil.copytree(source, path) if source.is_dir() else shutil.copy(source, path)
    lazy = open_image(path, max_pixels=0)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(DataError, match="no longer there"):
        lazy[100:200, 100:200]


def test_damaged_tiles_and_chunks_give_an_error_and_not_pixels(files, tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY8, tile=(64, 64), compression="zlib")
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages[0].dataoffsets[7]
    data = bytearray(path.read_bytes())
    data[offset : offset + 40] = bytes(40)
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        open_image(path, max_pixels=0)[0:301, 0:420]
    shutil.copytree(files["8_v05.zarr"][1], tmp_path / "a.zarr")
    for chunk in (tmp_path / "a.zarr" / "0" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"nonsense")
    with pytest.raises(DataError, match="damaged"):
        open_image(tmp_path / "a.zarr", max_pixels=0)[0:301, 0:420]
    with pytest.raises(DataError, match="damaged"):
        read_image(tmp_path / "a.zarr")


def test_an_ome_zarr_that_is_not_one_grey_plane_is_refused(tmp_path):
    root = zarr.open_group(str(tmp_path / "two.zarr"), mode="w")
    root.create_array("0", shape=(2, 64, 64), dtype="uint8", chunks=(1, 64, 64))
    axes = [{"name": name} for name in "cyx"]
    root.attrs["ome"] = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    with pytest.raises(DataError, match=r"single grey plane.*c: 2"):
        image_size(tmp_path / "two.zarr")
    root.attrs["ome"] = {"plate": {}}
    with pytest.raises(DataError, match="multiscales"):
        image_size(tmp_path / "two.zarr")
    (tmp_path / "two.zarr" / "zarr.json").write_text("{")
    with pytest.raises(DataError, match="header"):
        image_size(tmp_path / "two.zarr")


def test_decoding_once_tells_its_progress_can_be_stopped_and_keeps_its_bound(files, tmp_path):
    path, cache = files["8_image.png"][1], ConvertedImages(tmp_path, max_bytes=300_000)
    with pytest.raises(ConversionCancelledError):
        cache.get(path, is_cancelled=lambda: True)
    assert cache.num_bytes == 0
    shares: list[float] = []
    first = cache.get(path, shares.append)
    assert shares[-1] == 1.0
    shares.clear()
    assert cache.get(path, shares.append).identity == first.identity
    assert not shares
    cache.get(files["16_image.png"][1])
    assert len(list(tmp_path.iterdir())) == 1
    cache.clear()
    assert cache.num_bytes == 0


def test_the_identity_is_that_of_the_content_and_not_of_the_place(files, tmp_path):
    for name in ("8_tiles.tif", "8_image.png"):
        path = files[name][1]
        moved = tmp_path / f"moved_{name}"
        shutil.copy2(path, moved)
        cache = ConvertedImages(tmp_path / "cache")
        before = files[name][0].identity
        assert open_image(moved, max_pixels=0, converted=cache).identity == before
        WRITERS[name[2:]](moved, GREY8[::-1].copy())
        assert open_image(moved, max_pixels=0, converted=cache).identity != before
