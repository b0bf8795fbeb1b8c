"""The manifest is valid and everything it names can be used."""

from __future__ import annotations

import subprocess
import sys

import pytest
from npe2 import PluginManifest


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_distribution("napari-icseg")


def test_npe2_finds_nothing_wrong():
    done = subprocess.run(
        [sys.executable, "-m", "npe2", "validate", "napari-icseg"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.gui
def test_every_command_can_be_imported(manifest, qapp):
    manifest.validate_imports()


def test_it_contributes_what_the_readme_promises(manifest):
    contributions = manifest.contributions
    docks = ["Labelling", "Training", "Rounds", "Review", "Map", "Results"]
    assert [w.display_name for w in contributions.widgets] == docks
    assert contributions.readers
    assert {e for w in contributions.writers for e in w.filename_extensions} == {".png", ".json"}
    assert {s.key for s in contributions.sample_data} == {"tile", "large"}
    # napari does not wire manifest key bindings: ours are bound at run time
    assert not contributions.keybindings
