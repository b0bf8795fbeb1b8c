from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.frames import MIN_ZOOM, Frame, View, frame_for, suits
from napari_icseg.controllers.mask_view import mask_pixels
from napari_icseg.controllers.object_index import ObjectIndex
from napari_icseg.controllers.object_map import ObjectMap
from napari_icseg.controllers.overlay import EDGE, FILL, Overlay
from napari_icseg.project.records import ClassRecord, ObjectRecord, ObjectSource
from trainers.io.rle import RleMask

IMAGE_HW = (200, 260)
METAL, VIA = ClassRecord(1, "metal", "#e69f00", 0), ClassRecord(2, "via", "#56b4e9", 1)


def record(object_id, class_id, box, shape=None):
    top, left, bottom, right = box
    mask = np.ones((bottom - top, right - left), np.bool_) if shape is None else shape
    rle = RleMask.from_mask(mask, (top, left))
    return ObjectRecord(object_id, 7, class_id, rle, ObjectSource.MANUAL, None)


@st.composite
def views(draw):
    center = draw(st.tuples(st.floats(-50, 4000), st.floats(-50, 4500)))
    size = draw(st.tuples(st.integers(1, 1400), st.integers(1, 1800)))
    return View(center, size, draw(st.floats(0.02, 30.0)))


@given(view=views())
def test_a_frame_suits_the_view_that_it_was_made_for(view):
    image_hw = (3536, 4096)
    frame = frame_for(view, image_hw)
    assert suits(frame, view, image_hw)
    assert frame.step * view.zoom >= MIN_ZOOM
    assert frame.step == 1 or frame.step * view.zoom < 2 * MIN_ZOOM
    assert frame.box.top % frame.step == frame.box.left % frame.step == 0
    assert frame.box.common(Box(0, 0, *image_hw)) == frame.box
    assert not frame.box.is_empty


def test_arrays_keep_their_shape_while_the_camera_pans_in_the_middle():
    shapes = {
        frame_for(View((row, 9000.0), (800, 1000), zoom), (20_000, 20_000)).shape_hw
        for row in (6000.0, 9001.5, 12_000.0)
        for zoom in (0.7, 1.0, 3.0)
    }
    assert len(shapes) == 1


@given(row=st.integers(0, 199), col=st.integers(0, 259), step=st.sampled_from([1, 2, 4, 8]))
def test_an_image_pixel_lies_in_the_layer_pixel_that_shows_it(row, col, step):
    frame = Frame(Box(16, 24, 160, 240), step)
    at_row, at_col = frame.to_frame(row, col)
    middle_row, middle_col = frame.to_image(at_row, at_col)
    assert abs(middle_row - row) <= (step - 1) / 2
    assert abs(middle_col - col) <= (step - 1) / 2
    translated = np.array(frame.translate) + np.array([at_row, at_col]) * frame.scale
    assert tuple(translated) == (middle_row, middle_col)


@given(
    seed=st.integers(0, 10_000),
    step=st.sampled_from([1, 2, 4]),
    decoded=st.sampled_from([0, 1 << 20]),
)
def test_a_part_of_a_mask_is_that_part_of_the_whole_mask(seed, step, decoded):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(4, 90, 2)
    shape = rng.random((height, width)) < rng.uniform(0.1, 0.95)
    shape[0, 0] = True
    mask = RleMask.from_mask(shape, (int(rng.integers(0, 100)), int(rng.integers(0, 160))))
    frame = Frame(Box(16, 32, 152, 256), step)
    rows, cols = np.sort(rng.integers(-3, 40, 2)), np.sort(rng.integers(-3, 40, 2))
    box = Box(int(rows[0]), int(cols[0]), int(rows[1]) + 1, int(cols[1]) + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_icseg.controllers.mask_view.MAX_DECODED_PIXELS", decoded)
        shown = mask_pixels(mask, frame, box)
    whole = np.pad(mask.to_mask((400, 400)), 64)
    at = [
        first + step * np.arange(a, b) + step // 2 + 64
        for first, a, b in ((16, box.top, box.bottom), (32, box.left, box.right))
    ]
    expected = whole[np.ix_(*at)]
    if expected.any() or step == 1:
        np.testing.assert_array_equal(shown, expected)
    else:
        assert shown.sum() <= 1


def test_an_object_smaller_than_a_coarse_pixel_does_not_vanish():
    mask = RleMask.from_mask(np.ones((2, 2), np.bool_), (33, 65))
    frame = Frame(Box(0, 0, 128, 128), 16)
    shown = mask_pixels(mask, frame, Box(0, 0, 8, 8))
    assert np.argwhere(shown).tolist() == [[2, 4]]


def test_a_mask_cut_by_the_frame_has_no_edge_there():
    mask = RleMask.from_mask(np.ones((20, 60), np.bool_), (10, 30))
    frame = Frame(Box(0, 0, 64, 50))
    drawn = Overlay(mask, FILL, EDGE).drawn(frame)
    assert (drawn[10, 30:50] == EDGE).all()
    assert drawn[11, 30] == EDGE
    assert (drawn[11:29, 31:50] == FILL).all()
    assert drawn.sum() == drawn[10:30, 30:50].sum()
    beyond = Frame(Box(0, 0, 5, 20))
    assert not Overlay(mask, FILL, EDGE).drawn(beyond).any()


boxes = st.tuples(
    st.integers(0, 150), st.integers(0, 200), st.integers(1, 49), st.integers(1, 59)
).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


@given(
    first=st.lists(boxes, max_size=12), then=st.lists(boxes, max_size=6), seed=st.integers(0, 99)
)
def test_a_window_shows_what_the_whole_image_would(first, then, seed):
    rng = np.random.default_rng(seed)
    records = {n: record(n, int(rng.integers(1, 3)), box) for n, box in enumerate(first)}
    index = ObjectIndex(records.values())
    frame = Frame(Box(40, 60, 140, 190))
    window = ObjectMap(IMAGE_HW, [METAL, VIA], index, frame=frame)
    for n, box in enumerate(then):
        gone = int(rng.integers(0, 14))
        changes = {gone: None, 100 + n: record(100 + n, int(rng.integers(1, 3)), box)}
        window.draw_changes(index.update(changes))
        records.pop(gone, None)
        records[100 + n] = changes[100 + n]
    whole = ObjectMap(IMAGE_HW, [METAL, VIA], records.values())
    assert index.all() == tuple(records[n] for n in sorted(records))

    def ids(drawn, labels):
        by_value = {drawn.value_of(r.id): r.id for r in records.values()}
        return np.vectorize(lambda value: by_value.get(value, -1), otypes=[int])(labels)

    np.testing.assert_array_equal(
        ids(window, window.labels), ids(whole, whole.labels)[frame.box.slices]
    )


@given(box=boxes, at=boxes)
def test_the_index_finds_just_what_meets_a_box(box, at):
    index = ObjectIndex([record(1, 1, box), record(2, 1, (0, 0, 1, 1))])
    wide = record(3, 1, (0, 0, 200, 260))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_icseg.controllers.object_index.CELL_PX", 16)
        patch.setattr("napari_icseg.controllers.object_index.MAX_CELLS", 9)
        small_cells = ObjectIndex([*index.all(), wide])
        found = {r.id for r in small_cells.near(Box(*at))}
    expected = {r.id for r in small_cells.all() if Box(*at).meets(Box.of_mask(r.mask))}
    assert found == expected


def test_what_is_painted_near_the_border_of_a_window_is_saved_where_it_was_painted():
    index = ObjectIndex([record(1, 1, (30, 50, 60, 80))])
    window = ObjectMap(IMAGE_HW, [METAL, VIA], index, frame=Frame(Box(40, 60, 140, 190)))
    value = window.value_of(1)
    window.labels[0:5, 0:40] = value  # goes on beyond the object, in the window's corner
    window.labels[95:100, 125:130] = window.new_value(2)  # the other corner
    edits = window.take_stroke()
    assert not edits.deleted
    (object_id, mask), (added,) = edits.replaced[0], edits.added
    expected = np.zeros(IMAGE_HW, np.bool_)
    expected[30:60, 50:80] = expected[40:45, 60:100] = True
    assert object_id == 1
    np.testing.assert_array_equal(mask.to_mask(IMAGE_HW), expected)
    assert (added.row, added.col, added.height, added.width) == (135, 185, 5, 5)
    window.discard_stroke()
    assert not window.has_stroke


def test_nothing_can_be_painted_where_the_image_is_shown_coarse():
    window = ObjectMap(IMAGE_HW, [METAL], [], frame=Frame(Box(0, 0, 200, 260), 4))
    window.labels[3:9, 3:9] = 1
    assert not window.take_stroke()
    assert window.object_at(40, 40) is None
