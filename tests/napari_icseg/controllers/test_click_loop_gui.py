"""The click loop, driven by mouse and keys on napari's canvas."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_icseg.controllers.napari_window import camera_of
from napari_icseg.project.records import ImageStatus, ObjectSource
from tests.napari_icseg.conftest import ALT, CTRL, LEFT, NO, RIGHT, SHIFT, draw_tile

pytestmark = pytest.mark.gui


def bar(number: int, top: int) -> np.ndarray:
    mask = np.zeros((96, 96), dtype=bool)
    mask[top + number : top + number + 12, 10:86] = True
    return mask


def test_a_click_shows_a_candidate_without_another_key(gui):
    gui.click(14, 50)
    gui.wait_candidate()
    shown = gui.viewer.layers["candidate"].data > 0
    assert np.array_equal(shown, bar(0, 8))
    assert "net 1/3" in gui.dock.status.candidate.text()
    assert np.allclose(gui.viewer.layers["prompts"].data, [[14, 50]], atol=0.5)


def test_enter_saves_the_candidate_in_the_current_class(gui):
    gui.key(Qt.Key.Key_2)
    gui.label(14, 50)
    (saved,) = gui.objects()
    assert np.array_equal(saved.mask.to_mask((96, 96)), bar(0, 8))
    assert saved.class_id == gui.project.classes()[1].id
    assert saved.source is ObjectSource.PROMPT
    assert saved.score == pytest.approx(0.93)
    assert not gui.state.clicks
    assert not gui.viewer.layers["candidate"].data.any()
    assert (gui.viewer.layers["objects"].data > 0).sum() == bar(0, 8).sum()


def test_enter_before_the_answer_saves_it_when_it_comes(gui, predictor):
    predictor.gate.clear()
    gui.click(14, 50)
    gui.key(Qt.Key.Key_Return)
    assert gui.objects() == ()
    predictor.gate.set()
    gui.wait(lambda: len(gui.objects()) == 1)


@pytest.mark.parametrize("how", ["right", "alt"])
def test_right_click_and_alt_click_are_negative(gui, how):
    gui.click(14, 50)
    gui.wait_candidate()
    if how == "right":
        gui.click(46, 50, RIGHT)
    else:
        gui.click(46, 50, modifier=ALT)
    gui.wait(lambda: len(gui.state.clicks) == 2)
    assert [click.is_positive for click in gui.state.clicks] == [True, False]


def test_only_negative_clicks_ask_for_a_positive_one(gui):
    gui.click(46, 50, RIGHT)
    gui.wait(lambda: len(gui.state.clicks) == 1)
    assert "left-click the object" in gui.hint
    assert gui.state.candidate is None


def test_a_click_on_nothing_says_so(gui):
    gui.click(30, 50)
    gui.wait(lambda: len(gui.state.clicks) == 1 and not gui.state.is_pending)
    assert "sees nothing there" in gui.hint


def test_a_drag_pans_and_is_no_click(gui):
    center = np.array(camera_of(gui.viewer).center)
    gui.drag((14, 50), (40, 20))
    assert gui.state.clicks == ()
    assert not np.allclose(center, camera_of(gui.viewer).center)


@pytest.mark.parametrize("button", [LEFT, RIGHT])
def test_a_drag_moves_the_image_with_the_mouse(gui, button):
    before = np.array(camera_of(gui.viewer).center[-2:])
    gui.drag((14, 50), (40, 20), button)
    # the hand goes 26 rows down and 30 columns left, and the image with it
    np.testing.assert_allclose(camera_of(gui.viewer).center[-2:], before - (26, -30), atol=1.5)


def test_a_locked_camera_is_not_moved_by_a_drag(gui):
    camera_of(gui.viewer).mouse_pan = False
    before = camera_of(gui.viewer).center
    gui.drag((14, 50), (40, 20))
    assert camera_of(gui.viewer).center == before


def test_a_click_draws_the_canvas_once_with_its_mask(gui):
    """Without a graphics card each further drawing takes longer than the model."""
    gui.label(14, 50)
    QTest.mouseMove(gui.canvas, gui.position(46, 50))
    QTest.qWait(300)
    drawn, draw = [], gui.canvas._vispy_canvas.events.draw

    def on_draw(_event) -> None:
        drawn.append(gui.state.candidate)

    draw.connect(on_draw)
    QTest.mouseClick(gui.canvas, LEFT, NO, gui.position(46, 50))
    gui.wait_candidate()
    QTest.qWait(300)
    draw.disconnect(on_draw)
    assert drawn == [gui.state.candidate]


def test_two_quick_clicks_are_two_clicks_and_do_not_zoom(gui):
    zoom = camera_of(gui.viewer).zoom
    gui.click(14, 50)
    position = gui.position(46, 50)
    QTest.mouseDClick(gui.canvas, LEFT, NO, position)
    gui.wait(lambda: len(gui.state.clicks) >= 2)
    gui.wait_candidate()
    assert [(click.row, click.col) for click in gui.state.clicks] == [(14, 50), (46, 50)]
    assert camera_of(gui.viewer).zoom == zoom


def test_tab_cycles_candidates_and_does_not_move_the_focus(gui):
    gui.click(14, 50)
    gui.wait_candidate()
    kinds = []
    for _ in range(3):
        gui.key(Qt.Key.Key_Tab)
        kinds.append(gui.state.candidate.kind)
    assert kinds == ["layer", "part", "net"]
    gui.key(Qt.Key.Key_Backtab, SHIFT)
    assert gui.state.candidate.kind == "part"
    assert gui.canvas.hasFocus()


def test_a_correction_keeps_the_kind_the_user_cycled_to(gui):
    gui.click(14, 50)
    gui.wait_candidate()
    gui.key(Qt.Key.Key_Tab)
    gui.click(46, 50)
    gui.wait(lambda: not gui.state.is_pending)
    assert gui.state.candidate.kind == "layer"


def test_backspace_removes_the_last_click(gui):
    gui.click(14, 50)
    gui.click(46, 50)
    gui.wait(lambda: len(gui.state.clicks) == 2 and not gui.state.is_pending)
    gui.key(Qt.Key.Key_Backspace)
    gui.wait_candidate()
    assert np.array_equal(gui.viewer.layers["candidate"].data > 0, bar(0, 8))
    gui.key(Qt.Key.Key_Backspace)
    assert gui.state.candidate is None
    assert not gui.viewer.layers["candidate"].data.any()


def test_escape_clears_even_before_the_answer(gui, predictor):
    predictor.gate.clear()
    gui.click(14, 50)
    gui.key(Qt.Key.Key_Escape)
    predictor.gate.set()
    QTest.qWait(150)
    assert gui.state.clicks == ()
    assert gui.state.candidate is None


def test_undo_and_redo_bring_objects_back_and_forth(gui):
    gui.label(14, 50)
    gui.label(46, 50)
    gui.key(Qt.Key.Key_Z, CTRL)
    assert len(gui.objects()) == 1
    assert (gui.viewer.layers["objects"].data > 0).sum() == bar(0, 8).sum()
    gui.key(Qt.Key.Key_Z, CTRL | SHIFT)
    assert len(gui.objects()) == 2
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.key(Qt.Key.Key_Z, CTRL)
    assert gui.objects() == ()
    assert not gui.viewer.layers["objects"].data.any()


def test_undo_shows_the_image_where_it_happened(gui):
    first = gui.session.current_image_id
    gui.label(14, 50)
    gui.key(Qt.Key.Key_BracketRight)
    gui.wait(lambda: gui.is_ready and gui.session.current_image_id != first)
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait(lambda: gui.session.current_image_id == first)
    assert gui.objects(first) == ()


def test_brackets_go_through_the_images_and_stop_at_the_ends(gui):
    ids = [image.id for image in gui.project.images()]
    for expected in ids[1:]:
        gui.key(Qt.Key.Key_BracketRight)
        gui.wait(lambda expected=expected: gui.session.current_image_id == expected)
    gui.key(Qt.Key.Key_BracketRight)
    assert "last image" in gui.hint
    gui.key(Qt.Key.Key_BracketLeft)
    gui.wait(lambda: gui.session.current_image_id == ids[-2])
    assert np.array_equal(gui.viewer.layers["image"].data, draw_tile(len(ids) - 2))


def test_b_marks_as_blank_and_d_as_done(gui):
    image_id = gui.session.current_image_id
    gui.key(Qt.Key.Key_B)
    assert gui.project.image(image_id).status is ImageStatus.BLANK
    gui.label(14, 50)
    gui.key(Qt.Key.Key_D)
    assert gui.project.image(image_id).status is ImageStatus.LABELLED
    assert gui.dock.header.progress_text.text() == "1 of 4 labelled, 0 blank"


def test_an_image_with_objects_cannot_be_blank(gui):
    gui.label(14, 50)
    gui.key(Qt.Key.Key_B)
    assert gui.project.image(gui.session.current_image_id).status is ImageStatus.IN_PROGRESS


def test_digits_typed_into_the_search_field_stay_there(gui):
    gui.key(Qt.Key.Key_2)
    gui.dock.images.search.setFocus()
    QTest.keyClicks(gui.dock.images.search, "1")
    assert gui.dock.images.search.text() == "1"
    QTest.keyClick(gui.dock.images.search, Qt.Key.Key_Return)
    assert gui.controller.classes.current.position == 1


def test_keys_work_after_a_button_of_the_dock_was_pressed(gui):
    QTest.mouseClick(gui.dock.image_buttons.button("next_image"), Qt.MouseButton.LeftButton)
    gui.wait(lambda: gui.is_ready and gui.session.current_image_id == 2)
    assert gui.canvas.hasFocus()
    gui.label(15, 50)


def test_a_click_outside_the_image_is_ignored_with_a_hint(gui):
    gui.click(-4, 50)
    gui.wait(lambda: "outside the image" in gui.hint)
    assert gui.state.clicks == ()


def test_ctrl_click_selects_and_del_deletes(gui):
    gui.label(14, 50)
    gui.label(46, 50)
    gui.click(14, 50, modifier=CTRL)
    gui.wait(lambda: gui.controller.editor.selected_id is not None)
    gui.key(Qt.Key.Key_2)
    assert gui.objects()[0].class_id == gui.project.classes()[1].id
    gui.key(Qt.Key.Key_Delete)
    assert len(gui.objects()) == 1
    assert gui.objects()[0].mask.contains(46, 50)


def test_the_model_never_runs_in_the_gui_thread(gui, predictor):
    gui.label(14, 50)
    assert predictor.thread_names == {"icseg-prompts"}


def test_switching_quickly_never_shows_a_mask_of_another_image(gui, predictor):
    predictor.seconds = 0.03
    ids = [image.id for image in gui.project.images()]
    for _ in range(3):
        for key in (Qt.Key.Key_BracketRight, Qt.Key.Key_BracketRight, Qt.Key.Key_BracketLeft):
            gui.click(14, 50)
            gui.key(key)
            QTest.qWait(7)
    gui.wait(
        lambda: gui.is_ready and gui.controller.images.wanted_id == gui.session.current_image_id
    )
    QTest.qWait(200)
    assert gui.state.candidate is None
    assert not gui.viewer.layers["candidate"].data.any()
    shown = ids.index(gui.session.current_image_id)
    assert np.array_equal(gui.viewer.layers["image"].data, draw_tile(shown))


def test_the_next_images_are_embedded_ahead(gui, predictor):
    gui.wait(lambda: len(set(predictor.embedded)) >= 3)
    num_before = len(predictor.embedded)
    gui.key(Qt.Key.Key_BracketRight)
    gui.wait(lambda: gui.is_ready and gui.session.current_image_id == 2)
    gui.click(15, 50)
    gui.wait_candidate()
    assert len(set(predictor.embedded)) >= num_before


def test_a_reopened_project_shows_what_was_accepted(gui, tiles):
    gui.label(14, 50)
    gui.dock.action.emit("close_project")
    assert not gui.dock.is_working()
    assert len(gui.viewer.layers) == 0
    gui.open(tiles / "chip.icseg")
    assert len(gui.objects()) == 1
    assert (gui.viewer.layers["objects"].data > 0).sum() == bar(0, 8).sum()


def test_layers_that_the_user_removed_come_back(gui):
    for name in ("candidate", "prompts"):
        gui.viewer.layers.remove(name)
    gui.label(14, 50)
    gui.viewer.layers.remove("objects")
    gui.viewer.layers.remove("image")
    gui.key(Qt.Key.Key_BracketRight)
    gui.wait(lambda: gui.is_ready and gui.session.current_image_id == 2)
    gui.label(15, 50)
    names = [layer.name for layer in gui.viewer.layers if layer.name != "proposals"]
    assert names == ["image", "objects", "candidate", "prompts"]


def test_a_change_from_elsewhere_leaves_the_candidate_on_screen(gui):
    gui.click(14, 50)
    gui.wait_candidate()
    gui.session.labels_changed.emit(gui.session.current_image_id)
    assert np.array_equal(gui.viewer.layers["candidate"].data > 0, bar(0, 8))


def test_enter_in_the_search_field_gives_the_keyboard_back(gui):
    gui.dock.images.search.setFocus()
    QTest.keyClick(gui.dock.images.search, Qt.Key.Key_Return)
    QTest.keyClick(gui.viewer.window._qt_window, Qt.Key.Key_2)
    assert gui.controller.classes.current.position == 1


def test_a_net_is_followed_through_an_image_larger_than_a_window(make_gui, predictor, tmp_path):
    predictor.input_size_px = 512
    image = np.full((200, 1500), 40, np.uint8)
    image[90:110, 20:1480] = 200
    (tmp_path / "wide").mkdir()
    cv2.imwrite(str(tmp_path / "wide" / "wide.png"), image)
    gui = make_gui()
    gui.open(tmp_path / "wide")
    gui.click(100, 60)
    gui.wait(lambda: gui.state.candidate is not None and not gui.state.is_growing)
    gui.key(Qt.Key.Key_Return)
    (record,) = gui.objects()
    assert (record.mask.to_mask(image.shape) == (image > 100)).all()
