"""A model on the image: one layer of colours, and one of marked errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.controllers.layer_data import put
from napari_icseg.controllers.layers import CANDIDATE, OBJECTS, PROMPTS
from napari_icseg.controllers.napari_window import camera_of, canvas_of
from napari_icseg.controllers.proposal_paint import coarse_frame
from napari_icseg.widgets.error_marks import MARKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainers.metrics.error_places import ErrorPlace

RESULT, ERRORS = "model", "model errors"
MAX_MARKS = 300
"""More errors than anybody goes through one by one."""
_MARK_SHARE, _MIN_MARK_PX = 0.035, 8.0
"""Size of a mark, as a share of the image's longer side."""
SEEN_PX = 64.0
"""Image pixels to each side of an error that is gone to."""


class ResultLayers:
    """Makes the layers when they are first needed; labels are hidden below their differences."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._picture: Any = None
        self._marks: Any = None
        self._covered: Any = None

    def show(
        self, picture: NDArray[np.uint8], places: Sequence[ErrorPlace], *, covers_labels: bool
    ) -> None:
        """Show RGBA uint8 (H, W, 4) over the image, with marks at the places."""
        frame = coarse_frame((picture.shape[0], picture.shape[1]))
        middle = frame.step // 2
        pixels = np.ascontiguousarray(picture[middle :: frame.step, middle :: frame.step])
        active = self._viewer.layers.selection.active
        if not self._is_here(self._picture):
            self._picture = self._viewer.add_image(
                pixels, rgb=True, name=RESULT, scale=frame.scale, translate=frame.translate
            )
            self._picture.interpolation2d = "nearest"
            self._move_below_prompts(self._picture)
        else:
            put(self._picture, pixels, frame, is_shared=True)
            self._picture.visible = True
        self._show_marks(places, picture.shape[:2])
        self._cover_labels(covers_labels=covers_labels)
        # the user's tools stay on the layer on which they were
        if active is not None and active in self._viewer.layers:
            self._viewer.layers.selection.active = active

    def hide(self) -> None:
        """Take both layers out of the viewer, and show the labels again."""
        for layer in (self._picture, self._marks):
            if self._is_here(layer):
                self._viewer.layers.remove(layer)
        self._picture = self._marks = None
        self._cover_labels(covers_labels=False)

    def look_at(self, place: ErrorPlace) -> None:
        """Move and zoom the canvas to a place."""
        camera, canvas = camera_of(self._viewer), canvas_of(self._viewer)
        camera.center = (0.0, float(place.row), float(place.col))
        camera.zoom = max(camera.zoom, min(canvas.width(), canvas.height()) / (2 * SEEN_PX))

    def _show_marks(self, places: Sequence[ErrorPlace], shape_hw: tuple[int, ...]) -> None:
        if self._is_here(self._marks):
            self._viewer.layers.remove(self._marks)
        self._marks = None
        shown = tuple(places[:MAX_MARKS])
        if not shown:
            return
        colors = [MARKS[place.kind].color for place in shown]
        size = max(_MIN_MARK_PX, _MARK_SHARE * max(shape_hw))
        self._marks = self._viewer.add_points(
            np.array([(place.row, place.col) for place in shown], np.float64),
            name=ERRORS,
            size=size,
            face_color="transparent",
            border_color=colors,
            border_width=0.12,
            features={"letter": [MARKS[place.kind].letter for place in shown]},
            text={
                "string": "{letter}",
                "color": {"array": colors, "default": colors[0]},
                "size": 11,
                "anchor": "upper_right",
            },
        )
        self._marks.editable = False

    def _cover_labels(self, *, covers_labels: bool) -> None:
        """Hide the labels, or show them again if it was here that they were hidden."""
        if not covers_labels:
            if self._is_here(self._covered):
                self._covered.visible = True
            self._covered = None
        elif OBJECTS in self._viewer.layers and self._viewer.layers[OBJECTS].visible:
            self._covered = self._viewer.layers[OBJECTS]
            self._covered.visible = False

    def _move_below_prompts(self, layer: Any) -> None:
        layers = self._viewer.layers
        above = [layers.index(name) for name in (CANDIDATE, PROMPTS) if name in layers]
        if above and min(above) < layers.index(layer):
            layers.move(layers.index(layer), min(above))

    def _is_here(self, layer: Any) -> bool:
        return layer is not None and layer in self._viewer.layers
