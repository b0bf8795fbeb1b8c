"""Large images on the canvas: with lowered limits, so that 400 x 420 pixels are large."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_icseg.controllers.layers import CANDIDATE, IMAGE, OBJECTS, OVERVIEW
from napari_icseg.controllers.napari_window import camera_of
from napari_icseg.project.records import ObjectSource
from trainers.io.rle import RleMask

pytestmark = pytest.mark.gui
SHAPE = (400, 420)
MIN_ZOOM = 6.0
"""Zoom at which the layers hold the pixels as they are."""


def draw_image() -> np.ndarray:
    """Bright bars on a ground whose grey tells the place."""
    rows, cols = np.ogrid[: SHAPE[0], : SHAPE[1]]
    image = ((rows * 3 + cols * 5) % 90).astype(np.uint8)
    for top in range(20, 400, 60):
        image[top : top + 16, 20:400] = 200
    return image


@pytest.fixture
def errors(monkeypatch):
    shown: list[str] = []
    monkeypatch.setattr("napari_icseg.controllers.layers.show_error", shown.append)
    return shown


@pytest.fixture
def large(errors, tmp_path, monkeypatch, make_gui):
    """napari on a folder with a large image, read tile by tile, and one of the same size."""
    monkeypatch.setattr("napari_icseg.controllers.layers.WHOLE_PIXELS", 10_000)
    monkeypatch.setattr("napari_icseg.controllers.image_reading.WHOLE_PIXELS", 10_000)
    monkeypatch.setattr("napari_icseg.controllers.layers.OVERVIEW_SIDE_PX", 64)
    monkeypatch.setattr("napari_icseg.controllers.frames.MIN_ZOOM", MIN_ZOOM)
    monkeypatch.setattr("trainers.io.open_image.IN_MEMORY_PIXELS", 10_000)
    monkeypatch.setattr("trainers.io.lazy_image.OVERVIEW_PIXELS", 20_000)
    monkeypatch.setattr("trainers.io.lazy_tiff.MAX_CACHE_BYTES", 1)
    folder = tmp_path / "mosaic"
    folder.mkdir()
    tifffile.imwrite(folder / "a.tif", draw_image(), tile=(64, 64), compression="zlib")
    tifffile.imwrite(folder / "b.tif", 255 - draw_image(), rowsperstrip=16)
    gui = make_gui()
    gui.open(folder)
    gui.wait(lambda: gui.controller.editor._map is not None)
    return gui


def look(gui, row: float, col: float, zoom: float = 7.0):
    """Move the camera and wait for the frame around it; return the frame."""
    camera, layers = camera_of(gui.viewer), gui.controller.layers
    camera.zoom, camera.center = zoom, (0, row, col)

    def is_there() -> bool:
        view = layers._view.view()
        frame = layers.frame
        seen = view.seen(SHAPE)
        return frame.step == view.step and seen.common(frame.box) == seen

    gui.wait(is_there)
    return layers.frame


def objects_shown(gui) -> np.ndarray:
    """Where the objects layer shows something, bool like its array."""
    return gui.controller.layers.get(OBJECTS).data > 0


def test_a_part_is_shown_labelled_left_and_found_again(large, errors):
    gui, image = large, draw_image()
    layers = gui.controller.layers
    assert layers.get(OVERVIEW).data.shape == (50, 53)
    gui.wait(lambda: layers.get(OVERVIEW).data.any())
    assert layers.frame.step > 1
    frame = look(gui, 90, 100)
    assert frame.step == 1
    assert frame.shape_hw < SHAPE
    np.testing.assert_array_equal(layers.get(IMAGE).data, image[frame.box.slices])
    # the bar is longer than the frame: its candidate is cut by it, and saved whole
    gui.click(88, 100)
    gui.wait_candidate()
    bar = np.zeros(SHAPE, np.bool_)
    bar[80:96, 20:400] = True
    candidate = layers.get(CANDIDATE).data > 0
    np.testing.assert_array_equal(candidate, bar[frame.box.slices])
    gui.controller.do("accept")
    (saved,) = gui.objects()
    expected = np.zeros(SHAPE, np.bool_)
    expected[80:96, 20:400] = True
    np.testing.assert_array_equal(saved.mask.to_mask(SHAPE), expected)
    np.testing.assert_array_equal(objects_shown(gui), expected[frame.box.slices])
    away = look(gui, 330, 330)
    assert away.box != frame.box
    np.testing.assert_array_equal(objects_shown(gui), expected[away.box.slices])
    # undone out of sight, and only partly in sight
    gui.controller.do("undo")
    assert not gui.objects()
    back = look(gui, 90, 100)
    assert not objects_shown(gui).any()
    gui.controller.do("redo")
    np.testing.assert_array_equal(objects_shown(gui), expected[back.box.slices])
    gui.controller.do("undo")
    assert not objects_shown(gui).any()
    assert not errors


def test_a_selected_object_stays_outlined_when_the_camera_moves_on(large):
    gui = large
    project, image_id = gui.project, gui.session.current_image_id
    mask = RleMask.from_mask(np.ones((30, 300), np.bool_), (100, 60))
    record = project.add_object(image_id, project.classes()[0].id, mask, ObjectSource.MANUAL)
    look(gui, 110, 90)
    gui.controller.editor.select_at(110, 100)
    assert gui.controller.editor.selected_id == record.id
    frame = look(gui, 110, 330)
    outline = gui.controller.layers.get(CANDIDATE).data > 0
    expected = np.zeros(SHAPE, np.bool_)
    expected[100:130, 60:360] = True
    expected[101:129, 61:359] = False
    np.testing.assert_array_equal(outline, expected[frame.box.slices])
    label = gui.controller.layers.get(OBJECTS)
    assert label.data[110 - frame.box.top, 330 - frame.box.left] == label.selected_label


def test_the_brush_paints_in_the_window_and_not_where_it_is_coarse(large):
    gui = large
    frame = look(gui, 300, 300)
    gui.controller.editor.use_tool("paint")
    layer = gui.controller.layers.get(OBJECTS)
    layer.brush_size = 5
    gui.drag((300, 290), (300, 310))
    gui.wait(lambda: len(gui.objects()) == 1)
    (painted,) = gui.objects()
    drawn = np.zeros(SHAPE, np.bool_)
    drawn[frame.box.slices] = objects_shown(gui)
    np.testing.assert_array_equal(painted.mask.to_mask(SHAPE), drawn)
    assert drawn[298:303, 290:311].all()
    gui.controller.editor.use_tool("pan_zoom")
    look(gui, 200, 210, zoom=1.0)
    gui.controller.editor.use_tool("paint")
    assert "Zoom in" in gui.hint
    gui.drag((200, 190), (200, 230))
    assert "Zoom in" in gui.hint
    assert gui.objects() == (painted,)


def test_a_file_that_vanishes_while_panning_is_named_once_and_nothing_else_happens(large, errors):
    gui = large
    path = gui.project.absolute_path(gui.session.current_image_id)
    look(gui, 90, 100)
    before = gui.controller.layers.frame
    path.unlink()
    camera = camera_of(gui.viewer)
    for row in (200, 300, 350):
        camera.center = (0, row, 330)
        gui.qtbot.wait(60)
    gui.wait(lambda: bool(errors))
    assert len(errors) == 1
    assert "a.tif is no longer there" in errors[0]
    assert gui.controller.layers.frame == before
    gui.controller.do("next_image")
    gui.wait(lambda: gui.is_ready and gui.controller.layers.frame != before)
    frame = look(gui, 90, 100)
    shown = gui.controller.layers.get(IMAGE).data
    np.testing.assert_array_equal(shown, (255 - draw_image())[frame.box.slices])
    assert len(errors) == 1
