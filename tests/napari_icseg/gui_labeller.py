"""Labels without end in a real window, printing each object after Enter; to be killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import napari
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_icseg.controllers.application import open_docks
from napari_icseg.controllers.napari_window import camera_of, canvas_of
from napari_icseg.controllers.session import session_of
from napari_icseg.prompting import checkpoints
from tests.napari_icseg.flood_predictor import FloodPredictor


def main(folder: Path) -> None:
    checkpoints.load_predictor = lambda *_args, **_options: FloodPredictor()
    viewer = napari.Viewer()
    viewer.window.resize(1200, 800)
    labelling, _training = open_docks(viewer)
    controller, session = labelling.controller, session_of(viewer)
    controller.projects.open(folder)
    wait(lambda: controller.loop.image_id is not None, timeout_s=120)
    camera, canvas = camera_of(viewer), canvas_of(viewer)
    wait(lambda: canvas.width() > 200)
    num_accepted = 0
    while True:
        for row in (14, 46, 78):
            x = canvas.width() / 2 + (50 - camera.center[-1]) * camera.zoom
            y = canvas.height() / 2 + (row - camera.center[-2]) * camera.zoom
            QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(y)))
            wait(lambda: controller.loop.state.candidate is not None)
            QTest.keyClick(canvas, Qt.Key.Key_Return)
            if len(session.project.objects(1)) > num_accepted:
                num_accepted += 1
                print("saved", num_accepted, len(session.project.objects(1)), flush=True)


def wait(condition, timeout_s: float = 5.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end_s:
        QApplication.processEvents()
        time.sleep(0.001)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
