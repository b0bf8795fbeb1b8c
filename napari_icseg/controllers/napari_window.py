"""What of napari we need and reach in our own way: main window, canvas, camera.

napari has no public way to its two widgets; no other module reaches for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qtpy.QtWidgets import QMainWindow, QWidget


def canvas_of(viewer: Any) -> QWidget:
    """The widget that shows the layers and gets mouse and keys."""
    return viewer.window._qt_viewer.canvas.native  # noqa: SLF001


def main_window_of(viewer: Any) -> QMainWindow:
    """The viewer's window."""
    return viewer.window._qt_window  # noqa: SLF001


def forget_native(event: Any) -> None:
    """Lets a mouse event of napari go without Qt's.

    vispy keeps the last mouse events of a gesture for ever. With Qt's event in them, PyQt takes a
    later key event, for which Qt uses the same memory, for that mouse event: a key press is lost.
    """
    while hasattr(event, "__wrapped__"):
        event = event.__wrapped__
    if hasattr(event, "_native"):
        event._native = None  # noqa: SLF001


def camera_of(viewer: Any) -> Any:
    """The camera; napari moved it from the viewer to its scene in 0.9."""
    return getattr(viewer, "scene", viewer).camera
