"""The colours of objects: those of their classes, or a shade of its own for each."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NUM_SHADES = 7
"""Objects that follow one another in a class get different ones, round and round."""
_HUE_STEP, _DARKEST = 0.11, 0.55


def class_colormap(colors: Sequence[str], *, num_shades: int = 1) -> Any:
    """Return napari's colormap for the label values of `ObjectMap`: transparent for 0.

    A value holds a running number and a class: with `num_shades` above 1 the number chooses the
    shade, with no work for any object.

    Args:
        colors: of the classes, "#rrggbb", in their order.
        num_shades: 1 colours by class.

    """
    from napari.utils.colormaps import CyclicLabelColormap

    rows = shades_of(colors or ["#ffcc00"], num_shades)
    return CyclicLabelColormap(colors=np.vstack([np.zeros((1, 4)), rows]))


def shades_of(colors: Sequence[str], num_shades: int) -> NDArray[np.float64]:
    """Return RGBA rows (num_shades * C, 4), 0..1: all classes in the first shade, then the next.

    The first shade is the class's own colour; the others differ in hue and brightness.
    """
    return np.array(
        [_shade(color, number, num_shades) for number in range(num_shades) for color in colors]
    )


def _shade(color: str, number: int, num_shades: int) -> tuple[float, float, float, float]:
    red, green, blue = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    if number == 0:
        return red, green, blue, 1.0
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    # neighbours in the row lie far apart in both
    turn = ((number * 3) % num_shades - num_shades // 2) * _HUE_STEP
    dim = 1.0 - (1.0 - _DARKEST) * ((number * 5) % num_shades) / num_shades
    return *colorsys.hsv_to_rgb((hue + turn) % 1.0, max(saturation, 0.45), value * dim), 1.0
