"""The pictures of docs/first-round.md: `python -m napari_icseg.demo.tour_rounds docs/images`.

Two real rounds of a U-Net on the sample tiles, of which the first half is labelled.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPoint, QRect

from napari_icseg.demo.display import SIZE_PX, run_in_display
from napari_icseg.project.records import ReviewState

if TYPE_CHECKING:
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.demo.driver import Driver

MODULE = "napari_icseg.demo.tour_rounds"
TILE = "sample_01.png"
NUM_EPOCHS = 12
_ROUND_S = 400.0
_MARGIN_PX = 8


class RoundsTour:
    """One walk through the Rounds dock; each step leaves a picture."""

    def __init__(self, driver: Driver, session: ProjectSession, dock: Any, out: Path) -> None:
        self._driver, self._session, self._dock, self._out = driver, session, dock, out

    def run(self) -> None:
        """Take all pictures."""
        for step in (self._look, self._start, self._finish, self._next):
            step()

    def _look(self) -> None:
        self._driver.screenshot("before", numbered=False)

    def _start(self) -> None:
        self._dock.setup.model.choose("unet")
        self._dock.setup.epochs.setValue(NUM_EPOCHS)
        self._driver.press(self._dock.setup.train)
        self._wait(self._is_half_done, "the second training")
        self._picture("running")

    def _finish(self) -> None:
        self._wait(self._dock.result.review.isVisible, "the first round")
        self._picture("finished")

    def _next(self) -> None:
        """Accept the better half, as "accept all above" of the Review dock does."""
        project = self._session.project
        assert project is not None, "the tour has opened one"
        waiting = project.reviews(state=ReviewState.WAITING)
        best = sorted(waiting, key=lambda review: -(review.predicted_iou or 0.0))
        project.accept_reviews(review.image_id for review in best[: len(best) // 2])
        self._driver.settle(1.0)
        self._driver.press(self._dock.setup.train)
        self._wait(lambda: "Round 2" in self._dock.result.title.text(), "the second round")
        self._picture("second")

    def _is_half_done(self) -> bool:
        run = self._dock.controller.runs.shown
        return run is not None and run.status.phase == "student" and run.status.epoch >= 2

    def _wait(self, condition: Any, what: str) -> None:
        self._driver.wait_until(condition, what, timeout_s=_ROUND_S)

    def _picture(self, name: str) -> None:
        """Take the dock alone, down to the last widget that is shown."""
        self._driver.settle(1.0)
        history = self._dock.history
        last = history if history.isVisible() else self._dock.no_rounds
        bottom = last.mapTo(self._dock, QPoint(0, last.height() + _MARGIN_PX)).y()
        picture = self._dock.grab(QRect(0, 0, self._dock.width(), bottom))
        picture.save(str(self._out / f"rounds_{name}.png"))


def _run(out: Path) -> None:
    """Walk in a window of this process."""
    import napari

    from napari_icseg.controllers.application import PLUGIN, open_docks
    from napari_icseg.controllers.sample_folder import sample_folder
    from napari_icseg.controllers.session import session_of
    from napari_icseg.demo.driver import Driver

    with tempfile.TemporaryDirectory() as folder:
        viewer = napari.Viewer(title="icseg")
        viewer.window.resize(*SIZE_PX)
        labelling, training = open_docks(viewer)
        frame, rounds = viewer.window.add_plugin_dock_widget(PLUGIN, "Rounds", tabify=True)
        driver = Driver(viewer, out, prefix="rounds_")
        try:
            labelling.controller.projects.open(sample_folder(Path(folder) / "chip"))
            driver.wait_until(lambda: rounds.dock.setup.train.isEnabled(), "the project")
            labelling.controller.images.jump(TILE)
            driver.settle(2.0)
            frame.raise_()
            RoundsTour(driver, session_of(viewer), rounds.dock, out).run()
        finally:
            for dock in (labelling, training.dock, rounds.dock):
                dock.controller.close()
            viewer.close()


def main() -> None:
    """Take the pictures into the folder named on the command line."""
    out = Path(sys.argv[1]).absolute()
    if "--here" in sys.argv:
        _run(out)
    else:
        sys.exit(run_in_display(MODULE, out))


if __name__ == "__main__":
    main()
