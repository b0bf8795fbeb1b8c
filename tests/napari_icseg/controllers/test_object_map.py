"""The label array shown is always what the records say, whatever is painted into it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.frames import Frame
from napari_icseg.controllers.mask_view import mask_pixels
from napari_icseg.controllers.object_map import ObjectMap
from napari_icseg.project.records import ClassRecord, ObjectRecord, ObjectSource
from trainers.io.rle import RleMask

SHAPE = (12, 14)
METAL = ClassRecord(1, "metal", "#e69f00", 0)
VIA = ClassRecord(2, "via", "#56b4e9", 1)


def record(object_id: int, class_id: int, top: int, left: int, height: int, width: int):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[top : top + height, left : left + width] = True
    return ObjectRecord(object_id, 1, class_id, RleMask.from_mask(mask), ObjectSource.PROMPT, 0.9)


def pixels(object_record: ObjectRecord) -> np.ndarray:
    return object_record.mask.to_mask(SHAPE)


def applied(objects: ObjectMap, class_id: int) -> tuple[ObjectRecord, ...]:
    """The records after the edits of a stroke, as the project would have them."""
    edits = objects.take_stroke()
    replaced = dict(edits.replaced)
    kept = [
        ObjectRecord(r.id, 1, r.class_id, replaced.get(r.id, r.mask), r.source, r.score)
        for r in objects.objects
        if r.id not in edits.deleted
    ]
    new = [
        ObjectRecord(100 + n, 1, class_id, mask, ObjectSource.MANUAL, None)
        for n, mask in enumerate(edits.added)
    ]
    return (*kept, *new)


def test_a_via_is_drawn_over_metal_even_if_the_metal_came_later():
    objects = ObjectMap(SHAPE, [METAL, VIA], [record(1, 2, 4, 4, 2, 2), record(2, 1, 2, 2, 6, 8)])
    assert objects.object_at(4, 4).id == 1
    assert objects.object_at(2, 2).id == 2
    assert objects.object_at(0, 0) is None


def test_label_values_carry_the_class():
    objects = ObjectMap(SHAPE, [METAL, VIA], [record(1, 2, 4, 4, 2, 2), record(2, 1, 2, 2, 6, 8)])
    assert (objects.value_of(1) - 1) % 2 == 1
    assert (objects.value_of(2) - 1) % 2 == 0
    assert objects.new_value(2) not in (objects.value_of(1), objects.value_of(2))


def test_objects_that_come_go_and_change_class_are_redrawn_in_place():
    objects = ObjectMap(SHAPE, [METAL, VIA], [record(1, 1, 2, 2, 4, 4)])
    labels = objects.labels
    objects.set_objects([record(1, 2, 2, 2, 4, 4), record(2, 1, 8, 2, 2, 2)])
    assert objects.labels is labels
    assert (objects.value_of(1) - 1) % 2 == 1
    assert labels[3, 3] == objects.value_of(1)
    objects.set_objects([record(2, 1, 8, 2, 2, 2)])
    assert (labels > 0).sum() == 4


def test_erasing_a_via_leaves_the_metal_below_it():
    objects = ObjectMap(SHAPE, [METAL, VIA], [record(1, 1, 2, 2, 6, 8), record(2, 2, 4, 4, 2, 2)])
    objects.labels[4:6, 4:6] = 0
    edits = objects.take_stroke()
    assert edits.deleted == (2,)
    assert edits.replaced == ()


def test_painting_over_another_class_leaves_what_is_below():
    objects = ObjectMap(SHAPE, [METAL, VIA], [record(1, 1, 2, 2, 6, 8), record(2, 2, 4, 4, 2, 2)])
    objects.labels[4:6, 6:8] = objects.value_of(2)
    edits = objects.take_stroke()
    assert [object_id for object_id, _mask in edits.replaced] == [2]


def test_painting_over_the_same_class_moves_the_pixels():
    objects = ObjectMap(SHAPE, [METAL, VIA], [record(1, 1, 2, 2, 4, 4), record(2, 1, 2, 8, 4, 4)])
    objects.labels[2:6, 5] = objects.value_of(2)
    masks = dict(objects.take_stroke().replaced)
    assert masks[1].area == 12
    assert masks[2].area == 20


def test_a_stroke_that_cannot_be_saved_is_taken_back():
    objects = ObjectMap(SHAPE, [METAL], [record(1, 1, 2, 2, 4, 4)])
    before = objects.labels.copy()
    objects.labels[0:3] = 77
    objects.discard_stroke()
    assert np.array_equal(objects.labels, before)
    assert not objects.take_stroke()


boxes = st.tuples(
    st.integers(0, 9), st.integers(0, 11), st.integers(1, 5), st.integers(1, 5), st.integers(0, 3)
)


@given(strokes=st.lists(boxes, min_size=1, max_size=5))
def test_after_any_strokes_in_one_class_the_records_draw_what_was_painted(strokes):
    objects = ObjectMap(SHAPE, [METAL], [record(1, 1, 1, 1, 5, 5), record(2, 1, 6, 7, 4, 4)])
    for top, left, height, width, choice in strokes:
        known = [objects.value_of(r.id) for r in objects.objects]
        value = ([0, objects.new_value(1), *known] * 2)[choice]
        objects.labels[top : top + height, left : left + width] = value
        painted = objects.labels > 0
        records = {r.id: r for r in applied(objects, 1)}
        objects.set_objects(records.values())
        objects.discard_stroke()
        assert np.array_equal(objects.labels > 0, painted)
        covered = sum((pixels(r).astype(int) for r in objects.objects), np.zeros(SHAPE, int))
        assert covered.max(initial=0) <= 1
        # the next stroke's new object gets another id
        objects.set_objects(
            ObjectRecord(n, 1, 1, r.mask, r.source, r.score)
            for n, r in enumerate(objects.objects, start=1)
        )


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 60), st.integers(0, 60))
def test_a_small_rectangle_is_drawn_coarsely_as_by_its_mask(height, width, top, left):
    """The quick way for thousands of small objects draws what the exact one does."""
    mask = RleMask.from_mask(np.ones((height, width), dtype=bool), (top, left))
    one = ObjectRecord(1, 1, METAL.id, mask, ObjectSource.PROMPT, 0.9)
    for step in (2, 4, 8):
        frame = Frame(Box(0, 0, 64, 64), step)
        drawn = ObjectMap((64, 64), [METAL], [one], frame=frame).labels > 0
        exact = mask_pixels(mask, frame, Box(0, 0, *frame.shape_hw))
        # where it lies between the middles one way and not the other, it must not vanish
        rows, cols = (
            len(range(-(-(start - step // 2) // step), -(-(start + side - step // 2) // step)))
            for start, side in ((top, height), (left, width))
        )
        if rows and cols:
            np.testing.assert_array_equal(drawn, exact)
        elif top + height <= 64 - step and left + width <= 64 - step:
            assert drawn.any()
