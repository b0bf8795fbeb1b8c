"""Operations on one object, against scipy and skimage on the whole image."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import draw, measure, morphology, segmentation

from napari_icseg.project import mask_cuts, mask_shapes, mask_snap
from trainers.io.rle import RleMask

FAST = settings(max_examples=150, deadline=None)


@st.composite
def masks(draw_from, min_side=1, max_side=26):
    """Blobs of several parts, with holes, up to all borders of a small image."""
    shape = draw_from(st.tuples(*[st.integers(min_side, max_side)] * 2))
    rng = np.random.default_rng(draw_from(st.integers(0, 2**32 - 1)))
    mask = np.zeros(shape, bool)
    for _ in range(draw_from(st.integers(1, 5))):
        top, left = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        height, width = rng.integers(1, 13, size=2)
        mask[top : top + height, left : left + width] = True
    for _ in range(draw_from(st.integers(0, 4))):
        top, left = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        height, width = rng.integers(1, 4, size=2)
        mask[top : top + height, left : left + width] = False
    if not mask.any():
        mask[0, 0] = True
    return mask


def encoded(mask: np.ndarray) -> RleMask:
    return RleMask.from_mask(mask)


def same(result: RleMask, expected: np.ndarray) -> bool:
    return bool(np.array_equal(result.to_mask(expected.shape), expected)) and result == encoded(
        expected
    )


@FAST
@given(masks())
def test_holes_are_filled_as_scipy_fills_them_in_the_whole_image(mask):
    assert same(mask_shapes.fill_holes(encoded(mask)), ndimage.binary_fill_holes(mask))


@FAST
@given(masks())
def test_parts_and_the_largest_are_those_of_the_whole_image(mask):
    labels, count = measure.label(mask, connectivity=1, return_num=True)
    parts = mask_shapes.parts_of(encoded(mask))
    expected = {encoded(labels == value) for value in range(1, count + 1)}
    assert set(parts) == expected
    assert len(parts) == count
    largest = mask_shapes.largest_part(encoded(mask))
    assert largest.area == max(part.area for part in expected)


@FAST
@given(masks(), masks())
def test_growing_adds_one_pixel_inside_the_image_and_stops_at_others(mask, other):
    grown = ndimage.binary_dilation(mask, np.ones((3, 3)))
    assert same(mask_shapes.grow(encoded(mask), mask.shape), grown)
    blocked = np.zeros_like(mask)
    height, width = (min(a, b) for a, b in zip(mask.shape, other.shape, strict=True))
    blocked[:height, :width] = other[:height, :width]
    if blocked.any():
        result = mask_shapes.grow(encoded(mask), mask.shape, [encoded(blocked)])
        assert same(result, (grown & ~blocked) | mask)


@FAST
@given(masks())
def test_shrinking_takes_one_pixel_but_not_at_the_border_nor_all(mask):
    expected = ~ndimage.binary_dilation(~mask, np.ones((3, 3)))
    shrunk = mask_shapes.shrink(encoded(mask), mask.shape)
    assert (shrunk is None) == (not expected.any())
    assert shrunk is None or same(shrunk, expected)


def long_parts(pixels: np.ndarray, length: int) -> np.ndarray:
    kept = np.zeros_like(pixels)
    for region in measure.regionprops(measure.label(pixels, connectivity=2)):
        top, left, bottom, right = region.bbox
        if max(bottom - top, right - left) > length:
            kept[tuple(region.coords.T)] = True
    return kept


@FAST
@given(masks(), st.integers(1, 2))
def test_smoothing_is_an_opening_and_a_closing_that_keeps_long_tracks_and_gaps(mask, radius):
    side = 2 * radius + 1
    square = np.ones((side, side), bool)
    padded = np.pad(mask, 30, mode="edge")
    opened = morphology.opening(padded, square)
    opened |= long_parts(padded & ~opened, 2 * side)
    closed = morphology.closing(opened, square)
    closed &= ~long_parts(closed & ~opened, 2 * side)
    expected = closed[30:-30, 30:-30]
    result = mask_shapes.smooth(encoded(mask), mask.shape, radius)
    assert same(result, expected if expected.any() else mask)


def test_smoothing_keeps_a_thin_track_and_its_rectangles_and_takes_bumps_and_notches():
    mask = np.zeros((60, 80), bool)
    mask[10:30, 10:40] = True
    mask[20:22, 40:80] = True  # a track of two pixels, to the border
    clean = mask.copy()
    mask[8:10, 15:17] = True  # a bump
    mask[28:30, 20:22] = False  # a notch
    smoothed = mask_shapes.smooth_visibly(encoded(mask), mask.shape)
    assert same(smoothed, clean)
    assert mask_shapes.smooth_visibly(smoothed, mask.shape) == smoothed
    dot = encoded(np.pad(np.ones((2, 2), bool), 3))
    assert mask_shapes.smooth(dot, (8, 8)) == dot


@FAST
@given(masks(), st.integers(1, 30), st.integers(1, 30))
def test_clipping_to_another_image_keeps_what_lies_inside(mask, height, width):
    inside = np.zeros((height, width), bool)
    part = mask[:height, :width]
    inside[: part.shape[0], : part.shape[1]] = part
    clipped = mask_shapes.clip(encoded(mask), (height, width))
    assert (clipped is None) == (not inside.any())
    assert clipped is None or same(clipped, inside)


@FAST
@given(masks(), st.tuples(*[st.integers(0, 26)] * 4))
def test_an_object_touches_a_window_if_it_has_a_pixel_there(mask, corners):
    rows, cols = slice(*sorted(corners[:2])), slice(*sorted(corners[2:]))
    assert mask_shapes.touches(encoded(mask), (rows, cols)) == bool(mask[rows, cols].any())


@FAST
@given(masks())
def test_facts_count_parts_and_holes(mask):
    facts = mask_shapes.facts_of(encoded(mask), mask.shape)
    _, parts = measure.label(mask, connectivity=1, return_num=True)
    framed = np.pad(~mask, 1, constant_values=True)
    _, grounds = measure.label(framed, connectivity=1, return_num=True)
    assert (facts.num_parts, facts.num_holes) == (parts, grounds - 1)


def assert_pieces(pieces, mask):
    total = sum(piece.to_mask(mask.shape).astype(int) for piece in pieces)
    assert np.array_equal(total, mask.astype(int))


POINTS = st.tuples(*[st.floats(-5, 30)] * 2)


@FAST
@given(masks(), st.lists(POINTS, min_size=2, max_size=4))
def test_a_line_cuts_an_object_into_the_pieces_beside_it(mask, points):
    line = np.zeros((80, 80), bool)
    for (r0, c0), (r1, c1) in itertools.pairwise(points):
        rows, cols = draw.line(round(r0) + 20, round(c0) + 20, round(r1) + 20, round(c1) + 20)
        line[rows, cols] = True
    line = line[20 : 20 + mask.shape[0], 20 : 20 + mask.shape[1]]
    cores, count = measure.label(mask & ~line, connectivity=1, return_num=True)
    _, before = measure.label(mask, connectivity=1, return_num=True)
    pieces = mask_cuts.cut_along(encoded(mask), points)
    if count <= before:
        assert pieces == ()
        return
    assert len(pieces) == count
    assert_pieces(pieces, mask)
    for value in range(1, count + 1):
        core = cores == value
        assert any((piece.to_mask(mask.shape) & core).sum() == core.sum() for piece in pieces)


@FAST
@given(masks(), st.lists(st.tuples(*[st.integers(0, 25)] * 2), max_size=5))
def test_every_seed_on_the_object_gets_a_piece_of_its_own(mask, seeds):
    inside = {(r, c) for r, c in seeds if r < mask.shape[0] and c < mask.shape[1] and mask[r, c]}
    pieces = mask_cuts.split_around(encoded(mask), seeds, mask.shape)
    if len(inside) < 2:
        assert pieces == ()
        return
    assert len(pieces) == len(inside)
    assert_pieces(pieces, mask)
    assert all(sum(piece.contains(*seed) for seed in inside) == 1 for piece in pieces)


def test_seeds_part_two_pads_at_the_neck_between_them():
    rows, cols = np.indices((40, 80))
    mask = (np.hypot(rows - 20, cols - 20) < 15) | (np.hypot(rows - 20, cols - 58) < 15)
    mask[17:24, 20:58] = True
    left, right = sorted(
        mask_cuts.split_around(encoded(mask), [(20, 15), (20, 60)], mask.shape),
        key=lambda piece: piece.col,
    )
    assert 33 <= left.col + left.width <= 45
    reference = segmentation.watershed(
        -ndimage.distance_transform_edt(mask),
        np.where((rows == 20) & (cols == 15), 1, np.where((rows == 20) & (cols == 60), 2, 0)),
        mask=mask,
    )
    assert abs(left.area - int((reference == 1).sum())) <= 8
    assert right.contains(20, 60)


def edge_error_px(mask: np.ndarray, true: np.ndarray) -> float:
    """Mean distance of the mask's edge pixels from the true edge pixels."""
    distance = np.where(
        true, ndimage.distance_transform_edt(true) - 1, ndimage.distance_transform_edt(~true)
    )
    edge = mask & ~ndimage.binary_erosion(mask, border_value=1)
    return float(np.abs(distance[edge]).mean())


@pytest.mark.parametrize("noise", [0, 10, 20, 30])
@pytest.mark.parametrize("width", [6, 12, 24])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_mask_two_pixels_off_snaps_to_a_noisy_bar(noise, width, sign):
    rng = np.random.default_rng(width + noise)
    true = np.zeros((64, 96), bool)
    true[20 : 20 + width, 12:84] = True
    image = 110 + sign * np.where(true, 50, -50) + rng.normal(0, noise, true.shape)
    image = np.clip(image, 0, 255).astype(np.uint8)
    square = np.ones((3, 3))
    for off in (
        np.roll(true, 2, axis=0),
        ndimage.binary_dilation(true, square, 2),
        ndimage.binary_erosion(true, square, 2),
    ):
        mask = encoded(off)
        window = mask_snap.snap_window(mask, true.shape)
        snapped = mask_snap.snap(mask, image[window], true.shape).to_mask(true.shape)
        assert edge_error_px(off, true) > 1.4
        assert edge_error_px(snapped, true) <= 0.5


def test_snapping_leaves_an_edge_where_the_image_has_none_and_keeps_clear_of_others():
    rng = np.random.default_rng(3)
    bar = np.zeros((64, 96), bool)
    bar[20:32, 12:84] = True
    image = np.where(bar, 160, 60) + rng.normal(0, 12, bar.shape)
    left, right = bar.copy(), bar.copy()
    left[:, 48:], right[:, :48] = False, False
    mask, other = encoded(left), encoded(right)
    snapped = mask_snap.snap(mask, image[mask_snap.snap_window(mask, bar.shape)], bar.shape)
    assert edge_error_px(snapped.to_mask(bar.shape), left) <= 0.1
    small = np.zeros_like(bar)
    small[20:32, 12:46] = True
    mask = encoded(small)
    near = mask_snap.snap(mask, image[mask_snap.snap_window(mask, bar.shape)], bar.shape, [other])
    assert near.intersection_area(other) == 0


@FAST
@given(masks(min_side=3), st.integers(0, 2**32 - 1))
def test_snapping_never_loses_an_object_nor_moves_it_further_than_its_reach(mask, seed):
    image = np.random.default_rng(seed).integers(0, 256, mask.shape)
    own = encoded(mask)
    snapped = mask_snap.snap(own, image[mask_snap.snap_window(own, mask.shape)], mask.shape)
    result = snapped.to_mask(mask.shape)
    reach = mask_snap.REACH_PX
    assert not (result & (ndimage.distance_transform_edt(~mask) > reach)).any()
    if not mask.all():
        assert not (~result & (ndimage.distance_transform_edt(mask) > reach)).any()


def test_the_cost_goes_with_the_object_and_not_with_the_image():
    mask = RleMask.from_mask(np.ones((40, 40), bool), (60_000, 60_000))
    huge = (120_000, 120_000)
    assert mask_shapes.grow(mask, huge).area == 42 * 42
    assert mask_shapes.smooth(mask, huge) == mask
    assert len(mask_cuts.cut_along(mask, [(59_990, 60_020), (60_050, 60_020)])) == 2
