"""Box, scribble, refine and hover, by mouse and keys on napari's canvas."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_icseg.controllers.hover import HoverPart
from tests.napari_icseg.conftest import CTRL, LEFT, NO, RIGHT, SHIFT

pytestmark = pytest.mark.gui
KEY = Qt.Key


def bar(top: int) -> np.ndarray:
    mask = np.zeros((96, 96), dtype=bool)
    mask[top : top + 12, 10:86] = True
    return mask


def pixels(gui, number: int = 0) -> np.ndarray:
    return gui.objects()[number].mask.to_mask((96, 96))


def press_and_move(gui, start, end, button=LEFT, modifier=NO) -> None:
    QTest.mousePress(gui.canvas, button, modifier, gui.position(*start))
    for part in (0.3, 0.6, 1.0):
        first, last = gui.position(*start), gui.position(*end)
        QTest.mouseMove(gui.canvas, first + (last - first) * part)
        QTest.qWait(15)


def release(gui, place, button=LEFT, modifier=NO) -> None:
    QTest.mouseRelease(gui.canvas, button, modifier, gui.position(*place))


def in_hand(gui) -> str:
    bar = gui.dock.tool_bar
    tools = ("tool_click", "tool_box", "tool_scribble", "tool_paint", "tool_erase")
    return next(tool for tool in tools if bar.button(tool).isChecked())


@pytest.mark.parametrize("how", ["tool", "shift"])
def test_a_box_is_drawn_while_it_is_dragged_and_its_object_accepted(gui, how):
    modifier = SHIFT if how == "shift" else NO
    if how == "tool":
        gui.key(KEY.Key_X)
    press_and_move(gui, (36, 6), (56, 50), modifier=modifier)
    corners = np.array(gui.controller.tools.sketch.points_rc)
    np.testing.assert_allclose([corners.min(0), corners.max(0)], [(36, 6), (56, 50)], atol=0.6)
    release(gui, (56, 50), modifier=modifier)
    gui.wait_candidate()
    assert gui.controller.tools.sketch.points_rc == ()
    gui.key(KEY.Key_Return)
    # of the bar what lies in the box, and no more than a little beyond
    assert pixels(gui)[40:52, 10:50].all()
    assert not pixels(gui)[:, 56:].any()


def test_later_clicks_correct_a_box_and_backspace_takes_them_back_first(gui):
    gui.key(KEY.Key_X)
    gui.drag((36, 6), (56, 50))
    gui.wait_candidate()
    gui.key(KEY.Key_Z)
    gui.click(46, 80)
    gui.wait(lambda: gui.state.candidate.mask.to_mask((96, 96))[46, 80])
    gui.key(KEY.Key_Backspace)
    gui.wait(lambda: not gui.state.candidate.mask.to_mask((96, 96))[46, 80])
    gui.key(KEY.Key_Backspace)
    assert gui.state.is_empty


def test_scribbled_pixels_are_in_the_object_or_not_and_a_stroke_is_one_step(gui):
    gui.key(KEY.Key_S)
    gui.drag((14, 20), (14, 80))
    gui.wait_candidate()
    gui.drag((30, 20), (30, 70))
    gui.drag((30, 50), (30, 60), RIGHT)
    gui.wait(lambda: len(gui.state.marks) == 3 and not gui.state.is_pending)
    gui.key(KEY.Key_Return)
    assert pixels(gui)[30, 22:48].all()
    assert not pixels(gui)[30, 52:59].any()
    assert pixels(gui)[14, 12:84].all()
    gui.drag((46, 20), (46, 80))
    gui.wait(lambda: len(gui.state.clicks) > 1)
    gui.key(KEY.Key_Backspace)
    assert gui.state.is_empty


def test_a_corrected_object_is_replaced_and_undo_brings_the_former_one_back(gui):
    gui.key(KEY.Key_2)
    gui.label(14, 50)
    before = gui.objects()[0]
    gui.click(14, 50, modifier=CTRL)
    gui.key(KEY.Key_1, NO)
    gui.key(KEY.Key_Z, CTRL)
    gui.key(KEY.Key_R)
    assert gui.dock.tool_bar.button("refine").isChecked()
    assert gui.state.candidate.mask == before.mask
    gui.key(KEY.Key_S)
    gui.drag((30, 20), (30, 60))
    gui.wait(lambda: gui.state.marks and not gui.state.is_pending)
    gui.key(KEY.Key_Return)
    (after,) = gui.objects()
    assert (after.id, after.class_id) == (before.id, before.class_id)
    assert after.mask.contains(30, 40)
    gui.key(KEY.Key_Z, CTRL)
    assert gui.objects()[0].mask == before.mask


def test_escape_leaves_an_object_as_it_is_and_undo_meanwhile_ends_its_correction(gui):
    gui.label(14, 50)
    gui.click(14, 50, modifier=CTRL)
    gui.key(KEY.Key_R)
    gui.click(46, 50)
    gui.wait(lambda: gui.state.marks and not gui.state.is_pending)
    gui.key(KEY.Key_Escape)
    assert np.array_equal(pixels(gui), bar(8))
    assert gui.state.is_empty
    gui.click(14, 50, modifier=CTRL)
    gui.key(KEY.Key_R)
    gui.key(KEY.Key_Z, CTRL)
    assert gui.state.is_empty
    assert gui.objects() == ()


@pytest.mark.parametrize("how", ["escape", "image"])
def test_a_drag_given_up_half_way_prompts_nothing(gui, how):
    gui.key(KEY.Key_X)
    press_and_move(gui, (36, 6), (56, 50))
    if how == "escape":
        gui.key(KEY.Key_Escape)
    else:
        gui.key(KEY.Key_BracketRight)
        gui.wait(lambda: gui.is_ready and gui.session.current_image_id == 2)
    QTest.mouseMove(gui.canvas, gui.position(60, 60))
    release(gui, (60, 60))
    QTest.qWait(50)
    assert gui.controller.tools.sketch.points_rc == ()
    assert gui.state.is_empty
    assert in_hand(gui) == "tool_box"


def test_the_bar_shows_the_tool_in_hand_whatever_way_it_was_chosen(gui):
    seen = [in_hand(gui)]
    for key in (KEY.Key_X, KEY.Key_P, KEY.Key_S, KEY.Key_Escape):
        gui.key(key)
        seen.append(in_hand(gui))
    gui.viewer.layers["objects"].mode = "erase"
    seen.append(in_hand(gui))
    QTest.mouseClick(gui.dock.tool_bar.button("tool_box"), LEFT)
    seen.append(in_hand(gui))
    tools = "click box paint scribble click erase box"
    assert seen == [f"tool_{name}" for name in tools.split()]
    assert gui.canvas.hasFocus()


def test_chips_show_what_tab_will_give_and_choose_it(gui):
    gui.click(14, 50)
    gui.wait_candidate()
    chips = gui.dock.status.chips
    assert chips.texts() == ["net .93", "layer .81", "part .60"]
    height = gui.dock.status.height()
    QTest.mouseClick(chips.chip(2), LEFT)
    assert gui.state.candidate.kind == "part"
    assert chips.chip(2).isChecked()
    gui.key(KEY.Key_Escape)
    assert chips.texts() == []
    assert gui.dock.status.height() == height


def hover_of(gui) -> HoverPart:
    return next(part for part in gui.controller.parts if isinstance(part, HoverPart))


def rest(gui, row: float, col: float) -> None:
    # Qt knows no move to where the mouse is already, in the window of the test before
    QTest.mouseMove(gui.canvas, gui.position(row, col + 3))
    QTest.mouseMove(gui.canvas, gui.position(row, col))


def rest_until_shown(gui, row: float, col: float) -> None:
    """Rests there, and moves a little again while nothing comes, as a hand does."""
    for _ in range(10):
        rest(gui, row, col)
        QTest.qWait(250)
        if hover_of(gui).mask is not None:
            return
    raise AssertionError("no preview")


def test_where_the_mouse_rests_the_mask_of_a_click_is_shown_and_not_saved(gui):
    hover = hover_of(gui)
    rest_until_shown(gui, 14, 50)
    assert np.array_equal(hover.mask.to_mask((96, 96)), bar(8))
    assert gui.state.is_empty
    gui.key(KEY.Key_Return)
    assert gui.objects() == ()
    rest(gui, 30, 50)
    gui.wait(lambda: hover.mask is None)
    rest_until_shown(gui, 46, 50)
    gui.click(46, 50)
    gui.wait_candidate()
    assert hover.mask is None
    rest(gui, 78, 50)
    QTest.qWait(250)
    assert hover.mask is None


def test_h_switches_the_preview_off_and_a_tool_in_hand_has_none(gui):
    hover = hover_of(gui)
    gui.key(KEY.Key_X)
    rest(gui, 14, 50)
    QTest.qWait(250)
    assert hover.mask is None
    gui.key(KEY.Key_Z)
    gui.key(KEY.Key_H)
    rest(gui, 46, 50)
    QTest.qWait(250)
    assert hover.mask is None
    assert not gui.dock.tool_bar.button("hover").isChecked()
    gui.key(KEY.Key_H)
    assert hover.is_on
