"""The pictures of docs/first-layer.md: `python -m napari_icseg.demo.tour docs/images`.

Everything is done by mouse and keys in the real window, on the sample tiles.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt

from napari_icseg.demo.annotator import Target, nets_of
from napari_icseg.demo.display import SIZE_PX, run_in_display
from napari_icseg.demo.labeller import CTRL, SHIFT, Labeller

if TYPE_CHECKING:
    from napari_icseg.demo.driver import Driver

TILE = "sample_01.png"


class Tour:
    """One walk through the Labelling dock; each step leaves a picture."""

    def __init__(self, driver: Driver, labelling: Any, *, tiles: Path, masks: Path) -> None:
        self._driver, self._controller = driver, labelling.controller
        self._labeller = Labeller(driver, self._controller)
        self._tiles, self._masks = tiles, masks

    def run(self) -> None:
        """Take all pictures."""
        for step in (
            self._open,
            self._hover,
            self._click,
            self._box,
            self._scribble,
            self._edit,
            self._propose,
            self._done,
            self._help,
        ):
            step()

    def _open(self) -> None:
        self._controller.projects.open(self._tiles)
        self._labeller.wait_for_image()
        self._controller.images.jump(TILE)
        self._labeller.wait_for_image(TILE)
        self._driver.settle(2.0)
        self._picture("open")

    def _hover(self) -> None:
        self._driver.move(*self._middle(0))
        self._driver.settle(1.5)
        self._picture("hover")

    def _click(self) -> None:
        self._labeller.click(*self._middle(0))
        self._picture("click")
        self._driver.key(Qt.Key.Key_Return)

    def _box(self) -> None:
        rows, cols = self._targets()[1].mask.nonzero()
        start, end = (rows.min() - 3, cols.min() - 3), (rows.max() + 3, cols.max() + 3)
        self._driver.drag(start, end, modifiers=SHIFT, before_release=self._shoot("box"))
        self._wait_for_candidate()
        self._driver.key(Qt.Key.Key_Return)

    def _scribble(self) -> None:
        self._driver.key(Qt.Key.Key_S)
        rows, cols = self._targets()[2].mask.nonzero()
        middle = (cols.min() + cols.max()) // 2
        start, end = (rows.min() + 6, middle), ((rows.min() + rows.max()) // 2, middle)
        self._driver.drag(start, end, before_release=self._shoot("scribble"))
        self._wait_for_candidate()
        self._driver.key(Qt.Key.Key_Return)
        self._driver.key(Qt.Key.Key_Z)

    def _edit(self) -> None:
        self._driver.click(*self._middle(0), modifiers=CTRL)
        self._driver.click(*self._middle(1), modifiers=CTRL | SHIFT)
        self._picture("edit")
        self._driver.key(Qt.Key.Key_Escape)

    def _propose(self) -> None:
        before = self._labeller.num_proposals()
        self._driver.key(Qt.Key.Key_F)
        self._driver.wait_until(lambda: self._labeller.num_proposals() > before, "proposals")
        self._driver.settle(1.0)
        self._picture("proposals")
        self._driver.key(Qt.Key.Key_Return, SHIFT)
        self._driver.wait_until(lambda: self._labeller.num_proposals() == 0, "their acceptance")

    def _done(self) -> None:
        self._driver.key(Qt.Key.Key_D)
        self._driver.key(Qt.Key.Key_V)
        self._picture("done")
        self._driver.key(Qt.Key.Key_V)

    def _help(self) -> None:
        self._driver.key(Qt.Key.Key_F1)
        self._picture("help")
        self._driver.key(Qt.Key.Key_Escape)

    def _targets(self) -> list[Target]:
        return nets_of(self._masks / TILE)

    def _middle(self, number: int) -> tuple[float, float]:
        """A pixel in the middle of a net."""
        rows, cols = self._targets()[number].mask.nonzero()
        place = len(rows) // 2
        return float(rows[place]), float(cols[place])

    def _wait_for_candidate(self) -> None:
        self._driver.wait_until(lambda: self._labeller.has_candidate, "a candidate")
        self._driver.wait_until(lambda: not self._controller.loop.state.is_pending, "the answer")

    def _shoot(self, name: str) -> Any:
        return lambda: self._picture(name)

    def _picture(self, name: str) -> None:
        self._driver.screenshot(name, numbered=False)


def _run(out: Path) -> None:
    """Walk in a window of this process."""
    import napari

    from napari_icseg.controllers.application import open_docks
    from napari_icseg.controllers.sample_folder import make_sample
    from napari_icseg.demo.driver import Driver

    with tempfile.TemporaryDirectory() as folder:
        samples, tiles = make_sample(Path(folder) / "samples"), Path(folder) / "chip"
        shutil.copytree(samples / "images", tiles)
        viewer = napari.Viewer(title="icseg")
        viewer.window.resize(*SIZE_PX)
        labelling, training = open_docks(viewer)
        driver = Driver(viewer, out, prefix="first_layer_")
        try:
            Tour(driver, labelling, tiles=tiles, masks=samples / "masks").run()
        finally:
            labelling.controller.close()
            training.dock.controller.close()
            viewer.close()


def main() -> None:
    """Take the pictures into the folder named on the command line."""
    out = Path(sys.argv[1]).absolute()
    if "--here" in sys.argv:
        _run(out)
    else:
        sys.exit(run_in_display("napari_icseg.demo.tour", out))


if __name__ == "__main__":
    main()
