"""The picture of the Map dock: `python -m napari_icseg.demo.tour_map docs/images`.

For docs/rounds.md; on synthetic tiles of three presets, some labelled, by mouse and buttons.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_icseg.demo.display import SIZE_PX, run_in_display
from napari_icseg.demo.labeller import Labeller
from napari_icseg.project.records import ImageStatus

if TYPE_CHECKING:
    from napari_icseg.demo.driver import Driver
    from napari_icseg.widgets.map_dock import MapDock

PRESETS = ("avr_m1", "metal_vias", "mixed")
NUM_EACH = 70


class MapTour:
    """One walk through the Map dock, which leaves `map.png`."""

    def __init__(self, driver: Driver, labelling: Any, dock: MapDock, tiles: Path) -> None:
        self._driver, self._labelling, self._dock = driver, labelling, dock
        self._controller = labelling.controller
        self._session = labelling.controller.desk.session
        self._tiles = tiles

    def run(self) -> None:
        """Take the picture."""
        self._controller.projects.open(self._tiles)
        Labeller(self._driver, self._controller).wait_for_image()
        self._mark_some()
        canvas = self._dock.canvas
        num = len(self._session.project.images())
        self._driver.wait_until(lambda: len(canvas.points.ids) == num, "the map", timeout_s=300)
        self._driver.wait_until(lambda: not self._dock.button.isVisible(), "the places")
        self._driver.press(self._dock.suggest)
        suggestions = self._session.suggestions
        self._driver.wait_until(lambda: bool(suggestions.images), "suggestions", timeout_s=60)
        first = next(iter(suggestions.images))
        place = canvas.position_of(first)
        QTest.mouseMove(canvas, place + QPoint(3, 3))
        QTest.mouseMove(canvas, place)
        self._driver.wait_until(canvas.card.isVisible, "the card")
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place)
        self._driver.wait_until(lambda: self._session.current_image_id == first, "the image")
        self._driver.settle(1.0)
        self._driver.screenshot("map", numbered=False)

    def _mark_some(self) -> None:
        for number, image in enumerate(self._session.project.images()):
            if number % 6 == 0:
                status = ImageStatus.BLANK if number % 42 == 0 else ImageStatus.LABELLED
                self._session.project.set_status(image.id, status)


def _make_tiles(folder: Path) -> None:
    from trainers.data.synthetic.write import write_dataset

    folder.mkdir()
    for preset in PRESETS:
        made = folder.with_name(f"made_{preset}")
        write_dataset(made, preset=preset, count=NUM_EACH, test_count=0, seed=3)
        for path in sorted((made / "train" / "images").iterdir()):
            shutil.move(path, folder / path.name)


def _run(out: Path) -> None:
    """Walk in a window of this process."""
    import napari

    from napari_icseg.controllers.application import PLUGIN, open_docks
    from napari_icseg.demo.driver import Driver

    with tempfile.TemporaryDirectory() as folder:
        tiles = Path(folder) / "chip"
        _make_tiles(tiles)
        viewer = napari.Viewer(title="icseg")
        viewer.window.resize(*SIZE_PX)
        labelling, training = open_docks(viewer)
        driver = Driver(viewer, out)
        driver.settle(0.5)
        _dock, plugin = viewer.window.add_plugin_dock_widget(PLUGIN, "Map", tabify=True)
        try:
            MapTour(driver, labelling, plugin.dock, tiles).run()
        finally:
            labelling.controller.close()
            training.dock.controller.close()
            plugin.dock.controller.close()
            viewer.close()


def main() -> None:
    """Take the picture into the folder named on the command line."""
    out = Path(sys.argv[1]).absolute()
    if "--here" in sys.argv:
        _run(out)
    else:
        sys.exit(run_in_display("napari_icseg.demo.tour_map", out))


if __name__ == "__main__":
    main()
