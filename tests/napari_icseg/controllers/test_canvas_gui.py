"""What the canvas shows, by its own pixels, and that docks leave nothing behind."""

from __future__ import annotations

import gc
from functools import partial

import numpy as np
import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QApplication

from napari_icseg.controllers.prefill import prefill_of
from napari_icseg.project.records import NewProposal
from tests.napari_icseg.conftest import CTRL
from trainers.io.rle import RleMask

pytestmark = pytest.mark.gui
ON_BAR, BESIDE = (14, 50), (30, 50)


def seen(gui, row: float, col: float) -> np.ndarray:
    """The colour (RGB, 0..255) on the canvas where an image pixel is shown."""
    QApplication.processEvents()
    picture = gui.viewer.screenshot(canvas_only=True, flash=False)
    scale = picture.shape[1] / gui.canvas.width()
    place = gui.position(row, col)
    y, x = round(place.y() * scale), round(place.x() * scale)
    return picture[y - 1 : y + 2, x - 1 : x + 2, :3].reshape(-1, 3).mean(axis=0)


def is_grey(color: np.ndarray) -> bool:
    return bool(np.ptp(color) < 12)


def test_a_candidate_is_cyan_and_what_lies_beside_stays_grey(gui):
    gui.key(Qt.Key.Key_H)  # no preview
    assert is_grey(seen(gui, *ON_BAR))
    gui.click(14, 20)
    gui.wait_candidate()
    red, green, blue = seen(gui, *ON_BAR)
    assert min(green, blue) > red + 30
    assert is_grey(seen(gui, *BESIDE))
    gui.key(Qt.Key.Key_Escape)
    assert is_grey(seen(gui, *ON_BAR))


def test_an_accepted_object_has_its_class_s_colour_and_undo_takes_it_away(gui):
    gui.key(Qt.Key.Key_H)
    gui.label(14, 20)
    red, green, blue = seen(gui, *ON_BAR)
    assert red > green > blue + 30  # the orange of the first class
    gui.key(Qt.Key.Key_Z, CTRL)
    assert is_grey(seen(gui, *ON_BAR))


def test_a_selected_object_has_a_white_edge(gui):
    gui.key(Qt.Key.Key_H)
    gui.label(14, 20)
    before = seen(gui, 8, 50)
    gui.click(14, 20, modifier=CTRL)
    after = seen(gui, 8, 50)
    assert after.min() > before.min() + 40


def test_a_proposal_looks_other_than_an_accepted_object(gui):
    gui.key(Qt.Key.Key_H)
    gui.label(14, 20)
    bar = np.zeros((96, 96), dtype=np.bool_)
    bar[40:52, 10:86] = True
    gui.project.add_proposals(1, [NewProposal(1, RleMask.from_mask(bar), 0.9)])
    gui.wait(lambda: prefill_of(gui.session).num_proposals == 1)
    gui.wait(lambda: not is_grey(seen(gui, 46, 50)))
    accepted, proposed = seen(gui, *ON_BAR), seen(gui, 46, 50)
    assert np.ptp(accepted) > np.ptp(proposed) + 15  # stronger in colour


def test_opening_and_closing_the_dock_again_and_again_leaves_no_more_widgets(make_gui, tiles):
    gui = make_gui()
    gui.open(tiles)
    counts = []
    for _ in range(3):
        docked, dock = gui.viewer.window.add_plugin_dock_widget("napari-icseg", "Training")
        dock.dock.controller.close()
        gui.viewer.window.remove_dock_widget(docked)
        docked.deleteLater()
        del docked, dock
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        counts.append(sum(1 for widget in QApplication.allWidgets() if is_ours(widget)))
    assert counts[0] == counts[1] == counts[2]


DOCKS = ["Training", "Rounds", "Review", "Map", "Results"]


@pytest.mark.parametrize("name", DOCKS)
def test_a_dock_that_the_user_closes_stops_at_once_and_comes_back_from_the_menu(
    make_gui, tiles, name
):
    gui = make_gui()
    gui.open(tiles)
    add = partial(gui.viewer.window.add_plugin_dock_widget, "napari-icseg", name)
    docked, first = add()
    controller = first.dock.controller
    docked.destroyOnClose()  # its x
    assert controller._is_closed
    _, second = add()
    assert second.dock.controller is not controller
    assert not second.dock.controller._is_closed


def test_closing_the_window_stops_every_dock_while_all_is_still_in_one_piece(make_gui, tiles):
    gui = make_gui()
    gui.open(tiles)
    add = partial(gui.viewer.window.add_plugin_dock_widget, "napari-icseg")
    controllers = [add(name)[1].dock.controller for name in DOCKS]
    assert not any(controller._is_closed for controller in controllers)
    gui.viewer.close()
    assert all(controller._is_closed for controller in controllers)
    assert gui.controller._is_closed


def is_ours(widget: object) -> bool:
    return type(widget).__module__.startswith("napari_icseg")
