from __future__ import annotations

import cv2
import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_icseg.controllers.image_notes import NotesPart
from napari_icseg.controllers.settings_store import user_settings
from napari_icseg.controllers.view_adjust import ViewAdjust
from napari_icseg.project.records import ImageStatus
from napari_icseg.project.view_edits import ViewSettings
from napari_icseg.prompting.prompt_image import PromptImage
from tests.napari_icseg.conftest import CTRL, SHIFT, draw_tile

pytestmark = pytest.mark.gui
Key = Qt.Key


def part(gui, kind):
    return next(part for part in gui.controller.parts if isinstance(part, kind))


def wait_for(gui, image_id: int) -> None:
    gui.wait(lambda: gui.session.current_image_id == image_id and gui.is_ready)


def test_keys_go_to_the_ends_and_to_what_is_to_do(gui):
    gui.key(Key.Key_End)
    wait_for(gui, 4)
    gui.key(Key.Key_D)
    gui.key(Key.Key_N)
    wait_for(gui, 1)
    gui.key(Key.Key_B)
    gui.key(Key.Key_N, SHIFT)
    wait_for(gui, 3)
    gui.key(Key.Key_Home)
    wait_for(gui, 1)
    for image_id in (2, 3):
        gui.project.set_status(image_id, ImageStatus.BLANK)
    gui.key(Key.Key_N)
    assert "labelled or blank" in gui.hint
    assert gui.session.current_image_id == 1


def test_a_number_or_a_name_and_enter_jump_there(gui):
    search = gui.dock.images.search
    gui.key(Key.Key_F, CTRL)
    assert search.hasFocus()
    QTest.keyClicks(search, "3")
    QTest.keyClick(search, Key.Key_Return)
    wait_for(gui, 4)  # tile_3.png
    assert search.text() == ""
    assert not search.hasFocus()
    gui.key(Key.Key_F, CTRL)
    QTest.keyClicks(search, "TILE_1")
    QTest.keyClick(search, Key.Key_Return)
    wait_for(gui, 2)
    gui.key(Key.Key_F, CTRL)
    QTest.keyClicks(search, "77")
    QTest.keyClick(search, Key.Key_Return)
    assert "77" in gui.hint
    assert gui.session.current_image_id == 2


def test_marking_goes_on_if_the_user_likes_that(gui):
    gui.project.set_status(2, ImageStatus.LABELLED)
    QTest.mouseClick(gui.dock.image_buttons.button("toggle_go_on"), Qt.MouseButton.LeftButton)
    assert user_settings().value.go_on_after_marking
    gui.key(Key.Key_B)
    wait_for(gui, 3)
    gui.key(Key.Key_B)
    wait_for(gui, 4)
    gui.key(Key.Key_B)
    assert "labelled or blank" in gui.hint
    gui.key(Key.Key_Z, CTRL)
    assert gui.project.image(4).status is ImageStatus.UNLABELLED
    user_settings().set(go_on_after_marking=False)
    assert not gui.dock.image_buttons.button("toggle_go_on").isChecked()


def test_a_note_is_saved_when_the_user_leaves_it_switches_and_closes(gui, tiles):
    field = part(gui, NotesPart).widget.field
    field.setFocus()
    QTest.keyClicks(field, "scratch 1")
    QTest.keyClick(field, Key.Key_Return)
    assert gui.project.image(1).notes == "scratch 1"
    assert gui.canvas.hasFocus()
    assert "✎" in gui.dock.images.model.data(gui.dock.images.model.index(0))
    field.setFocus()
    QTest.keyClicks(field, "!")
    gui.controller.do("next_image")
    assert field.text() == ""
    wait_for(gui, 2)
    assert gui.project.image(1).notes == "scratch 1!"
    assert gui.project.image(2).notes == ""
    gui.controller.do("undo")
    wait_for(gui, 1)
    assert field.text() == "scratch 1"
    gui.dock.action.emit("edit_note")
    gui.wait(field.hasFocus)
    QTest.keyClicks(field, " end")
    gui.dock.action.emit("close_project")
    gui.open(tiles / "chip.icseg")
    assert gui.project.image(1).notes == "scratch 1 end"


def test_a_note_is_saved_after_a_pause_and_when_the_dock_closes(gui, tiles, monkeypatch):
    notes = part(gui, NotesPart)
    notes._timer.setInterval(30)
    notes.widget.field.setFocus()
    QTest.keyClicks(notes.widget.field, "dust")
    gui.wait(lambda: gui.project.image(1).notes == "dust")
    notes._timer.setInterval(10_000)
    gui.project.set_status(1, ImageStatus.IN_PROGRESS)
    QTest.keyClicks(notes.widget.field, "y")
    gui.project.set_status(1, ImageStatus.LABELLED)
    assert notes.widget.field.text() == "dusty"
    gui.controller.close()
    assert gui.project.image(1).notes == "dusty"


def test_a_view_is_only_a_view(gui, predictor):
    """The model and the project get the image as it is, whatever the eye sees."""
    view = part(gui, ViewAdjust)
    noise = np.random.default_rng(0).integers(0, 30, (96, 96)).astype(np.uint8)
    image = draw_tile(3) + noise
    cv2.imwrite(str(gui.project.absolute_path(4)), image)
    gui.project.set_view(4, ViewSettings(denoise=2, gamma=0.5, is_inverted=True, is_auto=True))
    gui.key(Key.Key_End)
    wait_for(gui, 4)
    layer = gui.viewer.layers["image"]
    gui.wait(lambda: not np.array_equal(layer.data, image))
    assert (layer.gamma, layer.colormap.name) == (0.5, "gray_r")
    assert tuple(layer.contrast_limits) == tuple(np.quantile(image, [0.005, 0.995]))
    view.panel.denoise.setValue(3)
    gui.wait(lambda: layer.data[14:20, 20:76].std() < 3 < image[14:20, 20:76].std())
    expected = PromptImage(image).content_hash
    gui.wait(lambda: expected in predictor.embedded)
    original = {PromptImage(draw_tile(n)).content_hash for n in range(3)}
    assert set(predictor.embedded) <= {expected, *original}
    gui.label(17, 50)
    view.panel.denoise.setValue(0)
    assert np.array_equal(layer.data, image)


def test_each_image_has_its_view_until_it_is_for_all(gui):
    view, layer = part(gui, ViewAdjust), gui.viewer.layers["image"]
    view.fold.header.setChecked(True)
    gui.key(Key.Key_I)
    view.panel.limits.setValue((51.0, 102.0))
    gui.key(Key.Key_BracketRight)
    wait_for(gui, 2)
    assert (layer.colormap.name, tuple(layer.contrast_limits)) == ("gray", (0.0, 255.0))
    assert not view.panel.invert.isChecked()
    gui.key(Key.Key_BracketLeft)
    wait_for(gui, 1)
    assert layer.colormap.name == "gray_r"
    assert tuple(layer.contrast_limits) == pytest.approx((51.0, 102.0))
    QTest.mouseClick(view.panel.for_all, Qt.MouseButton.LeftButton)
    gui.key(Key.Key_End)
    wait_for(gui, 4)
    assert layer.colormap.name == "gray_r"
    QTest.mouseClick(view.panel.reset, Qt.MouseButton.LeftButton)
    assert layer.colormap.name == "gray"
    gui.dock.action.emit("close_project")
    assert not gui.viewer.layers


def test_the_paths_of_highlighted_images_are_copied(gui, tiles):
    images = gui.dock.images
    images.view.setCurrentIndex(images.model.index(0))
    gui.dock.action.emit("select_all_images")
    gui.dock.action.emit("copy_paths")
    expected = [str(tiles / f"tile_{n}.png") for n in range(4)]
    assert QApplication.clipboard().text().splitlines() == expected


def test_images_changed_last_come_first(gui):
    gui.project.set_notes(3, "a")
    gui.project.set_notes(2, "b")
    gui.dock.images.order_asked.emit("changed")
    gui.wait(lambda: gui.dock.images.model.order == "changed")
    gui.dock.images.select_all()
    assert gui.dock.images.selected_ids()[:2] == (2, 3)
    gui.controller.do("last_image")
    wait_for(gui, gui.dock.images.selected_ids()[-1])
    user_settings().set(thumbnails=False)
    assert not gui.dock.images.thumbnails.isChecked()


def test_of_a_large_image_the_part_on_screen_is_denoised(gui, predictor):
    view, layers = part(gui, ViewAdjust), gui.controller.layers
    layers._whole_pixels = 1000
    noise = np.random.default_rng(0).integers(0, 30, (96, 96)).astype(np.uint8)
    image = draw_tile(3) + noise
    cv2.imwrite(str(gui.project.absolute_path(4)), image)
    gui.key(Key.Key_End)
    wait_for(gui, 4)
    assert layers.is_windowed

    def roughness() -> float:
        layer = gui.viewer.layers["image"]
        row, col = (
            int(offset / scale) for offset, scale in zip(layer.translate, layer.scale, strict=True)
        )
        return float(layer.data[14 - row : 20 - row, 30 - col : 60 - col].std())

    gui.wait(lambda: layers.frame.step == 1 and roughness() > 6)
    view.panel.denoise.setValue(2)
    gui.wait(lambda: 0 < roughness() < 4)
    gui.label(17, 50)
    expected = PromptImage(image).content_hash
    assert expected in predictor.embedded
    view.panel.denoise.setValue(0)
    gui.wait(lambda: roughness() > 6)
