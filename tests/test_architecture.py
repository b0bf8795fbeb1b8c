"""The rules of docs and design that no single module can keep alone."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "sam2", "napari", "qtpy", "cv2", "skimage", "scipy", "matplotlib", "numpy")


def test_imports_point_one_way():
    # in a process of its own: the linter's logging setup silences other loggers
    code = "import sys; from importlinter import cli; sys.exit(cli.lint_imports(no_cache=True))"
    linted = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("package", ["napari_icseg", "trainers"])
def test_importing_a_package_loads_nothing_heavy(package):
    code = f"import {package}, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["icseg", "trainers"])
def test_help_of_the_command_line_does_not_wait_for_torch(command):
    module = {"icseg": "napari_icseg.cli", "trainers": "trainers.cli"}[command]
    code = (
        f"import {module}, sys; print([m for m in ('torch', 'napari', 'cv2') if m in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


def test_files_stay_readable():
    """Style: files near 200 lines, split at 400."""
    sources = [
        p for package in ("napari_icseg", "trainers") for p in (ROOT / package).rglob("*.py")
    ]
    too_long = {p.name: n for p in sources if (n := len(p.read_text("utf-8").splitlines())) > 400}
    assert too_long == {}
