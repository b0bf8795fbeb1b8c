"""The Map dock and suggestions with the real mouse in napari."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QCursor, QWheelEvent
from qtpy.QtTest import QTest

from napari_icseg.controllers.map_dock import open_map_dock
from napari_icseg.project.records import ImageStatus
from napari_icseg.widgets.map_view import KINDS
from tests.napari_icseg.conftest import LEFT, NO

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("vector_cache")]


@pytest.fixture
def tiles(tmp_path):
    """Eight different images, of which the last shows the same as the first."""
    folder = tmp_path / "chip"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(7):
        image = rng.normal(50 + 12 * number, 4 + number, (96, 96))
        image[:: 6 + 5 * number] = 220
        cv2.imwrite(str(folder / f"t{number}.png"), image.clip(0, 255).astype(np.uint8))
    (folder / "u_copy.png").write_bytes((folder / "t0.png").read_bytes())
    return folder


@pytest.fixture
def make_map(qtbot):
    """A function that opens the Map dock of a viewer as its menu does."""
    made = []

    def make(gui):
        # all of it on the small screen of the tests: the mouse cannot leave it
        gui.viewer.window.resize(800, 600)
        open_map_dock(gui.viewer)
        _dock, plugin = gui.viewer.window.add_plugin_dock_widget("napari-icseg", "Map")
        made.append(plugin.dock.controller)
        return plugin.dock

    yield make
    for controller in made:
        controller.close()


def wait_for_map(gui, dock, num=8):
    look = dock.controller.look
    gui.wait(lambda: len(dock.canvas.points.ids) == num and not look.is_busy, timeout_ms=30_000)
    gui.qtbot.wait(50)  # the dock is laid out anew without its Cancel button


def alone(dock, *, but=()):
    """An image whose point lies apart from all others."""
    canvas = dock.canvas
    places = {i: canvas.position_of(i) for i in canvas.points.ids.tolist()}
    return next(
        i
        for i, at in places.items()
        if i not in but
        and all((at - o).manhattanLength() > 30 for j, o in places.items() if j != i)
    )


def points_at(dock, image_id):
    """Moves the mouse to a point until it is met: the dock may still be laid out."""
    if not dock.canvas.card.isVisible():
        at = dock.canvas.position_of(image_id)
        is_there = dock.canvas.mapFromGlobal(QCursor.pos()) == at
        QTest.mouseMove(dock.canvas, at + QPoint(2, 1) if is_there else at)
    return dock.canvas.card.isVisible()


def kind(dock, image_id):
    points = dock.canvas.points
    return KINDS[points.kinds[np.flatnonzero(points.ids == image_id)[0]]]


def test_a_click_on_a_point_opens_the_image_and_its_status_is_followed(gui, make_map):
    dock = make_map(gui)
    wait_for_map(gui, dock)
    image_id = alone(dock, but=[gui.session.current_image_id])
    gui.wait(lambda: points_at(dock, image_id))
    gui.wait(lambda: dock.canvas.card.picture.pixmap().width() > 0)
    assert dock.canvas.card.title.text() == gui.project.image(image_id).name
    assert "not labelled" in dock.canvas.card.text.text()
    QTest.mouseClick(dock.canvas, LEFT, NO, dock.canvas.position_of(image_id))
    gui.wait(lambda: gui.session.current_image_id == image_id and gui.is_ready)
    assert gui.dock.images.selected_id() == image_id
    gui.project.set_status(image_id, ImageStatus.LABELLED)
    gui.wait(lambda: kind(dock, image_id) == "labelled")
    assert "labelled 1" in dock.legend.labels["labelled"].text()
    gui.project.undo()
    gui.wait(lambda: kind(dock, image_id) == "unlabelled")


def test_wheel_and_drag_move_the_map_and_open_nothing(gui, make_map):
    dock = make_map(gui)
    wait_for_map(gui, dock)
    canvas, shown = dock.canvas, gui.session.current_image_id
    middle = canvas.rect().center()
    wheel = QWheelEvent(
        QPointF(middle),
        QPointF(canvas.mapToGlobal(middle)),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        NO,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    canvas.wheelEvent(wheel)
    assert canvas.window_shown.zoom > 1.5
    before = canvas.position_of(1)
    QTest.mousePress(canvas, LEFT, NO, middle)
    QTest.mouseMove(canvas, middle + QPoint(8, 6))
    QTest.mouseMove(canvas, middle + QPoint(25, 20))
    QTest.mouseRelease(canvas, LEFT, NO, middle + QPoint(25, 20))
    assert (canvas.position_of(1) - before - QPoint(25, 20)).manhattanLength() <= 2
    dock.fit.click()
    assert canvas.window_shown.zoom == 1
    assert gui.controller.images.wanted_id == shown


def test_suggested_images_get_a_ring_and_are_all_that_the_list_shows(gui, make_map):
    dock = make_map(gui)
    wait_for_map(gui, dock)
    dock.count.setValue(3)
    QTest.mouseClick(dock.suggest, LEFT)
    gui.wait(lambda: bool(gui.session.suggestions.images), timeout_ms=30_000)
    suggested = list(gui.session.suggestions.images)
    model = gui.dock.images.model
    assert [model.row_at(model.index(n)).id for n in range(model.rowCount())] == suggested
    assert "suggested 3" in dock.legend.labels["suggested"].text()
    gui.key(Qt.Key.Key_N)
    gui.wait(lambda: gui.session.current_image_id in suggested and gui.is_ready)
    shown = gui.session.current_image_id
    gui.key(Qt.Key.Key_D)
    gui.wait(lambda: "suggested 2" in dock.legend.labels["suggested"].text())
    assert shown in suggested
    gui.dock.images.filter.setCurrentText("All images")
    assert model.rowCount() == 8
    assert [i for i in suggested if "◎" in model.data(model.index_of(i))] == [
        i for i in suggested if i != shown
    ]


def test_the_list_suggests_too_and_opens_the_map_of_what_can_be_read(gui, tiles):
    (tiles / "t3.png").unlink()
    menu = gui.dock.images.suggest.menu()
    menu.counts[10].trigger()
    assert not menu.counts[10].isVisible()
    gui.wait(lambda: bool(gui.session.suggestions.images), timeout_ms=30_000)
    assert menu.counts[10].isVisible()
    # the copy of the first and the file that is gone are left out
    assert len(gui.session.suggestions.images) == 6
    open_map_dock(gui.viewer)
    _dock, plugin = gui.viewer.window.add_plugin_dock_widget("napari-icseg", "Map")
    wait_for_map(gui, plugin.dock, num=7)
    assert "1 cannot be read" in plugin.dock.status.text()
    gui.session.close_project()
    assert "Open a folder" in plugin.dock.canvas._text
    assert not len(plugin.dock.canvas.points.ids)
    plugin.dock.controller.close()
