"""Mouse on the canvas: a click is a press and a release without movement; a drag still pans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.controllers.napari_window import camera_of, forget_native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import napari

    from napari_icseg.controllers.tools import DragTool, Tools

MAX_MOVE_PX = 4.0
"""Canvas pixels by which the mouse may tremble within a click."""
PAN_ZOOM = "pan_zoom"
LEFT, RIGHT = 1, 2


@dataclass(frozen=True, slots=True)
class CanvasClick:
    """Where and how the user clicked.

    Args:
        position: World coordinates, the displayed two last: (..., row, col).
        is_positive: Left button; the right one, or Alt with the left, is negative.
        selects: Ctrl was held: the click asks for the object below it.
        adds: Shift was held as well: it is added to those selected.

    """

    position: tuple[float, ...]
    is_positive: bool
    selects: bool
    adds: bool = False

    @property
    def drags_only(self) -> bool:
        """Whether only a drag means something: Shift without Ctrl."""
        return self.adds and not self.selects


class CanvasClicks:
    """Calls `on_click(CanvasClick)` for clicks while no layer tool (brush, ...) is active.

    With another tool in hand every press and drag goes to it; with the click tool, drags with
    a modifier go to the tool registered for it. `to_rc` turns world coordinates into image
    pixels (row, col), float, or None without an image.

    Presses that may become clicks are kept from vispy, and drags of them pan here: vispy draws
    the scene twice, to find out what was pressed and again as it was, before anything else can
    happen. Without a graphics card that takes longer than the model's answer.

    napari's zoom on a double click is off while this is connected: the second of two quick
    clicks must count as a click.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        on_click: Callable[[CanvasClick], None],
        *,
        tools: Tools,
        to_rc: Callable[[Sequence[float]], tuple[float, float] | None],
    ) -> None:
        self._viewer = viewer
        self._on_click = on_click
        self._tools = tools
        self._to_rc = to_rc
        self._last_xy: Any = None
        self._zoomers = [
            callback
            for callback in viewer.mouse_double_click_callbacks
            if getattr(callback, "__name__", "") == "double_click_to_zoom"
        ]
        for callback in self._zoomers:
            viewer.mouse_double_click_callbacks.remove(callback)
        self._own = (
            (viewer.mouse_drag_callbacks, self._on_viewer_drag),
            (viewer.mouse_double_click_callbacks, self._on_viewer_double_click),
            # after all others have seen the event
            (viewer.mouse_drag_callbacks, _forget_drag),
            (viewer.mouse_double_click_callbacks, _forget),
            (viewer.mouse_move_callbacks, _forget),
            (viewer.mouse_wheel_callbacks, _forget),
        )
        for callbacks, own in self._own:
            callbacks.append(own)

    def disconnect(self) -> None:
        """Gives the mouse back to napari."""
        for callbacks, own in self._own:
            if own in callbacks:
                callbacks.remove(own)
        self._viewer.mouse_double_click_callbacks.extend(self._zoomers)
        self._zoomers = []

    def _on_viewer_drag(self, _viewer: object, event: Any) -> Iterator[None]:
        if not self._counts(event):
            return
        event.handled = True
        if self._tools.in_hand is not None:
            yield from self._use_tool(self._tools.in_hand, event, _read(event), event.position)
            return
        click, start_xy, position = _read(event), np.array(event.pos), event.position
        tool = self._tools.for_drag(set(_names(event.modifiers)))
        last_xy, is_drag = start_xy, False
        yield
        while event.type == "mouse_move":
            is_drag = is_drag or _distance_px(event.pos, start_xy) > MAX_MOVE_PX
            if is_drag and tool is not None:
                yield from self._use_tool(tool, event, click, position)
                return
            if is_drag:
                last_xy = self._pan(last_xy, np.array(event.pos))
            event.handled = True
            yield
        event.handled = True
        # napari passes on only some moves: the last may not have come
        if is_drag or _distance_px(event.pos, start_xy) > MAX_MOVE_PX:
            self._pan(last_xy, np.array(event.pos))
        elif not click.drags_only:
            self._emit(click, start_xy)

    def _use_tool(
        self, tool: DragTool, event: Any, click: CanvasClick, start: Sequence[float]
    ) -> Iterator[None]:
        """Hands a drag that began at the world coordinates `start` to a tool."""
        start_rc = self._to_rc(start)
        if start_rc is None:
            return
        self._tools.is_dragging = True
        tool.begin(start_rc, is_positive=click.is_positive)
        if event.type == "mouse_press":
            yield
        last_rc = start_rc
        while event.type == "mouse_move":
            last_rc = self._to_rc(event.position) or last_rc
            tool.move(last_rc)
            event.handled = True
            yield
        event.handled = True
        self._tools.is_dragging = False
        tool.end(self._to_rc(event.position) or last_rc)

    def _pan(self, from_xy: Any, to_xy: Any) -> Any:
        """Moves the image with the mouse, in canvas pixels; returns where the mouse is now."""
        camera = camera_of(self._viewer)
        if camera.mouse_pan:
            x, y = (from_xy - to_xy)[:2] / camera.zoom
            depth, row, col = camera.center
            camera.center = (depth, row + y, col + x)
        return to_xy

    def _on_viewer_double_click(self, _viewer: object, event: Any) -> None:
        # Qt sends the second press of a quick pair only as a double click
        if not self._counts(event) or self._tools.in_hand is not None:
            return
        event.handled = True
        xy = np.array(event.pos)
        if self._last_xy is None or _distance_px(xy, self._last_xy) > MAX_MOVE_PX:
            self._emit(_read(event), xy)

    def _emit(self, click: CanvasClick, xy: Any) -> None:
        self._last_xy = xy
        self._on_click(click)

    def _counts(self, event: Any) -> bool:
        layer = self._viewer.layers.selection.active
        is_tool = layer is not None and str(layer.mode) != PAN_ZOOM
        held = set(_names(event.modifiers))
        return event.button in (LEFT, RIGHT) and not is_tool and "Meta" not in held


def _forget(_viewer: object, event: Any) -> None:
    forget_native(event)


def _forget_drag(_viewer: object, event: Any) -> Iterator[None]:
    forget_native(event)
    yield
    while event.type == "mouse_move":
        forget_native(event)
        yield
    forget_native(event)


def _read(event: Any) -> CanvasClick:
    held = set(_names(event.modifiers))
    return CanvasClick(
        position=tuple(float(value) for value in event.position),
        is_positive=event.button == LEFT and "Alt" not in held,
        selects="Control" in held,
        adds="Shift" in held,
    )


def _names(modifiers: Any) -> list[str]:
    return [str(getattr(modifier, "name", modifier)) for modifier in modifiers]


def _distance_px(a_xy: Any, b_xy: Any) -> float:
    return float(np.hypot(*(np.asarray(a_xy, dtype=float) - np.asarray(b_xy, dtype=float))[:2]))
