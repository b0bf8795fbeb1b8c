"""Selecting and changing accepted objects by mouse and keys; undo brings everything back."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from scipy import ndimage

from napari_icseg.controllers.edit_part import EditPart
from tests.napari_icseg.conftest import CTRL, SHIFT

pytestmark = pytest.mark.gui
FIRST, SECOND = (14, 50), (46, 50)


@pytest.fixture
def two(gui):
    """Two accepted bars."""
    gui.label(*FIRST)
    gui.label(*SECOND)
    return gui


def masks(gui):
    return [record.mask.to_mask((96, 96)) for record in gui.objects()]


def selected(gui):
    return [record.id for record in gui.controller.editor.selection.records]


def test_ctrl_and_shift_click_select_several_and_take_one_away_again(two):
    two.click(*FIRST, modifier=CTRL)
    two.click(*SECOND, modifier=CTRL | SHIFT)
    assert len(selected(two)) == 2
    two.click(*FIRST, modifier=CTRL | SHIFT)
    assert len(selected(two)) == 1
    two.key(Qt.Key.Key_Escape)
    assert not selected(two)


def test_a_box_selects_what_it_touches_and_j_merges_it(two):
    before = masks(two)
    two.drag((10, 40), (50, 60), modifier=CTRL)
    assert len(selected(two)) == 2
    two.key(Qt.Key.Key_J)
    two.wait(lambda: len(two.objects()) == 1)
    assert np.array_equal(masks(two)[0], before[0] | before[1])
    two.key(Qt.Key.Key_Z, CTRL)
    assert [mask.sum() for mask in masks(two)] == [mask.sum() for mask in before]


def test_the_knife_cuts_the_object_it_crosses_as_one_operation(two):
    whole = masks(two)[0]
    two.key(Qt.Key.Key_K)
    two.drag((4, 40), (24, 40))
    two.wait(lambda: len(two.objects()) == 3)
    pieces = [mask for mask in masks(two) if (mask & whole).any()]
    assert np.array_equal(pieces[0] | pieces[1], whole)
    two.key(Qt.Key.Key_Z, CTRL)
    assert len(two.objects()) == 2
    assert np.array_equal(masks(two)[0], whole)


def test_a_line_beside_everything_says_what_to_do(two):
    two.key(Qt.Key.Key_K)
    two.drag((30, 20), (30, 60))
    two.wait(lambda: "cuts through no object" in two.hint)
    assert len(two.objects()) == 2


def test_grow_and_shrink_are_each_other_s_way_back(two):
    before = masks(two)[0]
    two.click(*FIRST, modifier=CTRL)
    two.key(Qt.Key.Key_Plus)
    two.wait(lambda: masks(two)[0].sum() > before.sum())
    two.key(Qt.Key.Key_Minus)
    two.wait(lambda: np.array_equal(masks(two)[0], before))
    assert selected(two)


def test_two_clicks_on_an_object_split_it(two):
    two.click(14, 20)
    two.click(14, 75)
    two.wait(lambda: not two.state.is_pending)
    two.key(Qt.Key.Key_K, SHIFT)
    two.wait(lambda: len(two.objects()) == 3)


def test_an_operation_without_a_selection_says_how_to_select(two):
    two.key(Qt.Key.Key_Plus)
    assert "Ctrl+click" in two.hint
    (part,) = [part for part in two.controller.parts if isinstance(part, EditPart)]
    assert not part.bar.button("grow").isEnabled()


def test_objects_are_copied_to_the_next_image_once(two):
    two.key(Qt.Key.Key_C)
    two.wait(lambda: two.is_ready and two.session.current_image_id == 2)
    assert len(two.objects(2)) == 2
    two.key(Qt.Key.Key_BracketLeft)
    two.wait(lambda: two.is_ready and two.session.current_image_id == 1)
    two.key(Qt.Key.Key_C)
    two.wait(lambda: two.is_ready and two.session.current_image_id == 2)
    assert len(two.objects(2)) == 2
    two.key(Qt.Key.Key_Z, CTRL)
    assert len(two.objects(2)) == 0


def test_all_are_selected_re_classed_by_a_digit_and_deleted(two):
    before = two.objects()
    two.key(Qt.Key.Key_A, CTRL)
    assert len(selected(two)) == 2
    two.key(Qt.Key.Key_2)
    assert {record.class_id for record in two.objects()} == {2}
    assert len(selected(two)) == 2
    two.key(Qt.Key.Key_Delete)
    assert two.objects() == ()
    two.key(Qt.Key.Key_Z, CTRL)
    two.key(Qt.Key.Key_Z, CTRL)
    assert two.objects() == before


def test_keys_faster_than_the_thread_lose_nothing(two):
    before = masks(two)[0]
    two.click(*FIRST, modifier=CTRL)
    for _ in range(3):
        two.key(Qt.Key.Key_Plus)
    grown = ndimage.binary_dilation(before, np.ones((3, 3)), 3)
    two.wait(lambda: np.array_equal(masks(two)[0], grown))
    for _ in range(3):
        two.key(Qt.Key.Key_Z, CTRL)
    assert np.array_equal(masks(two)[0], before)


def test_a_polygon_becomes_an_object_and_esc_gives_one_up(two):
    two.key(Qt.Key.Key_L)
    corners = [(62, 10), (62, 30), (70, 30), (70, 10)]
    for corner in corners:
        two.click(*corner)
    two.key(Qt.Key.Key_Escape)
    assert len(two.objects()) == 2
    for corner in corners:
        two.click(*corner)
    two.key(Qt.Key.Key_Return)
    two.wait(lambda: len(two.objects()) == 3)
    polygon = masks(two)[2]
    assert polygon[64:69, 12:29].all()
    assert polygon.sum() <= 10 * 22
    two.key(Qt.Key.Key_Z, CTRL)
    assert len(two.objects()) == 2
