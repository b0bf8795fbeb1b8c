"""kill -9 of the GUI: everything that was accepted is there when the project is opened again."""

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
