"""How the image is shown: settings for each image or for all, kept in the project.

Only the image layer changes, which has a copy of the pixels: the models, and whatever is
saved, always get the image as it is in its file.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer

from napari_icseg.controllers import view_state
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.hints import Hint
from napari_icseg.controllers.layers import IMAGE
from napari_icseg.controllers.notify import errors_shown, show_error
from napari_icseg.controllers.view_filters import auto_limits, denoise
from napari_icseg.project.view_edits import ViewSettings
from napari_icseg.widgets.fold import Fold
from napari_icseg.widgets.labelling_dock import Slot
from napari_icseg.widgets.view_panel import ViewPanel

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_icseg.controllers.desk import Desk
    from napari_icseg.controllers.image_loader import LoadedImage
    from napari_icseg.widgets.view_panel import ShownView

SAVE_DELAY_MS = 400
AFTER_OTHERS = -10
"""The controller shows the image first; then it gets its view."""
MAX_AT_ONCE_PIXELS = 1 << 20
"""The limits of a larger image are measured in the thread: that takes more than 2 ms."""


class ViewAdjust:
    """The fold "View" of the dock and the key I."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._session = desk.session
        self.panel = ViewPanel()
        self.fold = Fold("View", self.panel, tooltip="Contrast, gamma, denoising and inversion")
        self._background = Background(desk.session.gui, "view")
        self._loaded: LoadedImage | None = None
        self._view = ViewSettings()
        self._auto: tuple[float, float] | None = None
        self._denoised = 0
        """Strength of what the layer shows now."""
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_DELAY_MS)
        self._timer.timeout.connect(self._save)
        desk.dock.put(Slot.FOLDS, self.fold)
        self._connect()

    def actions(self) -> dict[str, Callable[[], object]]:
        """The actions of the key and the buttons."""
        return {
            "invert_view": lambda: self._change(
                replace(self._view, is_inverted=not self._view.is_inverted)
            ),
            "view_for_all": self._use_for_all,
            "reset_view": lambda: self._change(ViewSettings()),
        }

    def close(self) -> None:
        """Saves and stops listening."""
        self._leave()
        self._desk.images.leaving.disconnect(self._leave)
        self._desk.images.loaded.disconnect(self._on_images_loaded)
        self._session.closing.disconnect(self._leave)
        self._background.close()

    def _connect(self) -> None:
        desk, panel = self._desk, self.panel
        desk.images.leaving.connect(self._leave)
        desk.images.loaded.connect(self._on_images_loaded, priority=AFTER_OTHERS)
        self._session.closing.connect(self._leave)
        panel.action.connect(desk.dock.action)
        panel.limits_changed.connect(self._on_panel_limits_changed)
        panel.gamma_changed.connect(
            lambda gamma: self._change(view_state.with_gamma(self._view, gamma))
        )
        panel.denoise_changed.connect(
            lambda strength: self._change(replace(self._view, denoise=strength))
        )
        panel.auto_toggled.connect(
            lambda is_on: self._change(view_state.with_auto(self._view, is_auto=is_on))
        )

    # what comes and goes --------------------------------------------------------------------

    def _on_images_loaded(self, loaded: LoadedImage) -> None:
        project = self._session.project
        if project is None or loaded.pixels is None:
            self._loaded = None
            return
        self._loaded, self._auto, self._denoised = loaded, None, 0
        with errors_shown():
            self._view = project.view_of(loaded.image_id)
        self._apply()

    def _leave(self) -> None:
        if self._timer.isActive():
            self._save()
        self._loaded = None

    def _save(self) -> None:
        self._timer.stop()
        project, loaded = self._session.project, self._loaded
        if project is not None and loaded is not None:
            with errors_shown():
                project.set_view(loaded.image_id, self._view)

    # what the user does ---------------------------------------------------------------------

    def _on_panel_limits_changed(self, low: float, high: float) -> None:
        if self._loaded is not None and self._loaded.pixels is not None:
            dtype = self._loaded.pixels.dtype
            self._change(view_state.with_limits(self._view, (low, high), dtype))

    def _change(self, view: ViewSettings) -> None:
        if self._loaded is None:
            self._desk.loop.say(Hint("Choose an image first: each has its own view.", "warning"))
            self.panel.show_view(self._shown())
            return
        self._view = view
        self._apply()
        self._timer.start()

    def _use_for_all(self) -> None:
        project = self._session.project
        if project is None or self._loaded is None:
            return
        self._timer.stop()
        project.set_view_of_all(self._view)
        self._desk.loop.say(Hint("All images of the project are shown like this one now.", "done"))

    # what is seen ---------------------------------------------------------------------------

    def _shown(self) -> ShownView:
        loaded = self._loaded
        if loaded is None or loaded.pixels is None:
            return view_state.shown(ViewSettings(), np.uint8, (0.0, 255.0), None)
        return view_state.shown(self._view, loaded.pixels.dtype, loaded.limits, self._auto)

    def _apply(self) -> None:
        """Shows the settings in the panel and on the canvas; each property set costs a while."""
        loaded = self._loaded
        if loaded is None or loaded.pixels is None:
            return
        if self._view.is_auto and self._auto is None:
            self._measure(loaded)
        shown = self._shown()
        self.panel.show_view(shown)
        layer = self._desk.layers.get(IMAGE)
        if layer is None:
            return
        _set_if_other(layer, "contrast_limits_range", list(shown.range))
        _set_if_other(layer, "contrast_limits", list(shown.limits))
        _set_if_other(layer, "gamma", shown.gamma)
        colormap = "gray_r" if shown.is_inverted else "gray"
        if layer.colormap.name != colormap:
            layer.colormap = colormap
        if self._denoised != shown.denoise:
            self._denoise(loaded, shown.denoise)

    def _measure(self, loaded: LoadedImage) -> None:
        pixels = loaded.pixels
        assert pixels is not None
        if isinstance(pixels, np.ndarray) and pixels.size <= MAX_AT_ONCE_PIXELS:
            self._auto = auto_limits(pixels)
            return
        self._background.run(
            lambda: auto_limits(pixels) if self._loaded is loaded else None,
            lambda limits: self._on_limits_measured(loaded, limits),
            lambda error: show_error(str(error)),
        )

    def _on_limits_measured(self, loaded: LoadedImage, limits: tuple[float, float] | None) -> None:
        if self._loaded is loaded and limits is not None:
            self._auto = limits
            self._apply()

    def _denoise(self, loaded: LoadedImage, strength: int) -> None:
        """Filters in the thread; what is no longer wanted when its turn comes is left out.

        Of a large image the layer has a part, which is filtered whenever it is read.
        """
        pixels = loaded.pixels
        if self._desk.layers.is_windowed or not isinstance(pixels, np.ndarray):
            self._denoised = strength
            self._desk.layers.set_filter(partial(denoise, strength=strength) if strength else None)
            return

        def is_wanted() -> bool:
            return self._loaded is loaded and self._view.denoise == strength

        def show(filtered: NDArray[Any] | None) -> None:
            if filtered is not None and is_wanted():
                self._denoised = strength
                self._draw(filtered)

        if strength == 0:
            show(pixels)
            return
        self._background.run(
            lambda: denoise(pixels, strength) if is_wanted() else None,
            show,
            lambda error: show_error(str(error)),
        )

    def _draw(self, pixels: NDArray[Any]) -> None:
        layer = self._desk.layers.get(IMAGE)
        # the layer's array is its own copy: the image that the model has stays as it is
        if layer is not None and layer.data.shape == pixels.shape:
            layer.data[...] = pixels
            layer.refresh(extent=False, thumbnail=False, highlight=False)


def _set_if_other(layer: Any, name: str, value: Any) -> None:
    if getattr(layer, name) != value:
        setattr(layer, name, value)
