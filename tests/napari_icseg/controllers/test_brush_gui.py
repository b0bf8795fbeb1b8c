"""napari's brush and eraser on the objects layer are saved to the project."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_icseg.project.records import ObjectSource
from tests.napari_icseg.conftest import CTRL, SHIFT

pytestmark = pytest.mark.gui


@pytest.fixture
def painted(gui):
    """One accepted object, its layer active, the brush in hand."""
    gui.label(14, 50)
    gui.click(14, 50, modifier=CTRL)
    gui.wait(lambda: gui.controller.editor.selected_id is not None)
    layer = gui.viewer.layers["objects"]
    assert gui.viewer.layers.selection.active is layer
    layer.brush_size = 5
    return gui


def pixels(gui, number: int = 0) -> np.ndarray:
    return gui.objects()[number].mask.to_mask((96, 96))


def test_a_brush_stroke_extends_the_selected_object_as_one_operation(painted):
    before = pixels(painted)
    painted.viewer.layers.selection.active = painted.viewer.layers["image"]
    painted.key(Qt.Key.Key_P)
    painted.drag((24, 20), (24, 60))
    after = pixels(painted)
    assert (after & ~before).any()
    assert not (before & ~after).any()
    assert np.array_equal(painted.viewer.layers["objects"].data > 0, after)
    painted.key(Qt.Key.Key_Z, CTRL)
    assert np.array_equal(pixels(painted), before)
    assert np.array_equal(painted.viewer.layers["objects"].data > 0, before)
    painted.key(Qt.Key.Key_Z, CTRL | SHIFT)
    assert np.array_equal(pixels(painted), after)


def test_the_eraser_takes_pixels_away_and_clicks_do_not_prompt_meanwhile(painted):
    before = pixels(painted)
    painted.key(Qt.Key.Key_E)
    painted.drag((14, 30), (14, 40))
    after = pixels(painted)
    assert (before & ~after).any()
    assert not (after & ~before).any()
    assert painted.state.clicks == ()
    painted.key(Qt.Key.Key_Z)
    painted.click(46, 50)
    painted.wait_candidate()


def test_painting_a_new_label_makes_an_object_of_the_current_class(painted):
    painted.key(Qt.Key.Key_Escape)
    painted.key(Qt.Key.Key_2)
    painted.viewer.layers["objects"].mode = "paint"
    painted.drag((62, 20), (62, 50))
    assert len(painted.objects()) == 2
    new = painted.objects()[1]
    assert new.source is ObjectSource.MANUAL
    assert new.class_id == painted.project.classes()[1].id
    painted.drag((62, 60), (62, 80))
    assert len(painted.objects()) == 2
    assert painted.objects()[1].mask.area > new.mask.area
    painted.key(Qt.Key.Key_1)
    assert painted.objects()[1].class_id == new.class_id
    painted.drag((30, 20), (30, 30))
    assert painted.objects()[2].class_id == painted.project.classes()[0].id


def test_erasing_a_whole_object_deletes_it(painted):
    layer = painted.viewer.layers["objects"]
    layer.mode = "erase"
    layer.brush_size = 60
    painted.drag((14, 10), (14, 86))
    assert painted.objects() == ()
    painted.key(Qt.Key.Key_Z, CTRL)
    assert len(painted.objects()) == 1
