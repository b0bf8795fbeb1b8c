"""The layers of the click loop: image, objects, candidate, prompts.

Of a large image they hold a `Frame`: what is on the screen and a margin, moved and scaled to
its place by the layers' `translate` and `scale`, so that world coordinates are always those of
the whole image. A fifth layer below them shows all of it coarsely.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_icseg.controllers.class_colors import class_colormap
from napari_icseg.controllers.click_marks import ClickMarks
from napari_icseg.controllers.frames import Frame
from napari_icseg.controllers.layer_data import add_image, follow_look, put, write_labels
from napari_icseg.controllers.layer_stack import LayerStack
from napari_icseg.controllers.notify import show_error
from napari_icseg.controllers.overlay import EDGE, FILL, SELECTED, Outlines, Overlay
from napari_icseg.controllers.session import session_of
from napari_icseg.controllers.window_view import WindowView
from trainers.io.lazy_image import LazyImage
from trainers.io.region_reader import ArrayReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import napari
    from numpy.typing import NDArray

    from napari_icseg.controllers.boxes import Box
    from napari_icseg.controllers.clicks import Click
    from napari_icseg.controllers.object_map import ObjectMap
    from napari_icseg.controllers.window_read import FrameContent
    from napari_icseg.project.records import ClassRecord
    from trainers.io.rle import RleMask

OVERVIEW, IMAGE, OBJECTS, CANDIDATE, PROMPTS = (
    "overview",
    "image",
    "objects",
    "candidate",
    "prompts",
)
WHOLE_PIXELS = 2048 * 2048
"""Of an image with more pixels the layers hold a part."""
OVERVIEW_SIDE_PX = 1024
"""Longest side of the layer below, at most."""
CANDIDATE_COLORS = {
    None: (0.0, 0.0, 0.0, 0.0),
    0: (0.0, 0.0, 0.0, 0.0),
    FILL: (0.0, 0.9, 1.0, 0.32),
    EDGE: (0.0, 1.0, 1.0, 1.0),
    SELECTED: (1.0, 1.0, 1.0, 1.0),
}


class ViewerLayers:
    """Makes the layers when they are needed, also again after the user removed one.

    Emits `framed(ObjectMap | None)` in the GUI thread after the layers of a large image took
    another frame; the map is what `draw_objects` made for it. Emits `rested((row, col))`, the
    image point in the middle, when the camera rests on a part of a large image.
    """

    framed = Signal(object)
    rested = Signal(object)

    def __init__(self, viewer: napari.Viewer, *, whole_pixels: int | None = None) -> None:
        self._viewer = viewer
        self._whole_pixels = WHOLE_PIXELS if whole_pixels is None else whole_pixels
        self._stack = LayerStack(viewer, (OVERVIEW, IMAGE, OBJECTS, CANDIDATE, PROMPTS))
        self._shape_hw: tuple[int, int] | None = None
        self._frame: Frame | None = None
        self._overlay: Overlay | Outlines | None = None
        self._drawn: Box | None = None
        self._marks = ClickMarks(viewer, lambda: self.get(PROMPTS))
        self._colors: tuple[str, ...] = ()
        self.num_shades = 1
        """Of each class's colour; see `set_shades`."""
        self._end_following: Callable[[], None] | None = None
        self._view = WindowView(
            viewer,
            session_of(viewer),
            show=self._show_content,
            fail=show_error,
            rest=self.rested.emit,
            is_busy=self._is_painting,
        )

    @property
    def frame(self) -> Frame | None:
        """The part of the image that the layers hold; None without an image."""
        return self._frame

    @property
    def is_windowed(self) -> bool:
        """Whether the layers hold only a part of the image, perhaps coarse."""
        return self._view.source is not None

    def get(self, name: str) -> Any | None:
        """The napari layer of a name, if it is in the viewer."""
        return self._stack.get(name)

    def show_image(
        self, image: NDArray[Any] | LazyImage, limits: tuple[float, float], name: str
    ) -> None:
        """Shows an image.

        Args:
            image: uint8 or uint16 (H, W); the layer gets a copy, of a large one of a part.
            limits: grey values shown as black and white.
            name: stored with the layer, for the user.

        """
        shape_hw = (image.shape[0], image.shape[1])
        is_large = isinstance(image, LazyImage) or image.size > self._whole_pixels
        self._view.end()
        if is_large:
            source = _as_source(image, name)
            self._frame = self._overview_frame(shape_hw)
            pixels = np.zeros(self._frame.shape_hw, image.dtype)
            self._put_overview(pixels, limits)
        else:
            assert not isinstance(image, LazyImage)
            self._end_look()
            self._stack.remove(OVERVIEW)
            pixels, self._frame = image, Frame.whole(shape_hw)
        layer = self.get(IMAGE) or add_image(self._stack.add, IMAGE, pixels, limits)
        put(layer, pixels, self._frame)
        layer.contrast_limits_range = (0, np.iinfo(image.dtype).max)
        layer.contrast_limits = limits
        layer.metadata["path"] = name
        is_other_shape, self._shape_hw = shape_hw != self._shape_hw, shape_hw
        self._prepare_overlays()
        if is_other_shape:
            self._viewer.reset_view()
        if is_large:
            self._follow_look()
            self._view.begin(source, self._overview_frame(shape_hw).step)

    def draw_objects(self, make: Callable[[Frame], ObjectMap]) -> None:
        """Says how to draw the objects in a frame of a large image.

        Args:
            make: called in a thread, for every frame from now on.

        """
        self._view.objects = make
        self._view.refresh()

    def set_filter(self, change: Callable[[NDArray[Any]], NDArray[Any]] | None) -> None:
        """Changes how the pixels of a large image look, for the view alone.

        Args:
            change: from pixels (h, w) to the same shape and type, called in a thread for
                every frame; None shows them as they are. Forgotten with the image.

        """
        self._view.filter = change
        self._view.refresh()

    def show_objects(self, objects: ObjectMap, classes: Sequence[ClassRecord]) -> Any:
        """Shows an object map, sharing its array with the layer; returns the layer."""
        layer = self.get(OBJECTS)
        if layer is None:
            layer = self._stack.add(OBJECTS, "add_labels", objects.labels, opacity=0.5)
        else:
            objects.adopt(layer.data)
        put(
            layer,
            objects.labels,
            objects.frame,
            is_shared=True,
            unmeasured_by=self._viewer if self.is_windowed else None,
        )
        self._colors = tuple(record.color for record in classes)
        self._color_objects()
        return layer

    def set_shades(self, num_shades: int) -> None:
        """Colours objects by class (1), or each in one of so many shades of its class."""
        self.num_shades = num_shades
        self._color_objects()

    def _color_objects(self) -> None:
        layer, wanted = self.get(OBJECTS), (self._colors, self.num_shades)
        if layer is not None and layer.metadata.get("colors") != wanted:
            layer.metadata["colors"] = wanted
            layer.colormap = class_colormap(self._colors, num_shades=self.num_shades)

    def refresh_objects(self) -> None:
        """Draws the objects layer again after its array was changed in place."""
        layer = self.get(OBJECTS)
        if layer is not None:
            layer.refresh(extent=False, thumbnail=False, highlight=False)

    def write_objects(self, box: Box, patch: NDArray[np.int32]) -> None:
        """Changes a box of the objects layer's array, int32 (h, w), and draws only that."""
        layer = self.get(OBJECTS)
        if layer is not None:
            write_labels(layer, box, patch)

    def show_candidate(self, mask: RleMask | None) -> None:
        """Shows the candidate's fill and edge in place; None clears it."""
        self._show_overlay(None if mask is None else Overlay(mask, FILL, EDGE))

    def show_selection(self, masks: Sequence[RleMask]) -> None:
        """Outlines accepted objects in white, in the candidate's layer; none clears it."""
        self._show_overlay(Outlines(tuple(masks), SELECTED) if masks else None)

    def show_clicks(self, clicks: Sequence[Click]) -> None:
        """Shows the clicks: green disks and red crosses."""
        if self.get(PROMPTS) is None and clicks:
            self._prepare_overlays()
        self._marks.show(clicks)

    def activate_objects(self) -> None:
        """Makes the objects layer the active one, so that its brush is at hand."""
        self._stack.activate(OBJECTS)

    def set_visible(self, *, visible: bool) -> None:
        """Hides all layers of ours, for an image that cannot be read, or shows them again."""
        self._stack.set_visible(visible=visible)

    def remove(self) -> None:
        """Takes all layers of ours out of the viewer."""
        self._view.end()
        self._end_look()
        self._stack.clear()
        self._shape_hw = self._frame = self._overlay = self._drawn = None

    def close(self) -> None:
        """Removes the layers and stops following the camera."""
        self.remove()
        self._view.close()
        self._marks.close()

    def to_rc(self, position: Sequence[float]) -> tuple[float, float] | None:
        """The image point (row, col) at world coordinates, also outside; None without an image.

        Integers are pixel centres.
        """
        layer = self.get(IMAGE)
        if layer is None or self._frame is None:
            return None
        row, col = layer.world_to_data(position)[-2:]
        return self._frame.to_image(float(row), float(col))

    def to_pixel(self, position: Sequence[float]) -> tuple[int, int] | None:
        """The image pixel (row, col) at world coordinates; None outside the image."""
        point_rc = self.to_rc(position)
        if point_rc is None or self._shape_hw is None:
            return None
        row, col = (int(np.floor(v + 0.5)) for v in point_rc)
        inside = 0 <= row < self._shape_hw[0] and 0 <= col < self._shape_hw[1]
        return (row, col) if inside else None

    # large images ---------------------------------------------------------------------------

    def _show_content(self, content: FrameContent) -> None:
        """Takes a frame that was read; what the user sees stays where it is."""
        layer = self.get(IMAGE)
        if layer is None:
            return
        self._frame = content.frame
        put(layer, content.pixels, content.frame, unmeasured_by=self._viewer)
        self._update_overview(content)
        self._place_overlay(content.overlay)
        self.framed.emit(content.objects)

    def _overview_frame(self, shape_hw: tuple[int, int]) -> Frame:
        step = 1
        while max(shape_hw) / step > OVERVIEW_SIDE_PX:
            step *= 2
        return Frame(Frame.whole(shape_hw).box, step)

    def _put_overview(self, pixels: NDArray[Any], limits: tuple[float, float]) -> None:
        assert self._frame is not None
        layer = self.get(OVERVIEW) or add_image(self._stack.add, OVERVIEW, pixels, limits)
        layer.mouse_pan = True
        put(layer, pixels, self._frame)

    def _update_overview(self, content: FrameContent) -> None:
        """Takes the first pixels that show the whole image for the layer below."""
        layer, source = self.get(OVERVIEW), self._view.source
        if layer is None or source is None or content.overview is None:
            return
        layer.data[...] = content.overview
        layer.refresh(extent=False, thumbnail=False, highlight=False)

    def _follow_look(self) -> None:
        if self._end_following is None:
            self._end_following = follow_look(self.get(OVERVIEW), self.get(IMAGE))

    def _end_look(self) -> None:
        if self._end_following is not None:
            self._end_following()
            self._end_following = None

    def _is_painting(self) -> bool:
        """Whether the mouse is drawing on the objects layer."""
        layer = self.get(OBJECTS)
        is_pressed = QApplication.mouseButtons() != Qt.MouseButton.NoButton
        return is_pressed and layer is not None and str(layer.mode) != "pan_zoom"

    # the candidate's layer ------------------------------------------------------------------

    def _show_overlay(self, overlay: Overlay | Outlines | None) -> None:
        self._overlay = overlay
        if self.get(CANDIDATE) is None and overlay is not None:
            self._prepare_overlays()
        is_slow = overlay is not None and self.is_windowed and not overlay.is_quick
        self._view.overlay = overlay.drawn if overlay is not None and is_slow else None
        if is_slow:
            self._view.refresh()
            return
        layer = self.get(CANDIDATE)
        if layer is None or self._frame is None:
            return
        if self._drawn is not None:
            layer.data[self._drawn.slices] = 0
        self._drawn = None if overlay is None else overlay.draw(layer.data, self._frame)
        layer.refresh(extent=False, thumbnail=False, highlight=False)

    def _place_overlay(self, drawn: NDArray[Any] | None) -> None:
        """Draws the candidate in a new frame, or takes what a thread has drawn."""
        if self.get(CANDIDATE) is None or self.get(PROMPTS) is None:
            self._prepare_overlays()
        layer, frame, overlay = self.get(CANDIDATE), self._frame, self._overlay
        if layer is None or frame is None:
            return
        data = np.zeros(frame.shape_hw, np.uint8) if drawn is None else drawn
        self._drawn = Frame.whole(frame.shape_hw).box
        if drawn is None and overlay is not None and overlay.is_quick:
            self._drawn = overlay.draw(data, frame)
        put(layer, data, frame, unmeasured_by=self._viewer if self.is_windowed else None)

    def _prepare_overlays(self) -> None:
        """Makes the layers of candidate and clicks now: the first click must not wait for it."""
        layer, frame = self.get(CANDIDATE), self._frame
        if frame is None:
            return
        if layer is None:
            self._add_candidate(frame)
        elif layer.data.shape != frame.shape_hw or tuple(layer.translate) != frame.translate:
            put(layer, np.zeros(frame.shape_hw, dtype=np.uint8), frame)
            self._drawn = None
        if self.get(PROMPTS) is None:
            self._marks.forget()
            self._stack.add(PROMPTS, "add_points", np.zeros((0, 2)))

    def _add_candidate(self, frame: Frame) -> None:
        from napari.utils.colormaps import DirectLabelColormap

        self._drawn = None
        layer = self._stack.add(
            CANDIDATE,
            "add_labels",
            np.zeros(frame.shape_hw, dtype=np.uint8),
            colormap=DirectLabelColormap(color_dict=CANDIDATE_COLORS),
            opacity=1.0,
            scale=frame.scale,
            translate=frame.translate,
        )
        layer.editable = False


def _as_source(image: NDArray[Any] | LazyImage, name: str) -> LazyImage:
    return image if isinstance(image, LazyImage) else LazyImage(ArrayReader(image), Path(name))
