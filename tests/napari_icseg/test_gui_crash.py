"""The GUI ends without its window being closed: by kill -9, or as a script that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from napari_icseg.project.project import Project

pytestmark = pytest.mark.gui
NUM_SAVED = 4
DELAY_S = 0.02
"""Lands somewhere between a click and the end of its transaction."""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_killed_gui_loses_nothing_that_was_accepted(tiles):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.napari_icseg.gui_labeller", str(tiles)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    accepted: list[str] = []
    with process:
        for line in process.stdout or ():
            accepted += [line] if line.startswith("saved ") else []
            if len(accepted) == NUM_SAVED:
                break
        time.sleep(DELAY_S)
        process.send_signal(signal.SIGKILL)
        accepted += [line for line in process.stdout or () if line.startswith("saved ")]
    assert len(accepted) >= NUM_SAVED
    with Project.open(tiles / "chip.icseg") as project:
        project.check()
        assert len(project.objects(1)) >= int(accepted[-1].split()[2])
        assert project.can_undo


ENDING = """
import sys
from pathlib import Path
import napari
from napari_icseg.controllers.application import PLUGIN, open_docks
viewer = napari.Viewer()
labelling, training = open_docks(viewer)
for name in ("Rounds", "Review", "Map", "Results"):
    viewer.window.add_plugin_dock_widget(PLUGIN, name)
labelling.controller.projects.open(Path(sys.argv[1]))
print("open")
"""


def test_a_script_that_ends_with_its_window_open_closes_everything_in_order(tiles):
    file = tiles / "chip.icseg"
    with Project.create(file) as project:
        project.add_images(sorted(tiles.glob("*.png")))
    command = [sys.executable, "-c", ENDING, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "open\n"), done.stderr
    assert "Error" not in done.stderr
