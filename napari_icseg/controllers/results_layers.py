"""A model on the image: a layer of colours, and marked errors above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_icseg.controllers.error_pane import ErrorPane
from napari_icseg.controllers.layer_data import put
from napari_icseg.controllers.layer_stack import move_below
from napari_icseg.controllers.layers import CANDIDATE, OBJECTS, PROMPTS
from napari_icseg.controllers.napari_window import camera_of, canvas_of
from napari_icseg.controllers.proposal_paint import coarse_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from trainers.metrics.error_places import ErrorPlace

RESULT = "model"
SEEN_PX = 64.0
"""Image pixels to each side of an error that is gone to."""


def middle_for(place: ErrorPlace, shape_hw: tuple[int, int]) -> tuple[float, float]:
    """Return where to look (row, col) to see a place with as much of the image as possible."""
    row, col = (
        min(max(float(at), min(SEEN_PX, side / 2)), max(side - SEEN_PX, side / 2))
        for at, side in zip((place.row, place.col), shape_hw, strict=True)
    )
    return row, col


class ResultLayers:
    """Makes the layers when they are first needed; labels are hidden below their differences."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._picture: Any = None
        self.marks = ErrorPane(viewer)
        self._covered: Any = None
        self._is_covering = False

    def show(
        self,
        pixels: NDArray[np.uint8],
        shape_hw: tuple[int, int],
        places: Sequence[ErrorPlace],
        *,
        covers_labels: bool,
    ) -> None:
        """Show RGBA uint8 (h, w, 4) over the image, with marks at the places.

        Args:
            pixels: of the image's `coarse_frame`.
            shape_hw: of the image.
            places: what to mark.
            covers_labels: hide the labels when this begins; shown again by hand they stay so.

        """
        frame = coarse_frame(shape_hw)
        active = self._viewer.layers.selection.active
        if not self._is_here(self._picture):
            self._picture = self._viewer.add_image(
                pixels, rgb=True, name=RESULT, scale=frame.scale, translate=frame.translate
            )
            self._picture.interpolation2d = "nearest"
            move_below(self._viewer.layers, self._picture, (CANDIDATE, PROMPTS))
        else:
            put(self._picture, pixels, frame, is_shared=True, unmeasured_by=self._viewer)
            if not self._picture.visible:
                self._picture.visible = True
        self.marks.show(places)
        self._cover_labels(covers_labels=covers_labels)
        # the user's tools stay on the layer on which they were
        if active is not None and active in self._viewer.layers:
            self._viewer.layers.selection.active = active

    def hide(self) -> None:
        """Show the image without a model, and the labels again."""
        if self._is_here(self._picture) and self._picture.visible:
            self._picture.visible = False
        self.marks.show(())
        self._cover_labels(covers_labels=False)

    def close(self) -> None:
        """Take everything off the canvas."""
        self.hide()
        self.marks.close()
        if self._is_here(self._picture):
            self._viewer.layers.remove(self._picture)
        self._picture = None

    def look_at(self, row: float, col: float) -> None:
        """Move and zoom the canvas to a place."""
        camera, canvas = camera_of(self._viewer), canvas_of(self._viewer)
        camera.center = (0.0, row, col)
        camera.zoom = max(camera.zoom, min(canvas.width(), canvas.height()) / (2 * SEEN_PX))

    def _cover_labels(self, *, covers_labels: bool) -> None:
        """Hide the labels, or show them again if it was here that they were hidden."""
        if covers_labels == self._is_covering:
            return
        self._is_covering = covers_labels
        if not covers_labels:
            if self._is_here(self._covered):
                self._covered.visible = True
            self._covered = None
        elif OBJECTS in self._viewer.layers and self._viewer.layers[OBJECTS].visible:
            self._covered = self._viewer.layers[OBJECTS]
            self._covered.visible = False

    def _is_here(self, layer: Any) -> bool:
        return layer is not None and layer in self._viewer.layers
