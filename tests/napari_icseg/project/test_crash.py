"""A killed process, a full disk and a vanished file lose nothing that was accepted."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from napari_icseg.project.errors import ProjectError, ProjectWriteError
from napari_icseg.project.project import Project
from napari_icseg.project.records import ObjectSource
from napari_icseg.project.snapshot import ProjectSnapshot
from tests.napari_icseg.project.conftest import square
from tests.napari_icseg.project.test_opening import as_ordinary_user

if TYPE_CHECKING:
    from pathlib import Path

# adds, replaces, deletes and undoes for ever, telling each accepted state once it is accepted
WORK = """
import sys
import numpy as np
from napari_icseg.project.project import Project
from napari_icseg.project.records import ObjectSource
from trainers.io.rle import RleMask

rng = np.random.default_rng(int(sys.argv[2]))
with Project.open(sys.argv[1]) as project:
    print("open", flush=True)
    alive = [known.id for known in project.objects(1)]
    while True:
        mask = RleMask.from_mask(rng.random((20, 30)) < 0.5)
        choice = rng.integers(10)
        if choice < 7 or len(alive) < 3:
            alive.append(project.add_object(1, 1, mask, ObjectSource.PROMPT, 0.5).id)
        elif choice == 7:
            project.delete_objects([alive.pop()])
        elif choice == 8:
            project.replace_mask(alive[-1], mask)
        else:
            project.add_object(1, 2, mask, ObjectSource.PROMPT)
            project.undo()
        print(*alive, flush=True)
"""


def work_and_die(path: Path, seed: int, seconds: float) -> list[int]:
    """Let a process work, kill it, and return the last objects it saw accepted."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(path), str(seed)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    # what follows the last line end was being printed when the process died
    lines = process.communicate()[0].split("\n")[:-1]
    return [int(word) for word in lines[-1].split()] if lines else []


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_what_was_acknowledged_is_there_after_kill_9_at_any_moment(project: Project) -> None:
    project.close()
    moments = random.Random(7)
    total = 0
    for seed in range(6):
        acknowledged = work_and_die(project.file, seed, moments.uniform(0.02, 0.5))
        with Project.open(project.file) as survived:
            survived.check()
            there = [known.id for known in survived.objects(1)]
            # the one step in flight may have been kept without having been told
            missing = [known for known in acknowledged if known not in there]
            assert len(missing) <= 1
            assert missing in ([], acknowledged[-1:])
            assert len(there) - len(acknowledged) in (-1, 0, 1)
            if missing:
                assert survived.history(1)[0].kind.value == "delete_objects"
            for known in survived.objects(1):
                assert known.mask.to_mask((24, 32)).any()
            total = max(total, len(there))
            if survived.can_undo:
                assert survived.undo() is not None
                assert survived.redo() is not None
            assert [known.id for known in survived.objects(1)] == there
    assert total > 3
    with Project.open(project.file) as survived:
        while survived.undo() is not None:
            pass
        assert survived.objects(1) == ()
        survived.check()


FILL = """
import resource, sys
from napari_icseg.project.errors import ProjectWriteError
from napari_icseg.project.project import Project
from napari_icseg.project.records import ObjectSource
from tests.napari_icseg.project.conftest import square

with Project.open(sys.argv[1]) as project:
    size = project.file.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300_000, resource.RLIM_INFINITY))
    accepted = 0
    try:
        while True:
            project.add_object(1, 1, square(accepted % 20, 0), ObjectSource.MANUAL)
            accepted += 1
    except ProjectWriteError as error:
        message = str(error)
    assert len(project.objects(1)) == accepted
    assert project.image(1).num_objects == accepted
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    project.add_object(1, 1, square(0, 0), ObjectSource.MANUAL)
    project.undo()
    project.check()
print(accepted)
print(message)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are POSIX")
def test_a_file_that_may_not_grow_loses_nothing_and_work_goes_on_afterwards(
    project: Project,
) -> None:
    project.close()
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(project.file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    accepted, message = done.stdout.splitlines()
    assert int(accepted) > 3
    assert "was not saved" in message
    assert "Everything accepted before is safe" in message
    with Project.open(project.file) as reopened:
        assert len(reopened.objects(1)) == int(accepted)


def add_for_ever(project: Project) -> None:
    for number in itertools.count():
        project.add_object(1, 1, square(number % 20, 0), ObjectSource.MANUAL)


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root on Linux may mount a small file system")
    return folder


def test_a_full_disk_loses_nothing_and_says_what_to_do(project: Project, small_disk: Path) -> None:
    try:
        project.close()
        path = small_disk / "p.icseg"
        shutil.copy(project.file, path)
        with Project.open(path) as opened:
            with pytest.raises(ProjectWriteError, match=r"disk is full. Free some space"):
                add_for_ever(opened)
            accepted = len(opened.objects(1))
            assert accepted > 3
            assert opened.image(1).num_objects == accepted
            assert len(opened.history(10_000)) == accepted + 1
        with ProjectSnapshot.open(path) as view:
            assert len(view.objects(1)) == accepted
    finally:
        subprocess.run(["umount", "-l", str(small_disk)], check=True)


def test_a_project_cannot_be_created_on_a_full_disk_and_leaves_nothing(small_disk: Path) -> None:
    try:
        (small_disk / "filler").write_bytes(bytes(580_000))
        with pytest.raises(Exception, match=r"full|space"):
            Project.create(small_disk / "p.icseg")
        assert not (small_disk / "p.icseg").exists()
    finally:
        subprocess.run(["umount", "-l", str(small_disk)], check=True)


def test_labels_still_in_the_log_of_a_read_only_copy_are_not_silently_left_out(
    project: Project, folder: Path
) -> None:
    project.add_object(1, 1, square(0, 0), ObjectSource.MANUAL)
    copy = folder / "copy"
    copy.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{project.file}{suffix}", copy)
    copy.chmod(0o555)
    try:
        with as_ordinary_user(copy), pytest.raises(ProjectError, match=r"p\.icseg-wal"):
            ProjectSnapshot.open(copy / "p.icseg")
    finally:
        copy.chmod(0o755)
    with Project.open(copy / "p.icseg") as opened:
        assert len(opened.objects(1)) == 1
