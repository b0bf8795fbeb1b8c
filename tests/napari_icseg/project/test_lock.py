"""One writer at a time, and everybody else is told who."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from napari_icseg.project.errors import ProjectLockedError
from napari_icseg.project.project import Project
from napari_icseg.project.records import ObjectSource
from napari_icseg.project.snapshot import ProjectSnapshot
from tests.napari_icseg.project.conftest import square

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys
from napari_icseg.project.project import Project
project = Project.open(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_second_process_is_told_who_has_the_project_until_that_one_is_killed(
    project: Project,
) -> None:
    project.add_object(1, 1, square(0, 0), ObjectSource.MANUAL)
    project.close()
    holder = hold(project.file)
    try:
        with pytest.raises(ProjectLockedError, match=f"process {holder.pid} on "):
            Project.open(project.file)
        with pytest.raises(ProjectLockedError):
            Project.create(project.file)
        with ProjectSnapshot.open(project.file) as view:
            assert len(view.objects(1)) == 1
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with Project.open(project.file) as opened:
            assert len(opened.objects(1)) == 1
    finally:
        end(holder)


def test_a_second_window_of_the_same_program_is_told_so(project: Project) -> None:
    with pytest.raises(ProjectLockedError, match="this program already"):
        Project.open(project.file)
    project.add_object(1, 1, square(0, 0), ObjectSource.MANUAL)
    project.close()
    with Project.open(project.file) as again:
        assert len(again.objects(1)) == 1


def test_closing_leaves_only_the_file_and_its_lock_file(project: Project) -> None:
    project.add_object(1, 1, square(0, 0), ObjectSource.MANUAL)
    project.close()
    project.close()
    beside = sorted(path.name for path in project.file.parent.glob("p.icseg*"))
    assert beside == ["p.icseg", "p.icseg-lock"]
