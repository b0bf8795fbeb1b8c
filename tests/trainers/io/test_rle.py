from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from tests.trainers.io.strategies import masks, masks_of, objects, shapes
from trainers.errors import DataError
from trainers.io import runs
from trainers.io.rle import EmptyMaskError, RleMask, iou

# pycocotools 2.0.11 has not followed numpy 2 in its decoder, which only these tests use
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ORIGINS = st.tuples(st.integers(-30, 30), st.integers(-30, 30))


def shift(mask: runs.BoolArray, origin: tuple[int, int], shape: tuple[int, int]) -> runs.BoolArray:
    """Paste `mask` at `origin` into an empty frame, pixel by pixel: an independent reference."""
    frame = np.zeros(shape, dtype=np.bool_)
    for row, col in np.argwhere(mask):
        if 0 <= row + origin[0] < shape[0] and 0 <= col + origin[1] < shape[1]:
            frame[row + origin[0], col + origin[1]] = True
    return frame


@given(objects())
def test_a_mask_comes_back_bit_identical(mask):
    rle = RleMask.from_mask(mask)
    np.testing.assert_array_equal(rle.to_mask(mask.shape), mask)


@given(objects())
def test_the_box_is_tight_and_the_area_counts_the_pixels(mask):
    rle = RleMask.from_mask(mask)
    rows, cols = np.nonzero(mask)
    assert rle.box_xywh == (cols.min(), rows.min(), np.ptp(cols) + 1, np.ptp(rows) + 1)
    assert rle.area == mask.sum()
    assert rle.crop().any(axis=0)[[0, -1]].all()
    assert rle.crop().any(axis=1)[[0, -1]].all()


@given(objects())
def test_the_frame_rle_is_the_one_that_pycocotools_writes(mask):
    expected = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    got = RleMask.from_mask(mask).to_coco(mask.shape)
    assert got == {"size": expected["size"], "counts": expected["counts"].decode()}


@given(objects())
def test_compressed_and_uncompressed_rle_give_the_same_object(mask):
    rle = RleMask.from_mask(mask)
    compressed = rle.to_coco(mask.shape)
    uncompressed = runs.mask_to_runs(mask).tolist()
    assert RleMask.from_coco(compressed, mask.shape) == rle
    assert RleMask.from_coco({**compressed, "counts": compressed["counts"].encode()}, mask.shape)
    assert RleMask.from_coco({**compressed, "counts": uncompressed}, mask.shape) == rle


@given(objects(), ORIGINS, shapes())
def test_an_object_that_sticks_out_of_the_frame_is_cut_off(mask, origin, shape):
    rle = RleMask.from_mask(mask, origin)
    expected = shift(mask, origin, shape)
    np.testing.assert_array_equal(rle.to_mask(shape), expected)
    np.testing.assert_array_equal(coco_mask.decode(rle.to_coco(shape)), expected)


@given(objects(), ORIGINS)
def test_contains_tells_every_pixel_in_and_around_the_box(mask, origin):
    rle = RleMask.from_mask(mask, origin)
    for row in range(-1, mask.shape[0] + 1):
        for col in range(-1, mask.shape[1] + 1):
            inside = 0 <= row < mask.shape[0] and 0 <= col < mask.shape[1] and mask[row, col]
            assert rle.contains(row + origin[0], col + origin[1]) == inside


@given(objects(), objects(), ORIGINS)
def test_iou_agrees_with_pycocotools(a, b, origin):
    first, second = RleMask.from_mask(a), RleMask.from_mask(b, origin)
    shape = (90, 90)
    # both are moved by 30 so that nothing is cut off
    frames = [
        np.asfortranarray(shift(mask, (at[0] + 30, at[1] + 30), shape).astype(np.uint8))
        for mask, at in ((a, (0, 0)), (b, origin))
    ]
    rles = [coco_mask.encode(frame) for frame in frames]
    assert iou(first, second) == pytest.approx(coco_mask.iou(rles[:1], rles[1:], [0])[0, 0])
    assert first.intersection_area(second) == int((frames[0] & frames[1]).sum())
    assert first.intersection_area(second) == second.intersection_area(first)


@given(objects(), ORIGINS, st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_a_box_reaches_a_window_exactly_if_they_share_a_pixel(mask, origin, size):
    found = RleMask.from_mask(mask)
    rows, cols = (slice(at, at + side) for at, side in zip(origin, size, strict=True))
    box = np.ones((found.height, found.width), np.bool_)
    filled = RleMask.from_mask(box, (found.row, found.col))
    assert found.reaches(rows, cols) == bool(filled.pixels_in(rows, cols).any())


@given(masks())
def test_only_empty_masks_are_refused(mask):
    if mask.any():
        assert RleMask.from_mask(mask).area > 0
    else:
        with pytest.raises(EmptyMaskError, match="at least one pixel"):
            RleMask.from_mask(mask)


def test_an_empty_rle_is_refused_as_empty():
    with pytest.raises(EmptyMaskError):
        RleMask.from_coco({"size": [4, 5], "counts": [20]}, (4, 5))


def test_masks_of_other_types_or_dimensions_are_a_programming_error():
    with pytest.raises(TypeError, match="bool"):
        RleMask.from_mask(np.ones((3, 3), dtype=np.uint8))
    with pytest.raises(TypeError, match="bool"):
        RleMask.from_mask(np.ones((3, 3, 1), dtype=np.bool_))


def test_zero_runs_of_other_programs_are_read():
    rle = RleMask.from_coco({"size": [2, 3], "counts": [0, 1, 0, 1, 2, 0, 2]}, (2, 3))
    np.testing.assert_array_equal(rle.to_mask((2, 3)), [[1, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize("count", [2**4 - 1, 2**4, 2**9, 2**14 - 1, 2**24, 2**29, 2**31])
def test_long_runs_keep_their_length(count):
    values = np.array([count, 1, count + 1, 2, 1, count], dtype=np.int64)
    np.testing.assert_array_equal(
        runs.decode_runs(runs.encode_runs(values), int(values.sum())), values
    )


BROKEN = {
    "sum too small": {"size": [4, 5], "counts": [3, 4]},
    "sum too large": {"size": [4, 5], "counts": [3, 40]},
    "negative": {"size": [4, 5], "counts": [30, -10]},
    "huge": {"size": [4, 5], "counts": [10**40, 2]},
    "wraps around 64 bits": {"size": [4, 5], "counts": [2**63 - 1, 2**63 - 1, 22]},
    "fractions": {"size": [4, 5], "counts": [3.5, 16.5]},
    "booleans": {"size": [4, 5], "counts": [True, 19]},
    "texts": {"size": [4, 5], "counts": ["3", "17"]},
    "no counts at all": {"size": [4, 5], "counts": []},
    "empty text": {"size": [4, 5], "counts": ""},
    "cut-off text": {"size": [400, 500], "counts": "PPP"},
    "no end": {"size": [4, 5], "counts": "o" * 3000},
    "foreign characters": {"size": [4, 5], "counts": "<script>é"},
    "control characters": {"size": [4, 5], "counts": "\x00\x01"},
    "another size": {"size": [5, 4], "counts": [20]},
    "three sizes": {"size": [4, 5, 1], "counts": [20]},
    "size as text": {"size": "4x5", "counts": [20]},
    "no size": {"counts": [20]},
    "counts missing": {"size": [4, 5]},
    "counts as object": {"size": [4, 5], "counts": {"a": 1}},
    "a number": 17,
    "a text": "PPYo1",
    "nothing": None,
}


@pytest.mark.parametrize("segmentation", BROKEN.values(), ids=BROKEN)
def test_broken_rle_is_refused_with_a_reason(segmentation):
    with pytest.raises(DataError, match="Broken"):
        RleMask.from_coco(segmentation, (4, 5))


@given(st.text(max_size=30) | st.text("0123456789?@PQno", max_size=30), shapes())
def test_any_text_is_either_understood_or_refused(counts, shape):
    try:
        rle = RleMask.from_coco({"size": list(shape), "counts": counts}, shape)
    except DataError:
        return
    # what was understood is what pycocotools understands
    decoded = coco_mask.decode({"size": list(shape), "counts": counts.encode()})
    np.testing.assert_array_equal(rle.to_mask(shape), decoded)


@given(shapes().flatmap(lambda s: st.tuples(st.just(s), masks_of(s))), st.data())
def test_one_changed_character_never_gives_pixels_beyond_the_frame(shape_and_mask, data):
    shape, mask = shape_and_mask
    assume(mask.any())
    counts = RleMask.from_mask(mask).to_coco(shape)["counts"]
    at = data.draw(st.integers(0, len(counts) - 1))
    changed = counts[:at] + chr(data.draw(st.integers(48, 111))) + counts[at + 1 :]
    try:
        rle = RleMask.from_coco({"size": list(shape), "counts": changed}, shape)
    except DataError:
        return
    assert rle.area == rle.to_mask(shape).sum()


@pytest.mark.parametrize("shape", [(0, 5), (5, -1), (2**17 + 1, 1), (2**17, 2**17), (2.5, 3)])
def test_impossible_image_sizes_are_refused(shape):
    with pytest.raises(DataError, match="height and a width"):
        RleMask.from_coco({"size": list(shape), "counts": [1]}, shape)


def test_a_mask_from_a_damaged_store_is_refused_when_used():
    damaged = RleMask(0, 0, 10, 10, b"garbage")
    for use in (damaged.crop, lambda: damaged.area, lambda: damaged.contains(1, 1)):
        with pytest.raises(DataError, match="Broken RLE"):
            use()


def test_a_full_frame_of_a_large_image_costs_one_run():
    shape = (20_000, 30_000)
    rle = RleMask.from_coco({"size": list(shape), "counts": [0, 600_000_000]}, shape)
    assert rle.area == 600_000_000
    assert len(rle.counts) < 10
    assert rle.to_coco(shape)["size"] == list(shape)
