"""Operations on selected objects: what they make of masks, and when there is nothing to do."""

from __future__ import annotations

import numpy as np
import pytest

from napari_icseg.controllers import object_operations as operations
from napari_icseg.controllers.object_operations import NothingToDoError, Scene
from napari_icseg.project.records import ObjectRecord, ObjectSource
from trainers.io.rle import RleMask

SHAPE = (40, 60)


def record(number: int, pixels: np.ndarray, class_id: int = 1) -> ObjectRecord:
    mask = RleMask.from_mask(pixels)
    return ObjectRecord(number, 1, class_id, mask, ObjectSource.PROMPT, 0.9, False)


def bar(top: int, left: int, right: int, height: int = 6) -> np.ndarray:
    mask = np.zeros(SHAPE, np.bool_)
    mask[top : top + height, left:right] = True
    return mask


def scene(*objects: ObjectRecord, near: tuple[ObjectRecord, ...] = ()) -> Scene:
    neighbours = {each.id: tuple(o for o in (*objects, *near) if o is not each) for each in objects}
    return Scene(objects, neighbours, SHAPE, lambda window: np.zeros(SHAPE, np.uint8)[window])


def pixels(mask: RleMask) -> np.ndarray:
    return mask.to_mask(SHAPE)


def test_merging_keeps_the_first_and_unites_all() -> None:
    first, second = record(5, bar(4, 5, 20)), record(2, bar(20, 5, 20))
    edit = operations.merge(scene(first, second))
    assert edit.delete == (2,)
    np.testing.assert_array_equal(pixels(edit.replace[5]), bar(4, 5, 20) | bar(20, 5, 20))


@pytest.mark.parametrize("classes", [(1,), (1, 2)])
def test_one_object_or_two_classes_are_not_merged(classes: tuple[int, ...]) -> None:
    objects = [record(n, bar(4 + 10 * n, 5, 20), c) for n, c in enumerate(classes)]
    with pytest.raises(NothingToDoError):
        operations.merge(scene(*objects))


def test_separate_parts_become_objects_of_the_same_class_and_source() -> None:
    both = bar(4, 5, 40) | bar(20, 5, 20)
    edit = operations.separate(scene(record(3, both, 2)))
    np.testing.assert_array_equal(pixels(edit.replace[3]), bar(4, 5, 40))
    (new,) = edit.add
    assert (new.class_id, new.source, new.score) == (2, ObjectSource.PROMPT, 0.9)
    np.testing.assert_array_equal(pixels(new.mask), bar(20, 5, 20))


def test_a_line_cuts_the_objects_it_goes_through_and_loses_no_pixel() -> None:
    through, beside = record(1, bar(4, 5, 40)), record(2, bar(20, 45, 55))
    edit = operations.cut([through, beside], [(0, 20), (15, 20)])
    assert set(edit.replace) == {1}
    (new,) = edit.add
    united = pixels(edit.replace[1]) | pixels(new.mask)
    np.testing.assert_array_equal(united, bar(4, 5, 40))
    assert not (pixels(edit.replace[1]) & pixels(new.mask)).any()


def test_a_line_that_does_not_cut_through_changes_nothing_and_says_so() -> None:
    with pytest.raises(NothingToDoError, match="cuts through no object"):
        operations.cut([record(1, bar(4, 5, 40))], [(0, 20), (6, 20)])


def test_clicks_split_an_object_one_piece_a_click() -> None:
    edit = operations.split([record(1, bar(4, 5, 45))], [(6, 10), (6, 40)], SHAPE)
    pieces = [edit.replace[1], edit.add[0].mask]
    assert sorted(int(mask.contains(6, 10)) for mask in pieces) == [0, 1]
    assert sorted(int(mask.contains(6, 40)) for mask in pieces) == [0, 1]


def test_growing_stops_at_the_same_class_but_not_at_another() -> None:
    track, touching = record(1, bar(4, 5, 40)), record(2, bar(10, 5, 40))
    via = record(3, bar(10, 5, 40), class_id=2)
    grown = pixels(operations.grow(scene(track, near=(touching,))).replace[1])
    assert not (grown & bar(10, 5, 40)).any()
    over = pixels(operations.grow(scene(track, near=(via,))).replace[1])
    assert (over & bar(10, 5, 40)).any()


def test_shrinking_never_loses_an_object() -> None:
    thin, thick = record(1, bar(4, 5, 40, height=2)), record(2, bar(20, 5, 40))
    edit = operations.shrink(scene(thin, thick))
    assert set(edit.replace) == {2}
    with pytest.raises(NothingToDoError):
        operations.shrink(scene(thin))


def test_holes_are_filled_and_without_any_nothing_is_done() -> None:
    ring = bar(4, 5, 40, height=12)
    ring[8:12, 10:20] = False
    edit = operations.fill_holes(scene(record(1, ring), record(2, bar(30, 5, 20))))
    assert set(edit.replace) == {1}
    np.testing.assert_array_equal(pixels(edit.replace[1]), bar(4, 5, 40, height=12))
    with pytest.raises(NothingToDoError, match="fill the holes"):
        operations.fill_holes(scene(record(2, bar(30, 5, 20))))


def test_the_edge_moves_to_the_grey_level_edge() -> None:
    rng = np.random.default_rng(0)
    grey = rng.normal(60, 8, SHAPE) + 90 * bar(10, 5, 50, height=10)
    shown = Scene((record(1, bar(12, 7, 52, height=10)),), {}, SHAPE, lambda window: grey[window])
    moved = pixels(operations.snap_to_edge(shown).replace[1])
    wrong = np.count_nonzero(moved ^ bar(10, 5, 50, height=10))
    assert wrong < 0.5 * 2 * (45 + 10)  # half a pixel around


def test_copies_are_clipped_and_never_made_twice() -> None:
    wide, known = record(1, bar(4, 30, 58)), record(2, bar(20, 5, 20))
    there = [record(9, bar(20, 5, 20))]
    (copy,) = operations.copies_for([wide, known], there, (40, 50))
    assert copy.mask.col + copy.mask.width == 50
    assert copy.source is ObjectSource.MANUAL


def test_objects_that_grow_together_do_not_grow_into_each_other() -> None:
    upper, lower = record(1, bar(4, 5, 40)), record(2, bar(11, 5, 40))  # one pixel between
    edit = operations.grow(scene(upper, lower))
    assert not (pixels(edit.replace[1]) & pixels(edit.replace[2])).any()
    assert (pixels(edit.replace[1]) | pixels(edit.replace[2]))[3:18, 4:41].all()


def test_shrinking_says_what_it_left_alone() -> None:
    edit = operations.shrink(scene(record(1, bar(4, 5, 40, height=2)), record(2, bar(20, 5, 40))))
    assert "1 object would have vanished" in edit.note
    assert operations.shrink(scene(record(2, bar(20, 5, 40)))).note == ""


def test_what_is_possible_follows_the_shapes() -> None:
    whole, thin = record(1, bar(4, 5, 40)), record(2, bar(20, 5, 40, height=1))
    parts = record(3, bar(4, 5, 20) | bar(20, 5, 20))
    ring = bar(4, 5, 40, height=12)
    ring[8:12, 10:20] = False
    always = {"delete", "smooth", "grow", "snap_to_edge", "copy_to_next"}
    assert operations.possible([], SHAPE) == {"copy_to_next"}
    assert operations.possible([whole], SHAPE) == always | {"shrink"}
    assert operations.possible([thin], SHAPE) == always
    assert operations.possible([parts], SHAPE) == always | {"shrink", "separate", "keep_largest"}
    assert operations.possible([record(4, ring)], SHAPE) == always | {"shrink", "fill_holes"}
    assert "merge" in operations.possible([whole, thin], SHAPE)
    assert "merge" not in operations.possible([whole, record(5, bar(4, 5, 9), 2)], SHAPE)


def test_each_operation_is_possible_exactly_when_it_changes_something() -> None:
    rng = np.random.default_rng(1)
    for number in range(60):
        blob = rng.random(SHAPE) < 0.15
        blob[5:20, 5:30] |= rng.random((15, 25)) < 0.9
        objects = scene(record(number, blob))
        possible = operations.possible(objects.objects, SHAPE)
        for name in ("separate", "keep_largest", "fill_holes", "shrink"):
            try:
                getattr(operations, name)(objects)
            except NothingToDoError:
                assert name not in possible
            else:
                assert name in possible
