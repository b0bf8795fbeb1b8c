"""The four layers of the click loop: image, objects, candidate, prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.napari_window import camera_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from numpy.typing import NDArray

    from napari_icseg.controllers.clicks import Click
    from napari_icseg.controllers.object_map import ObjectMap
    from napari_icseg.project.records import ClassRecord
    from trainers.io.rle import RleMask

IMAGE, OBJECTS, CANDIDATE, PROMPTS = "image", "objects", "candidate", "prompts"
FILL, EDGE, SELECTED = 1, 2, 3
CLICK_SIZE_PX = 13.0
"""Diameter of a click's mark on the screen."""
CANDIDATE_COLORS = {
    None: (0.0, 0.0, 0.0, 0.0),
    0: (0.0, 0.0, 0.0, 0.0),
    FILL: (0.0, 0.9, 1.0, 0.32),
    EDGE: (0.0, 1.0, 1.0, 1.0),
    SELECTED: (1.0, 1.0, 1.0, 1.0),
}
POSITIVE_COLOR, NEGATIVE_COLOR = (0.15, 0.9, 0.25, 1.0), (1.0, 0.2, 0.2, 1.0)


class ViewerLayers:
    """Makes the layers when they are needed, also again after the user removed one."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layers: dict[str, Any] = {}
        self._shape_hw: tuple[int, int] | None = None
        self._drawn: Box | None = None
        self._clicks: tuple[Click, ...] = ()
        camera_of(viewer).events.zoom.connect(self._on_camera_zoom)

    def get(self, name: str) -> Any | None:
        """The napari layer of a name, if it is in the viewer."""
        layer = self._layers.get(name)
        return layer if layer is not None and layer in self._viewer.layers else None

    def show_image(self, image: NDArray[Any], limits: tuple[float, float], name: str) -> None:
        """Shows an image.

        Args:
            image: uint8 or uint16 (H, W); the layer gets a copy.
            limits: grey values shown as black and white.
            name: stored with the layer, for the user.

        """
        layer = self.get(IMAGE)
        shape_hw = (image.shape[0], image.shape[1])
        if layer is None:
            options = {"contrast_limits": limits, "colormap": "gray"}
            layer = self._add(IMAGE, "add_image", image.copy(), **options)
        elif layer.data.shape == image.shape and layer.data.dtype == image.dtype:
            # to give a layer another array makes napari measure all layers anew
            layer.data[...] = image
            layer.refresh(extent=False)
        else:
            layer.data = image.copy()
        layer.contrast_limits_range = (0, np.iinfo(image.dtype).max)
        layer.contrast_limits = limits
        layer.metadata["path"] = name
        is_other_shape, self._shape_hw = shape_hw != self._shape_hw, shape_hw
        self._prepare_overlays()
        if is_other_shape:
            self._viewer.reset_view()

    def show_objects(self, objects: ObjectMap, classes: Sequence[ClassRecord]) -> Any:
        """Shows an object map, sharing its array with the layer; returns the layer."""
        layer = self.get(OBJECTS)
        if layer is None:
            layer = self._add(OBJECTS, "add_labels", objects.labels, opacity=0.5)
        elif layer.data is objects.labels:
            self.refresh_objects()
        else:
            layer.data = objects.labels
        colors = tuple(record.color for record in classes)
        if layer.metadata.get("class_colors") != colors:
            layer.metadata["class_colors"] = colors
            layer.colormap = _class_colormap(colors)
        return layer

    def refresh_objects(self) -> None:
        """Draws the objects layer again after its array was changed in place."""
        layer = self.get(OBJECTS)
        if layer is not None:
            layer.refresh(extent=False, thumbnail=False, highlight=False)

    def show_candidate(self, mask: RleMask | None) -> None:
        """Shows the candidate's fill and edge in place; None clears it."""
        self._show_overlay(mask, {FILL: FILL, EDGE: EDGE})

    def show_selection(self, mask: RleMask | None) -> None:
        """Outlines an accepted object in white, in the candidate's layer; None clears it."""
        self._show_overlay(mask, {FILL: 0, EDGE: SELECTED})

    def show_clicks(self, clicks: Sequence[Click]) -> None:
        """Shows the clicks: green disks and red crosses.

        Each property of a Points layer that is set costs milliseconds. A new point takes the
        layer's current ones by itself, so only they are set when one click was added.
        """
        if self.get(PROMPTS) is None and clicks:
            self._prepare_overlays()
        layer = self.get(PROMPTS)
        if layer is None:
            return
        old, self._clicks = self._clicks, tuple(clicks)
        if clicks:
            _take_as_current(layer, clicks[-1], CLICK_SIZE_PX / camera_of(self._viewer).zoom)
        layer.data = np.array([(c.row, c.col) for c in clicks], dtype=float).reshape(-1, 2)
        layer.selected_data = set()
        is_one_more = self._clicks[:-1] == old
        is_fewer = self._clicks == old[: len(self._clicks)]
        if not is_one_more and not is_fewer:
            layer.face_color = np.array([_color(click) for click in clicks])
            layer.symbol = [_symbol(click) for click in clicks]

    def activate_objects(self) -> None:
        """Makes the objects layer the active one, so that its brush is at hand."""
        layer = self.get(OBJECTS)
        if layer is not None:
            self._viewer.layers.selection.active = layer

    def set_visible(self, *, visible: bool) -> None:
        """Hides all layers of ours, for an image that cannot be read, or shows them again."""
        for name in self._layers:
            layer = self.get(name)
            # napari redraws a layer even if nothing changes
            if layer is not None and layer.visible != visible:
                layer.visible = visible

    def remove(self) -> None:
        """Takes all layers of ours out of the viewer."""
        for name in tuple(self._layers):
            layer = self.get(name)
            if layer is not None:
                self._viewer.layers.remove(layer)
        self._layers.clear()
        self._shape_hw = None

    def close(self) -> None:
        """Removes the layers and stops following the camera."""
        self.remove()
        camera_of(self._viewer).events.zoom.disconnect(self._on_camera_zoom)

    def to_rc(self, position: Sequence[float]) -> tuple[float, float] | None:
        """The image point (row, col) at world coordinates, also outside; None without an image.

        Integers are pixel centres.
        """
        layer = self.get(IMAGE)
        if layer is None or self._shape_hw is None:
            return None
        row, col = layer.world_to_data(position)[-2:]
        return float(row), float(col)

    def to_pixel(self, position: Sequence[float]) -> tuple[int, int] | None:
        """The image pixel (row, col) at world coordinates; None outside the image."""
        point_rc = self.to_rc(position)
        if point_rc is None or self._shape_hw is None:
            return None
        row, col = (int(np.floor(v + 0.5)) for v in point_rc)
        inside = 0 <= row < self._shape_hw[0] and 0 <= col < self._shape_hw[1]
        return (row, col) if inside else None

    def _on_camera_zoom(self, _event: object = None) -> None:
        """Keeps the clicks at one size on the screen, in small and in large images."""
        layer = self.get(PROMPTS)
        if layer is not None and len(layer.data):
            layer.size = CLICK_SIZE_PX / camera_of(self._viewer).zoom

    def _show_overlay(self, mask: RleMask | None, values: dict[int, int]) -> None:
        if self.get(CANDIDATE) is None and mask is not None:
            self._prepare_overlays()
        layer = self.get(CANDIDATE)
        if layer is None:
            return
        if self._drawn is not None:
            layer.data[self._drawn.slices] = 0
        self._drawn = None if mask is None else _draw_overlay(layer.data, mask, values)
        layer.refresh(extent=False, thumbnail=False, highlight=False)

    def _prepare_overlays(self) -> None:
        """Makes the layers of candidate and clicks now: the first click must not wait for it."""
        layer = self.get(CANDIDATE)
        if layer is None:
            self._add_candidate()
        elif layer.data.shape != self._shape_hw:
            layer.data, self._drawn = np.zeros(self._shape_hw or (1, 1), dtype=np.uint8), None
        if self.get(PROMPTS) is None:
            self._clicks = ()
            self._add(PROMPTS, "add_points", np.zeros((0, 2)))

    def _add_candidate(self) -> None:
        from napari.utils.colormaps import DirectLabelColormap

        self._drawn = None
        layer = self._add(
            CANDIDATE,
            "add_labels",
            np.zeros(self._shape_hw or (1, 1), dtype=np.uint8),
            colormap=DirectLabelColormap(color_dict=CANDIDATE_COLORS),
            opacity=1.0,
        )
        layer.editable = False

    def _add(self, name: str, method: str, data: NDArray[Any], **options: Any) -> Any:
        """Adds a layer at its place in the stack, without making it the active one."""
        active = self._viewer.layers.selection.active
        layer = getattr(self._viewer, method)(data, name=name, **options)
        self._layers[name] = layer
        order = [n for n in (IMAGE, OBJECTS, CANDIDATE, PROMPTS) if self.get(n)]
        below = [self._viewer.layers.index(self._layers[n]) for n in order[: order.index(name)]]
        self._viewer.layers.move(self._viewer.layers.index(layer), max(below, default=-1) + 1)
        if active is not None and active in self._viewer.layers:
            self._viewer.layers.selection.active = active
        return layer


def _draw_overlay(data: NDArray[np.uint8], mask: RleMask, values: dict[int, int]) -> Box:
    """Draws fill and edge of a mask with these values into data (H, W) and says where."""
    own = Box.of_mask(mask)
    box = own.clip((data.shape[0], data.shape[1]))
    crop = mask.crop()
    padded = np.pad(crop, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    drawn = np.where(crop, np.where(inner, values[FILL], values[EDGE]), 0)
    data[box.slices] = drawn[box.within(own)]
    return box


def _class_colormap(colors: tuple[str, ...]) -> Any:
    """Transparent for 0, then the class colours round and round, see `ObjectMap`."""
    from napari.utils.colormaps import CyclicLabelColormap
    from napari.utils.colormaps.standardize_color import transform_color

    rows = transform_color(list(colors) or ["#ffcc00"])
    return CyclicLabelColormap(colors=np.vstack([np.zeros((1, 4)), rows]))


def _take_as_current(layer: Any, click: Click, size: float) -> None:
    layer.current_face_color = _color(click)
    layer.current_border_color = (1.0, 1.0, 1.0, 1.0)
    layer.current_symbol = _symbol(click)
    layer.current_size = size


def _color(click: Click) -> tuple[float, float, float, float]:
    return POSITIVE_COLOR if click.is_positive else NEGATIVE_COLOR


def _symbol(click: Click) -> str:
    return "disc" if click.is_positive else "x"
