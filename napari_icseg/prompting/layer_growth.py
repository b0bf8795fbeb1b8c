"""Carrying a layer from window to window over a whole image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.prompting.growth import Growth
from napari_icseg.prompting.windows import WindowGrid

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_icseg.prompting.protocol import Embedding, PromptPredictor
    from napari_icseg.prompting.windowed import WindowedAnswer
    from napari_icseg.prompting.windows import Window

    Mask = NDArray[np.bool_]

MIN_LAYER_PX = 16
"""A layer with fewer pixels in sight of a window is not carried into it."""


class LayerGrowth(Growth):
    """Carries the layer from window to window, each asked once."""

    kind = "layer"
    # two classes overlap far less, one mistaken window must not turn the others round
    agreed_iou = 0.3

    def __init__(
        self,
        predictor: PromptPredictor,
        embedding_of: Callable[[Window], Embedding],
        answer: WindowedAnswer,
    ) -> None:
        windows = WindowGrid(answer.image_hw, predictor.input_size_px).windows
        self._in_sight = dict.fromkeys(windows, 0)
        """Of each window that is left, the pixels of the layer in it."""
        super().__init__(predictor, embedding_of, answer)

    def ask_next(self) -> bool:
        """Ask the window that sees most of the layer."""
        window = self._next_window()
        if window is None:
            return False
        everywhere = np.ones((window.height, window.width), dtype=np.bool_)
        self._take(window, self._ask_about(window, self._mask[window.slices], everywhere))
        return True

    def _is_open(self) -> bool:
        return self._next_window() is not None

    def _next_window(self) -> Window | None:
        in_sight = self._in_sight
        best = max(in_sight, key=lambda window: in_sight[window], default=None)
        return best if best is not None and in_sight[best] >= MIN_LAYER_PX else None

    def _take(self, window: Window, seen: Mask) -> None:
        super()._take(window, seen)
        self._in_sight.pop(window, None)
        for other in self._in_sight:
            if _meet(window, other):
                self._in_sight[other] = int(np.count_nonzero(self._mask[other.slices]))


def _meet(a: Window, b: Window) -> bool:
    """Return whether two windows share a pixel."""
    rows = a.top < b.top + b.height and b.top < a.top + a.height
    return rows and a.left < b.left + b.width and b.left < a.left + a.width
