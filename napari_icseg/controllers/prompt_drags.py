"""Drags that prompt: a box around an object, a stroke along it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.sketch import NEGATIVE, NEUTRAL, POSITIVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.sketch import CanvasSketch

MIN_BOX_PX = 2.0
"""A smaller box, in image pixels, is a click."""


class BoxDrag:
    """Calls `on_box(box)` for a drag, `on_click(point_rc, is_positive)` for a press in place.

    The box is in whole pixels and may lie outside the image.
    """

    def __init__(
        self,
        sketch: CanvasSketch,
        on_box: Callable[[Box], None],
        on_click: Callable[[tuple[float, float], bool], None],
    ) -> None:
        self._sketch, self._on_box, self._on_click = sketch, on_box, on_click
        self._start: tuple[float, float] | None = None
        self._is_positive = True

    def begin(self, point_rc: tuple[float, float], *, is_positive: bool) -> None:
        """See `tools.DragTool`."""
        self._start, self._is_positive = point_rc, is_positive

    def move(self, point_rc: tuple[float, float]) -> None:
        """See `tools.DragTool`."""
        if self._start is not None:
            self._sketch.show_box(self._start, point_rc, color=NEUTRAL)

    def end(self, point_rc: tuple[float, float]) -> None:
        """See `tools.DragTool`."""
        start = self._start
        self.cancel()
        if start is None:
            return
        sides = np.abs(np.subtract(start, point_rc))
        if sides.max() < MIN_BOX_PX:
            self._on_click(start, self._is_positive)
        else:
            self._on_box(box_around(start, point_rc))

    def cancel(self) -> None:
        """See `tools.DragTool`."""
        if self._start is not None:
            self._sketch.clear()
        self._start = None


class StrokeDrag:
    """Calls `on_stroke(path_rc, is_positive)` for a drag or a press in place."""

    def __init__(
        self,
        sketch: CanvasSketch,
        on_stroke: Callable[[list[tuple[float, float]], bool], None],
    ) -> None:
        self._sketch, self._on_stroke = sketch, on_stroke
        self._path: list[tuple[float, float]] = []
        self._is_positive = True

    def begin(self, point_rc: tuple[float, float], *, is_positive: bool) -> None:
        """See `tools.DragTool`."""
        self._path, self._is_positive = [point_rc], is_positive

    def move(self, point_rc: tuple[float, float]) -> None:
        """See `tools.DragTool`."""
        if self._path:
            self._path.append(point_rc)
            self._sketch.show(self._path, color=POSITIVE if self._is_positive else NEGATIVE)

    def end(self, point_rc: tuple[float, float]) -> None:
        """See `tools.DragTool`."""
        path = self._path
        self.cancel()
        if path:
            self._on_stroke([*path, point_rc], self._is_positive)

    def cancel(self) -> None:
        """See `tools.DragTool`."""
        if self._path:
            self._sketch.clear()
        self._path = []


def box_around(a_rc: tuple[float, float], b_rc: tuple[float, float]) -> Box:
    """Return the pixels of the rectangle with two corners, at least one pixel."""
    corners = np.floor(np.array([a_rc, b_rc]) + 0.5).astype(int)
    (top, left), (bottom, right) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return Box(top, left, bottom + 1, right + 1)
