from __future__ import annotations

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from tests.trainers.io.strategies import shapes
from trainers.errors import DataError
from trainers.io.masks import read_mask, write_instances, write_semantic


def class_ids():
    return hnp.arrays(np.uint8, shapes(), elements=st.integers(0, 254))


def instance_ids():
    return hnp.arrays(np.uint16, shapes())


@given(class_ids())
def test_class_ids_come_back_bit_identical(tmp_path_factory, ids):
    path = tmp_path_factory.getbasetemp() / "semantic.png"
    write_semantic(path, ids)
    np.testing.assert_array_equal(read_mask(path, ids.shape), ids, strict=True)
    np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), ids, strict=True)


@given(instance_ids())
def test_instance_ids_come_back_bit_identical(tmp_path_factory, ids):
    path = tmp_path_factory.getbasetemp() / "instances.png"
    write_instances(path, ids)
    np.testing.assert_array_equal(read_mask(path, ids.shape), ids, strict=True)
    np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), ids, strict=True)


@pytest.mark.parametrize("value", [1, 255])
def test_binary_masks_are_read_as_0_and_1(tmp_path, value):
    mask = np.zeros((9, 10), np.uint8)
    mask[2:5, 3:7] = value
    for name in ("m.png", "m.bmp", "m.tif"):
        Image.fromarray(mask).save(tmp_path / name)
        np.testing.assert_array_equal(read_mask(tmp_path / name), mask > 0)
    Image.fromarray(np.dstack([mask] * 3)).save(tmp_path / "rgb.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "rgb.png"), mask > 0)
    Image.fromarray(mask > 0).save(tmp_path / "bit.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "bit.png"), mask > 0)


def test_full_and_empty_binary_masks_are_told_apart(tmp_path):
    cv2.imwrite(str(tmp_path / "full.png"), np.full((9, 9), 255, np.uint8))
    cv2.imwrite(str(tmp_path / "empty.png"), np.zeros((9, 9), np.uint8))
    assert (read_mask(tmp_path / "full.png") == 1).all()
    assert (read_mask(tmp_path / "empty.png") == 0).all()


def test_other_grey_values_stay_ids(tmp_path):
    ids = np.array([[0, 128, 255], [1, 2, 3]], np.uint8)
    cv2.imwrite(str(tmp_path / "m.png"), ids)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), ids)


def test_of_a_palette_file_the_indices_are_the_ids(tmp_path):
    ids = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    image = Image.fromarray(ids, mode="P")
    image.putpalette([0, 0, 0, 200, 30, 30, 30, 200, 30])
    image.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), ids)


def test_a_mask_of_another_size_is_refused_naming_both(tmp_path):
    write_semantic(tmp_path / "m.png", np.zeros((20, 30), np.uint8))
    with pytest.raises(DataError, match=r"m\.png.*expected 31 x 20.*got 30 x 20"):
        read_mask(tmp_path / "m.png", (20, 31))


def test_coloured_masks_are_refused(tmp_path):
    colours = np.zeros((9, 9, 3), np.uint8)
    colours[3, 3] = (200, 10, 10)
    cv2.imwrite(str(tmp_path / "m.png"), colours)
    with pytest.raises(DataError, match="got colours"):
        read_mask(tmp_path / "m.png")


def test_jpeg_masks_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "m.jpg"), np.zeros((9, 9), np.uint8))
    with pytest.raises(DataError, match="JPEG changes the ids"):
        read_mask(tmp_path / "m.jpg")


def test_float_and_damaged_masks_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", np.zeros((9, 9), np.float32))
    with pytest.raises(DataError, match="float32"):
        read_mask(tmp_path / "m.tif")
    (tmp_path / "m.png").write_bytes(b"")
    with pytest.raises(DataError, match="0 bytes"):
        read_mask(tmp_path / "m.png")


def test_more_instances_than_sixteen_bits_hold_are_refused_and_lose_nothing(tmp_path):
    path = tmp_path / "m.png"
    ids = np.arange(256 * 257, dtype=np.int64).reshape(257, 256)
    write_instances(path, ids[:256])
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"0 and 65535, got 0 to 65791.*COCO"):
        write_instances(path, ids)
    assert path.read_bytes() == before
    np.testing.assert_array_equal(read_mask(path), ids[:256])


@pytest.mark.parametrize("bad", [-1, 255, 256])
def test_class_ids_out_of_range_are_refused(tmp_path, bad):
    with pytest.raises(DataError, match="class ids between 0 and 254"):
        write_semantic(tmp_path / "m.png", np.full((9, 9), bad, np.int64))
    assert not list(tmp_path.iterdir())


def test_float_ids_are_a_programming_error(tmp_path):
    with pytest.raises(TypeError, match="float64"):
        write_semantic(tmp_path / "m.png", np.zeros((9, 9)))
