"""napari with both docks: what `icseg label` and `icseg demo` show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = "napari-icseg"


def open_docks(viewer: Any) -> tuple[Any, Any]:
    """Adds the Labelling and the Training dock through the manifest, as napari's menu does.

    Returns the two dock widgets' contents; Labelling is in front.
    """
    dock, labelling = viewer.window.add_plugin_dock_widget(PLUGIN, "Labelling")
    _dock, training = viewer.window.add_plugin_dock_widget(PLUGIN, "Training", tabify=True)
    # napari raises a dock it has just tabbed; ours comes to the front after that
    QTimer.singleShot(0, dock.raise_)
    return labelling, training


def run_application(path: Path | None) -> None:
    """Opens napari on a folder or project and runs until the window is closed."""
    import napari

    # importing it later, in the worker, would stop the window for a moment
    import torch  # noqa: F401

    viewer = napari.Viewer(title="icseg")
    labelling, _training = open_docks(viewer)
    if path is not None:
        labelling.controller.projects.open(path)
    napari.run()
