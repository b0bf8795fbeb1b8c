"""The picture of the Review dock in docs/rounds.md: `python -m napari_icseg.demo.tour_review OUT`.

A real round of a U-Net on the sample tiles, of which the first half is labelled; then two
proposals are accepted by their key.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt

from napari_icseg.controllers.review_way import Phase
from napari_icseg.demo.display import SIZE_PX, virtual_display

if TYPE_CHECKING:
    from napari_icseg.controllers.review import ReviewController
    from napari_icseg.demo.driver import Driver

NUM_EPOCHS = 12
_ROUND_S = 500.0


def take_picture(driver: Driver, rounds: Any, viewer: Any) -> ReviewController:
    """Run a round, press its button, decide on two proposals and leave a picture."""
    from napari_icseg.controllers.application import PLUGIN

    driver.wait_until(lambda: rounds.setup.train.isEnabled(), "the project")
    rounds.setup.model.choose("unet")
    rounds.setup.epochs.setValue(NUM_EPOCHS)
    driver.press(rounds.setup.train)
    driver.wait_until(rounds.result.review.isVisible, "the round", timeout_s=_ROUND_S)
    driver.press(rounds.result.review)
    _dock, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Review")
    review: ReviewController = widget.dock.controller
    for _ in range(2):
        driver.wait_until(lambda: review.walk.phase is Phase.REVIEWING, "a proposal")
        driver.settle(2.0)
        driver.key(Qt.Key.Key_A)
    driver.wait_until(lambda: review.walk.phase is Phase.REVIEWING, "a proposal")
    driver.settle(8.0)  # the messages in the corner go
    driver.screenshot("review", numbered=False)
    return review


def _run(out: Path) -> None:
    """Take it in a window of this process."""
    import napari

    from napari_icseg.controllers.application import PLUGIN, open_docks
    from napari_icseg.controllers.sample_folder import sample_folder
    from napari_icseg.demo.driver import Driver

    with tempfile.TemporaryDirectory() as folder:
        viewer = napari.Viewer(title="icseg")
        viewer.window.resize(*SIZE_PX)
        labelling, training = open_docks(viewer)
        frame, rounds = viewer.window.add_plugin_dock_widget(PLUGIN, "Rounds", tabify=True)
        frame.raise_()
        controllers = [labelling.controller, training.dock.controller, rounds.dock.controller]
        try:
            labelling.controller.projects.open(sample_folder(Path(folder) / "chip"))
            controllers.append(take_picture(Driver(viewer, out), rounds.dock, viewer))
        finally:
            for controller in controllers:
                controller.close()
            viewer.close()


def main() -> None:
    """Take the picture into the folder named on the command line."""
    out = Path(sys.argv[1]).absolute()
    if "--here" in sys.argv:
        _run(out)
        return
    with virtual_display():
        # a process of its own: the window must be gone before its display is
        command = [sys.executable, "-m", "napari_icseg.demo.tour_review", str(out), "--here"]
        sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
