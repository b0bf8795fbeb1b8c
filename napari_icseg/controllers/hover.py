"""The mask that a click would give, shown faintly where the mouse rests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication

from napari_icseg.controllers.canvas import PAN_ZOOM
from napari_icseg.controllers.mask_pane import MaskPane, picture_of
from napari_icseg.controllers.napari_window import camera_of
from napari_icseg.controllers.settings_store import user_settings
from napari_icseg.controllers.tools import CLICK
from napari_icseg.prompting.protocol import POSITIVE, Prompts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_icseg.controllers.clicks import ClickState
    from napari_icseg.controllers.desk import Desk
    from napari_icseg.controllers.mask_pane import MaskPicture
    from napari_icseg.prompting.requests import HoverResult
    from trainers.io.rle import RleMask

REST_MS = 120


class HoverPart:
    """One for a desk; see `desk.Part`. Emits `shown(mask)`, None when nothing is shown.

    It never costs a click anything: the worker answers only if it has nothing else to do, stops
    as soon as it has, and the picture lies over napari's canvas, which is not drawn anew.
    """

    shown = Signal(object)

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pane = MaskPane(desk.viewer)
        self._store = user_settings()
        self._pixel: tuple[int, int] | None = None
        self.mask: RleMask | None = None
        """What is shown."""
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self._on_timer_timeout)
        desk.viewer.mouse_move_callbacks.append(self._on_viewer_move)
        desk.viewer.mouse_drag_callbacks.insert(0, self._on_viewer_drag)
        for signal, handler in self._signals():
            signal.connect(handler)
        self._on_store_changed()

    def actions(self) -> Mapping[str, Callable[[], object]]:
        """H switches it on and off."""
        return {"hover": self.toggle}

    @property
    def is_on(self) -> bool:
        """Whether the user wants it."""
        return bool(self._store.value.hover_preview)

    def toggle(self) -> None:
        """On or off; remembered."""
        self._store.set(hover_preview=not self.is_on)

    def forget(self, _event: object = None) -> None:
        """Shows nothing and asks nothing until the mouse moves again."""
        self._stop()
        self._show(None, None)

    def _stop(self) -> None:
        self._timer.stop()
        if self._pixel is not None:
            self._desk.worker.hover(None)
        self._pixel = None

    def close(self) -> None:
        """Stops watching the mouse."""
        self.forget()
        for callbacks, own in (
            (self._desk.viewer.mouse_move_callbacks, self._on_viewer_move),
            (self._desk.viewer.mouse_drag_callbacks, self._on_viewer_drag),
        ):
            if own in callbacks:
                callbacks.remove(own)
        for signal, handler in self._signals():
            signal.disconnect(handler)
        self._pane.close()

    def _signals(self) -> Sequence[tuple[Any, Callable[..., None]]]:
        desk = self._desk
        return (
            (desk.loop.changed, self._on_loop_changed),
            (desk.tools.changed, self.forget),
            (desk.viewer.events.mouse_over_canvas, self._on_viewer_mouse_over_canvas),
            (camera_of(desk.viewer).events, self.forget),
            (desk.worker.hovered, self._on_worker_hovered),
            (desk.worker.embedded, self._on_worker_embedded),
            (self._store.changed, self._on_store_changed),
        )

    # where the mouse is -------------------------------------------------------------------------

    def _on_viewer_move(self, _viewer: object, event: Any) -> None:
        if not self._is_wanted():
            return
        pixel = self._desk.layers.to_pixel(event.position)
        if pixel is None:
            self.forget()
            return
        if self.mask is not None and not self.mask.contains(*pixel):
            self._show(None, None)
        if pixel != self._pixel:
            self._pixel = pixel
            self._timer.start()

    def _on_viewer_drag(self, _viewer: object, _event: object) -> None:
        self._stop()

    def _on_loop_changed(self, state: ClickState) -> None:
        """What is shown stays until the click's own mask takes its place, in one drawing."""
        if state.is_pending:
            self._stop()
        else:
            self.forget()

    def _on_viewer_mouse_over_canvas(self, _event: object = None) -> None:
        if not self._desk.viewer.mouse_over_canvas:
            self.forget()

    def _is_wanted(self) -> bool:
        desk = self._desk
        layer = desk.viewer.layers.selection.active
        return (
            self.is_on
            and desk.loop.image_id is not None
            and desk.loop.state.is_empty
            and not desk.loop.state.marks
            and desk.tools.current == CLICK
            and (layer is None or str(layer.mode) == PAN_ZOOM)
        )

    def _on_worker_embedded(self, _request: object) -> None:
        self._desk.session.gui.call(self._ask_again)

    def _ask_again(self) -> None:
        """Before the image was embedded there was no answer."""
        if self._pixel is not None and self.mask is None:
            self._timer.start()

    def _on_timer_timeout(self) -> None:
        """The mouse rests."""
        is_pressed = QApplication.mouseButtons() != Qt.MouseButton.NoButton
        if self._pixel is None or is_pressed or not self._is_wanted():
            return
        row, col = self._pixel
        point_xy = np.array([[col, row]], dtype=np.float32)
        self._desk.worker.hover(Prompts(point_xy, np.array([POSITIVE], dtype=np.int8)))

    # what a click would give there ----------------------------------------------------------------

    def _on_worker_hovered(self, result: HoverResult) -> None:
        mask = None if result.candidate is None else result.candidate.mask
        # made here, in the worker's thread
        picture = None if mask is None else picture_of(mask)
        self._desk.session.gui.call(lambda: self._take(result, mask, picture))

    def _take(self, result: HoverResult, mask: RleMask | None, picture: MaskPicture | None) -> None:
        point_xy = result.request.prompts.points_xy[0]
        asked = int(point_xy[1]), int(point_xy[0])
        is_stale = asked != self._pixel or result.request.image_id != self._desk.loop.image_id
        if not is_stale and self._is_wanted():
            self._show(mask, picture)

    def _show(self, mask: RleMask | None, picture: MaskPicture | None) -> None:
        if mask == self.mask:
            return
        self.mask = mask
        self._pane.show(picture)
        self.shown.emit(mask)

    def _on_store_changed(self, _settings: object = None) -> None:
        self._desk.dock.tool_bar.set_on("hover", on=self.is_on)
        if not self.is_on:
            self.forget()
