"""The marks of the clicks on the canvas: green disks and red crosses of one size on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.controllers.layer_data import take_as_current, unmeasured
from napari_icseg.controllers.napari_window import camera_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import napari

    from napari_icseg.controllers.clicks import Click

CLICK_SIZE_PX = 13.0
"""Diameter of a click's mark on the screen."""
POSITIVE_COLOR, NEGATIVE_COLOR = (0.15, 0.9, 0.25, 1.0), (1.0, 0.2, 0.2, 1.0)


class ClickMarks:
    """Draws the clicks in a Points layer with as few changes of its properties as possible."""

    def __init__(self, viewer: napari.Viewer, layer: Callable[[], Any | None]) -> None:
        self._viewer = viewer
        self._layer = layer
        self._clicks: tuple[Click, ...] = ()
        camera_of(viewer).events.zoom.connect(self._on_camera_zoom)

    def show(self, clicks: Sequence[Click]) -> None:
        """Shows these instead of the last ones, if there is a layer.

        Each property of a Points layer that is set costs milliseconds. A new point takes the
        layer's current ones by itself, so only they are set when one click was added.
        """
        layer = self._layer()
        if layer is None:
            return
        old, self._clicks = self._clicks, tuple(clicks)
        if clicks:
            size = CLICK_SIZE_PX / camera_of(self._viewer).zoom
            take_as_current(layer, _color(clicks[-1]), _symbol(clicks[-1]), size)
        with unmeasured(self._viewer, layer):
            layer.data = np.array([(c.row, c.col) for c in clicks], dtype=float).reshape(-1, 2)
        layer.selected_data = set()
        is_one_more = self._clicks[:-1] == old
        is_fewer = self._clicks == old[: len(self._clicks)]
        if not is_one_more and not is_fewer:
            layer.face_color = np.array([_color(click) for click in clicks])
            layer.symbol = [_symbol(click) for click in clicks]

    def forget(self) -> None:
        """The layer is a new one, without marks."""
        self._clicks = ()

    def close(self) -> None:
        """Stops following the camera."""
        camera_of(self._viewer).events.zoom.disconnect(self._on_camera_zoom)

    def _on_camera_zoom(self, _event: object = None) -> None:
        layer = self._layer()
        if layer is not None and len(layer.data):
            layer.size = CLICK_SIZE_PX / camera_of(self._viewer).zoom


def _color(click: Click) -> tuple[float, float, float, float]:
    return POSITIVE_COLOR if click.is_positive else NEGATIVE_COLOR


def _symbol(click: Click) -> str:
    return "disc" if click.is_positive else "x"
