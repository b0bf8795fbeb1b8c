"""The pictures of the Results dock: `python -m napari_icseg.demo.tour_results docs/images`.

For docs/experiments.md; by mouse, on a small experiment that is run for it (three minutes) or on
one that is there: `… docs/images EXPERIMENT TILES`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_icseg.controllers.asked_images import ask_for_image
from napari_icseg.demo.display import SIZE_PX, run_in_display
from napari_icseg.demo.labeller import Labeller
from napari_icseg.project.importing import import_masks

if TYPE_CHECKING:
    from napari_icseg.demo.driver import Driver
    from napari_icseg.widgets.results_dock import ResultsDock

NUM_TILES = 12
_TABLES = (("table1", "unet,sam_seg"), ("table2", "sam_seg"))
_SCALE = 0.03
_USABLE_IOU = 0.7


class ResultsTour:
    """One walk through the Results dock, which leaves `results.png` and `results_window.png`."""

    def __init__(
        self, driver: Driver, viewer: Any, labelling: Any, dock: ResultsDock, out: Path
    ) -> None:
        self._driver, self._viewer, self._dock, self._out = driver, viewer, dock, out
        self._controller = labelling.controller
        self._session = labelling.controller.desk.session

    def run(self, tiles: Path, experiment: Path, masks: Path) -> None:
        """Take the pictures."""
        self._controller.projects.open(tiles)
        Labeller(self._driver, self._controller).wait_for_image()
        import_masks(self._session.project, masks)
        self._dock.controller.open_folder(experiment)
        model = self._dock.table.model
        self._driver.wait_until(lambda: bool(model.rows), "the results")
        worst, best = self._worst_and_best()
        self._show_errors_of(worst)
        self._driver.screenshot("results", numbered=False)
        self._click(best, Qt.KeyboardModifier.ControlModifier)
        self._wait_for(2)
        self._driver.press(self._dock.compare)
        self._driver.press(self._dock.next)
        self._driver.settle(1.0)
        self._dock.window_.grab().save(str(self._out / "results_window.png"))

    def _worst_and_best(self) -> tuple[str, str]:
        """Return keys of the usable model with the most opens and of that with the best IoU."""
        rows = sorted(self._dock.table.model.rows, key=lambda row: row.iou or 0.0)
        usable = [row for row in rows if (row.iou or 0.0) > _USABLE_IOU] or rows
        return max(usable, key=lambda row: row.opens or 0).key, rows[-1].key

    def _show_errors_of(self, key: str) -> None:
        """Show the model on the image on which it makes the most errors."""
        self._click(key, Qt.KeyboardModifier.NoModifier)
        counts: dict[int, int] = {}
        for image in self._session.project.images():
            self._go_to(image.id)
            counts[image.id] = len(self._dock.controller.shown.look.models[-1].places)
        self._go_to(max(counts, key=lambda image_id: counts[image_id]))
        self._driver.settle(0.5)

    def _go_to(self, image_id: int) -> None:
        ask_for_image(self._viewer, image_id)
        shown = self._dock.controller.shown
        self._driver.wait_until(
            lambda: shown.look is not None and shown.look.image_id == image_id, "the model"
        )

    def _click(self, key: str, modifier: Qt.KeyboardModifier) -> None:
        table = self._dock.table
        at = next(at for at, row in enumerate(table.model.rows) if row.key == key)
        index = table.sorted.mapFromSource(table.model.index(at, 0))
        table.view.scrollTo(index)
        place = table.view.visualRect(index).center()
        QTest.mouseClick(table.view.viewport(), Qt.MouseButton.LeftButton, modifier, place)
        self._wait_for(len(table.chosen))

    def _wait_for(self, num_models: int) -> None:
        shown = self._dock.controller.shown
        self._driver.wait_until(
            lambda: shown.look is not None and len(shown.look.models) == num_models,
            "the models",
            timeout_s=60,
        )


def _make_experiment(folder: Path) -> tuple[Path, Path]:
    """Run a small experiment; return its folder and its data."""
    from trainers.data.synthetic.write import write_dataset

    data, out = folder / "tiles", folder / "experiment"
    write_dataset(data, preset="avr_m1", count=round(1000 * _SCALE), test_count=40, seed=42)
    for table, models in _TABLES:
        command = [sys.executable, "-m", "trainers", "experiment", table, "--models", models]
        command += ["--data", str(data), "--out", str(out), "--scale", str(_SCALE)]
        command += ["--seeds", "1", "--sam", "sam2-nano", "--set", "epochs=2"]
        subprocess.run(command, check=True)
    return out, data


def _run(out: Path, given: list[str]) -> None:
    """Walk in a window of this process."""
    import napari

    from napari_icseg.controllers.application import PLUGIN, open_docks
    from napari_icseg.demo.driver import Driver

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        experiment, data = map(Path, given) if given else _make_experiment(root)
        tiles = root / "chip"
        tiles.mkdir()
        for path in sorted((data / "test" / "images").iterdir())[:NUM_TILES]:
            shutil.copy(path, tiles)
        viewer = napari.Viewer(title="icseg")
        viewer.window.resize(*SIZE_PX)
        labelling, training = open_docks(viewer)
        driver = Driver(viewer, out)
        driver.settle(0.5)
        _dock, plugin = viewer.window.add_plugin_dock_widget(PLUGIN, "Results", tabify=True)
        try:
            tour = ResultsTour(driver, viewer, labelling, plugin.dock, out)
            tour.run(tiles, experiment, data / "test" / "masks")
        finally:
            labelling.controller.close()
            training.dock.controller.close()
            plugin.dock.controller.close()
            viewer.close()


def main() -> None:
    """Take the pictures into the folder named on the command line."""
    out, *given = (argument for argument in sys.argv[1:] if argument != "--here")
    if "--here" in sys.argv:
        _run(Path(out).absolute(), given)
    else:
        sys.exit(run_in_display("napari_icseg.demo.tour_results", Path(out).absolute(), *given))


if __name__ == "__main__":
    main()
