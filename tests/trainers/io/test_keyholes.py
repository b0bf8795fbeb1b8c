"""Holes and parts in one outline survive being filled by two independent programs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask

from tests.trainers.io.strategies import objects
from trainers.io.keyholes import joined, outlines_with_holes
from trainers.io.rle import RleMask

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def filled(outlines: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    flat = [[float(value) for value in each.ravel()] for each in outlines]
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(flat, *shape))).astype(bool)


@given(objects())
def test_outlines_with_bridges_fill_to_exactly_the_mask(mask):
    np.testing.assert_array_equal(filled(outlines_with_holes(mask), mask.shape), mask)


@given(objects())
def test_one_outline_for_all_parts_fills_to_exactly_the_mask(mask):
    one = joined(outlines_with_holes(mask, (0, 0)))
    np.testing.assert_array_equal(filled([one], mask.shape), mask)
    scaled = [
        float(v)
        for v in (
            (one / (mask.shape[1], mask.shape[0])).round(7) * (mask.shape[1], mask.shape[0])
        ).ravel()
    ]
    again = RleMask.from_coco([scaled], mask.shape).to_mask(mask.shape)
    np.testing.assert_array_equal(again, mask)


def test_bridges_are_level_and_lie_within_the_object():
    mask = np.zeros((40, 60), dtype=np.bool_)
    mask[5:35, 5:55] = True
    mask[10:14, 12:20] = mask[10:14, 30:40] = mask[20:30, 8:50] = False
    (ring,) = outlines_with_holes(mask)
    steps = np.roll(ring, -1, axis=0) - ring
    assert np.all((steps == 0).any(axis=1))
    length = np.abs(steps).sum()
    edges = 2 * (30 + 50) + 2 * (4 + 8) + 2 * (4 + 10) + 2 * (10 + 42)
    assert length == edges + 2 * (7 + 10 + 3)


def test_a_program_that_draws_outlines_loses_only_pixels_at_the_edges():
    mask = np.zeros((40, 60), dtype=np.bool_)
    mask[5:35, 5:55] = True
    mask[12:28, 20:40] = False
    (ring,) = outlines_with_holes(mask)
    canvas = Image.new("1", (60, 40))
    ImageDraw.Draw(canvas).polygon([tuple(map(int, xy)) for xy in ring], fill=1)
    drawn = np.asarray(canvas)
    assert not drawn[14:26, 22:38].any()
    assert drawn[7:11, 7:53].all()


def test_thousands_of_holes_are_all_reached():
    mask = np.ones((200, 300), dtype=np.bool_)
    mask[1::3, 1::3] = False
    (ring,) = outlines_with_holes(mask)
    np.testing.assert_array_equal(filled([ring], mask.shape), mask)
