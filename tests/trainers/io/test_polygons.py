from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from pycocotools import mask as coco_mask
from scipy import ndimage

from tests.trainers.io.strategies import objects
from trainers.errors import DataError
from trainers.io import polygons
from trainers.io.rle import RleMask

# pycocotools 2.0.11 has not followed numpy 2 in its decoder, which only these tests use
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

EIGHT = np.ones((3, 3), dtype=int)


@given(objects())
def test_traced_outlines_fill_to_the_mask_without_its_holes(mask):
    traced = polygons.trace(mask)
    got = RleMask.from_coco(traced.polygons, mask.shape).to_mask(mask.shape)
    # a hole is background that is not connected, by sides, to the frame's outside
    background, count = ndimage.label(np.pad(~mask, 1, constant_values=True))
    holes = np.setdiff1d(np.arange(1, count + 1), background[0, 0])
    filled = mask | np.isin(background, holes)[1:-1, 1:-1]
    np.testing.assert_array_equal(got, filled)
    assert traced.num_holes == holes.size
    assert polygons.has_holes(mask) == (holes.size > 0)
    assert len(traced.polygons) == outer_parts(filled)


def outer_parts(filled: np.ndarray) -> int:
    return int(ndimage.label(filled, structure=EIGHT)[1])


def test_a_single_pixel_has_an_outline():
    mask = np.zeros((5, 6), dtype=np.bool_)
    mask[2, 3] = True
    (outline,) = polygons.trace(mask, origin_xy=(10, 20)).polygons
    corners = {(outline[i], outline[i + 1]) for i in range(0, len(outline), 2)}
    assert corners == {(13, 22), (14, 22), (14, 23), (13, 23)}


def test_parts_are_united():
    square = [0, 0, 2, 0, 2, 2, 0, 2]
    other = [4.0, 3.0, 6.0, 3.0, 6.0, 5.0, 4.0, 5.0]
    mask = RleMask.from_coco([square, other], (6, 7)).to_mask((6, 7))
    expected = np.zeros((6, 7), dtype=np.bool_)
    expected[0:2, 0:2] = expected[3:5, 4:6] = True
    np.testing.assert_array_equal(mask, expected)


def test_a_slanted_polygon_is_filled_as_pycocotools_does():
    polygon = [1.2, 1.7, 30.4, 5.1, 18.0, 33.3]
    rle = coco_mask.merge(coco_mask.frPyObjects([polygon], 40, 40))
    got = RleMask.from_coco([polygon], (40, 40)).to_mask((40, 40))
    np.testing.assert_array_equal(got, coco_mask.decode(rle))


def test_a_polygon_that_leans_out_of_the_image_is_cut_off():
    mask = RleMask.from_coco([[-3, -3, 2, -3, 2, 2, -3, 2]], (5, 5)).to_mask((5, 5))
    assert mask[:2, :2].all()
    assert mask.sum() == 4


BROKEN = {
    "two corners": [[0, 0, 3, 3]],
    "odd": [[0, 0, 3, 0, 3, 3, 0]],
    "empty": [[]],
    "no polygon": [],
    "flat": [0, 0, 3, 0, 3, 3],
    "texts": [["0", "0", "3", "0", "3", "3"]],
    "not a number": [[0, 0, 3, 0, 3, float("nan")]],
    "infinite": [[0, 0, 3, 0, 3, float("inf")]],
    "huge": [[0, 0, 3, 0, 3, 10**400]],
    "far outside": [[0, 0, 3, 0, 3, 1e9]],
    "nested too deep": [[[0, 0], [3, 0], [3, 3]]],
}


@pytest.mark.parametrize("segmentation", BROKEN.values(), ids=BROKEN)
def test_broken_polygons_are_refused_with_a_reason(segmentation):
    with pytest.raises(DataError, match="Broken"):
        RleMask.from_coco(segmentation, (10, 10))
