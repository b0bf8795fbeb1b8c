"""From the settings of the view to what a layer and the panel show; pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.project.view_edits import MAX_GAMMA, MIN_GAMMA, ViewSettings
from napari_icseg.widgets.view_panel import ShownView

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

_ROOM = 1.5
"""Limits can be moved beyond those an image is shown with at first, by this factor."""


def type_maximum(dtype: DTypeLike) -> float:
    """The largest grey value of uint8 or uint16."""
    return float(np.iinfo(np.dtype(dtype)).max)


def with_limits(view: ViewSettings, limits: tuple[float, float], dtype: DTypeLike) -> ViewSettings:
    """The settings with limits, low < high in grey values, that the user chose."""
    top = type_maximum(dtype)
    high = min(1.0, max(limits[1] / top, 1 / top))
    low = max(0.0, min(limits[0] / top, high - 1 / top))
    return replace(view, low=low, high=high, is_auto=False)


def with_gamma(view: ViewSettings, gamma: float) -> ViewSettings:
    """The settings with a gamma within its bounds; close to 1 it is 1."""
    gamma = 1.0 if abs(gamma - 1.0) < 0.03 else gamma
    return replace(view, gamma=min(MAX_GAMMA, max(MIN_GAMMA, gamma)))


def with_auto(view: ViewSettings, *, is_auto: bool) -> ViewSettings:
    """The settings with limits that follow each image, or with those of the beginning."""
    return replace(view, is_auto=is_auto, low=None, high=None)


def shown(
    view: ViewSettings,
    dtype: DTypeLike,
    first_limits: tuple[float, float],
    auto_limits: tuple[float, float] | None,
) -> ShownView:
    """What is shown of an image.

    Args:
        view: The settings.
        dtype: The image's type, uint8 or uint16.
        first_limits: The grey values that it is shown with at first.
        auto_limits: Those measured in it; None while they are not known.

    """
    top = type_maximum(dtype)
    limits = first_limits
    if view.is_auto:
        limits = auto_limits or first_limits
    elif view.low is not None and view.high is not None:
        limits = (view.low * top, view.high * top)
    most = top if top <= 255 else min(top, _ROOM * max(first_limits[1], limits[1]))
    return ShownView(
        limits=limits,
        range=(0.0, most),
        gamma=view.gamma,
        denoise=view.denoise,
        is_auto=view.is_auto,
        is_inverted=view.is_inverted,
    )
