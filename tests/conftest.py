"""What every test shares: nothing is read from or written to the user's own folders."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

_HOME = tempfile.TemporaryDirectory(prefix="icseg-tests-")

# before anything imports napari, Qt or torch
os.environ["NAPARI_CONFIG"] = str(Path(_HOME.name) / "napari-settings.yaml")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("QT_API", "pyqt6")


@pytest.fixture(autouse=True)
def _user_folders(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory):
    """Settings, caches and downloads go to a folder of the test's own."""
    home = tmp_path_factory.mktemp("home")
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))
    monkeypatch.setenv("LOCALAPPDATA", str(home))
    monkeypatch.setenv("APPDATA", str(home))
    # our settings lie beside napari's
    monkeypatch.setenv("NAPARI_CONFIG", str(home / "napari" / "settings.yaml"))
