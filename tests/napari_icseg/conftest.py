from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_icseg.controllers.napari_window import camera_of, canvas_of
from napari_icseg.controllers.session import session_of
from tests.napari_icseg.flood_predictor import FloodPredictor

if TYPE_CHECKING:
    from pathlib import Path

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NO, ALT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.AltModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NUM_TILES = 4
SIDE_PX = 96


def draw_tile(number: int) -> np.ndarray:
    """Three bright bars on dark ground; their rows differ from tile to tile."""
    image = np.full((SIDE_PX, SIDE_PX), 40, dtype=np.uint8)
    for top in (8, 40, 72):
        image[top + number : top + number + 12, 10:86] = 200
    return image


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """A folder with NUM_TILES images without masks."""
    folder = tmp_path / "chip"
    folder.mkdir()
    for number in range(NUM_TILES):
        cv2.imwrite(str(folder / f"tile_{number}.png"), draw_tile(number))
    return folder


@pytest.fixture
def vector_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for the vectors of images, in place of the user's."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(
        "napari_icseg.controllers.vector_store.platformdirs.user_cache_dir",
        lambda *_args, **_options: str(folder),
    )
    return folder / "vectors"


@pytest.fixture
def predictor(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> FloodPredictor:
    """The model that answers clicks in this test, in place of a neural network."""
    flood = FloodPredictor()
    folder = tmp_path_factory.mktemp("embeddings")
    monkeypatch.setattr("napari_icseg.prompting.disk_cache.default_folder", lambda: folder)
    monkeypatch.setattr(
        "napari_icseg.prompting.checkpoints.load_predictor", lambda *_args, **_options: flood
    )
    return flood


@pytest.fixture
def _frozen_heap(monkeypatch: pytest.MonkeyPatch):
    """Keeps what is there before a test out of the collections of napari's viewer fixture.

    With torch and napari loaded each of them takes seconds, and there are several a test.
    Nothing else collects meanwhile: a worker's thread would delete Qt objects that belong to the
    GUI thread, now or in a later test.
    """
    import torch  # noqa: F401

    collector = SimpleNamespace(freeze=lambda: None, unfreeze=lambda: None)
    monkeypatch.setattr("napari_icseg.controllers.lasting_objects.gc", collector)
    gc.freeze()
    gc.disable()
    yield
    gc.collect()
    gc.enable()


@pytest.fixture
def make_napari_viewer(_frozen_heap, make_napari_viewer):
    """napari's fixture, whose canvases call nothing of their own when they are collected.

    A canvas that Qt deletes during a collection lets Python run through event groups that are
    half taken apart by it: a segmentation fault, once in some thousand tests.
    """
    canvases = []

    def make(*args, **options):
        viewer = make_napari_viewer(*args, **options)
        canvas = viewer.window._qt_viewer.canvas
        canvas.destroyed.disconnect(canvas._disconnect_events)
        canvases.append(weakref.ref(canvas))
        return viewer

    yield make
    for alive in filter(None, (canvas() for canvas in canvases)):
        alive._disconnect_events()


class Gui:
    """napari with the Labelling dock, operated by real mouse and key events."""

    def __init__(self, viewer, dock, qtbot) -> None:
        self.viewer = viewer
        self.dock = dock
        self.qtbot = qtbot
        self.controller = dock.controller
        self.session = session_of(viewer)
        self.canvas = canvas_of(viewer)

    @property
    def state(self):
        return self.controller.loop.state

    @property
    def project(self):
        return self.session.project

    @property
    def hint(self) -> str:
        return self.dock.status.hint.text()

    def open(self, path: Path) -> None:
        self.controller.projects.open(path)
        # the first one in a process loads the model
        self.wait(lambda: self.session.project is not None and self.is_ready, timeout_ms=60_000)

    @property
    def is_ready(self) -> bool:
        image_id = self.session.current_image_id
        return image_id is not None and self.controller.loop.image_id == image_id

    def objects(self, image_id: int | None = None):
        return self.project.objects(image_id or self.session.current_image_id)

    def position(self, row: float, col: float) -> QPoint:
        camera = camera_of(self.viewer)
        x = self.canvas.width() / 2 + (col - camera.center[-1]) * camera.zoom
        y = self.canvas.height() / 2 + (row - camera.center[-2]) * camera.zoom
        return QPoint(round(x), round(y))

    def click(self, row: float, col: float, button=LEFT, modifier=NO) -> None:
        QTest.mouseMove(self.canvas, self.position(row, col))
        QTest.mouseClick(self.canvas, button, modifier, self.position(row, col))

    def drag(self, start, end, button=LEFT, modifier=NO) -> None:
        first, last = self.position(*start), self.position(*end)
        QTest.mousePress(self.canvas, button, modifier, first)
        for part in (0.25, 0.5, 0.75, 1.0):
            QTest.mouseMove(self.canvas, first + (last - first) * part)
            QTest.qWait(15)
        QTest.mouseRelease(self.canvas, button, modifier, last)

    def key(self, key, modifier=NO) -> None:
        QTest.keyClick(QApplication.focusWidget() or self.canvas, key, modifier)

    def wait(self, condition, timeout_ms: int = 10_000) -> None:
        self.qtbot.waitUntil(condition, timeout=timeout_ms)

    def wait_candidate(self) -> None:
        self.wait(lambda: not self.state.is_pending and self.state.candidate is not None)

    def label(self, row: float, col: float) -> None:
        """Click and accept."""
        num_before = len(self.objects())
        self.click(row, col)
        self.wait_candidate()
        self.key(Qt.Key.Key_Return)
        assert len(self.objects()) == num_before + 1


@pytest.fixture
def make_gui(make_napari_viewer, qtbot, predictor):
    """A function that opens napari with the Labelling dock, through the manifest."""
    made = []

    def make() -> Gui:
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1200, 800)
        _dock, labelling = viewer.window.add_plugin_dock_widget("napari-icseg", "Labelling")
        gui = Gui(viewer, labelling, qtbot)
        made.append(gui)
        viewer.window.activate()
        gui.canvas.setFocus()
        return gui

    yield make
    for gui in made:
        gui.controller.close()
        # pytest keeps the object until after napari's check that no viewer is left
        vars(gui).clear()


@pytest.fixture
def gui(make_gui, tiles):
    """napari with the Labelling dock on the folder `tiles`."""
    gui = make_gui()
    gui.open(tiles)
    return gui
