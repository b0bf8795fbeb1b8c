"""Two layers over an image under review: its uncertain pixels, and the last round's outlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.controllers.layer_data import put
from napari_icseg.controllers.layer_stack import move_below
from napari_icseg.controllers.layers import CANDIDATE, PROMPTS
from napari_icseg.controllers.proposal_paint import coarse_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_icseg.controllers.frames import Frame
    from napari_icseg.controllers.review_pictures import ReviewPicture

DOUBT, PREVIOUS = "uncertain", "last round"
DEFAULT_THRESHOLD = 0.2
SUREST_OF_DOUBT = 0.5
"""Between two classes no pixel can be doubted more."""
_PALE, _STRONG = (1.0, 0.35, 0.45, 0.35), (0.9, 0.0, 0.12, 0.95)
"""Red is no class's colour."""
_OUTLINE = (0.5, 1.0, 0.25, 1.0)
_CLEAR = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class ReviewLook:
    """What is shown: doubts from a threshold (0..1) on, and the last round's outlines."""

    shows_doubt: bool = True
    threshold: float = DEFAULT_THRESHOLD
    shows_previous: bool = False


class ReviewLayers:
    """Makes each layer when it is first shown, and keeps it for the next images."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layers: dict[str, Any] = {}
        self._drawn: dict[str, object] = {}
        self._look = ReviewLook()
        self._colored: float | None = None

    def get(self, name: str) -> Any | None:
        """The layer DOUBT or PREVIOUS, if it is in the viewer."""
        layer = self._layers.get(name)
        return layer if layer is not None and layer in self._viewer.layers else None

    def show(
        self, picture: ReviewPicture | None, shape_hw: tuple[int, int], look: ReviewLook
    ) -> None:
        """Show a picture of an image of that shape; None hides both layers."""
        self._look = look
        doubt = picture.doubt if picture is not None and look.shows_doubt else None
        outlines = picture.outlines if picture is not None and look.shows_previous else None
        frame = coarse_frame(shape_hw)
        self._draw(DOUBT, doubt, frame)
        self._draw(PREVIOUS, outlines, frame)
        if doubt is not None:
            self._color()

    def close(self) -> None:
        """Take both out of the viewer."""
        for name in (DOUBT, PREVIOUS):
            layer = self.get(name)
            if layer is not None:
                self._viewer.layers.remove(layer)
        self._layers.clear()
        self._drawn.clear()

    def _draw(self, name: str, pixels: NDArray[np.uint8] | None, frame: Frame) -> None:
        layer = self.get(name)
        if pixels is None:
            if layer is not None and layer.visible:
                layer.visible = False
            return
        if layer is None:
            layer = self._add(name, pixels, frame)
        elif self._drawn.get(name) is not pixels:
            put(layer, pixels, frame)
        self._drawn[name] = pixels
        if not layer.visible:
            layer.visible = True

    def _add(self, name: str, pixels: NDArray[np.uint8], frame: Frame) -> Any:
        viewer, active = self._viewer, self._viewer.layers.selection.active
        place = {"name": name, "scale": frame.scale, "translate": frame.translate}
        if name == DOUBT:
            self._colored = None
            layer = viewer.add_image(
                pixels.copy(), contrast_limits=(0, 255), blending="translucent", **place
            )
            layer.interpolation2d = "nearest"
        else:
            layer = viewer.add_labels(pixels.copy(), opacity=1.0, colormap=_outline_map(), **place)
            layer.editable = False
        self._layers[name] = layer
        # the user's tools stay on the layer on which they were
        viewer.layers.selection.active = active
        move_below(viewer.layers, layer, (CANDIDATE, PROMPTS))
        return layer

    def _color(self) -> None:
        """Draw no pixel anew for another threshold: only the colours change."""
        layer = self.get(DOUBT)
        if layer is not None and self._colored != self._look.threshold:
            self._colored = self._look.threshold
            layer.colormap = _doubt_map(self._look.threshold)


def doubt_colors(threshold: float) -> NDArray[np.float64]:
    """Return RGBA rows (256, 4), 0..1, of the doubts 0..255: clear below the threshold (0..1)."""
    doubts = np.arange(256) / 255.0
    share = np.clip((doubts - threshold) / max(SUREST_OF_DOUBT - threshold, 0.05), 0.0, 1.0)
    rows = np.outer(1.0 - share, _PALE) + np.outer(share, _STRONG)
    rows[doubts < threshold] = _CLEAR
    rows[0] = _CLEAR
    return rows


def _doubt_map(threshold: float) -> Any:
    from napari.utils.colormaps import Colormap

    return Colormap(doubt_colors(threshold), name=f"uncertain {threshold:.2f}")


def _outline_map() -> Any:
    from napari.utils.colormaps import DirectLabelColormap

    return DirectLabelColormap(color_dict={None: _CLEAR, 0: _CLEAR, 1: _OUTLINE})
