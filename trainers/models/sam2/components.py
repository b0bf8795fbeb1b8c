"""Connected components under clicks: a layer's piece that a net click means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainers.metrics.clicks import Click

SNAP_RADIUS_PX = 6
"""A click this far beside a component still means it: people do not hit thin lines."""


def connected_net(layer: NDArray[np.bool_], clicks: Sequence[Click]) -> NDArray[np.bool_]:
    """Return the 8-connected pieces of a layer that the positive clicks mean.

    Args:
        layer: bool (H, W).
        clicks: a positive click keeps the component under it (or the nearest within
            6 px), a negative click drops the component exactly under it.

    Returns:
        bool (H, W); empty where no positive click is near the layer.
    """
    _, ids = cv2.connectedComponents(layer.astype(np.uint8), connectivity=8)
    kept = {_component_near(ids, click) for click in clicks if click.positive}
    dropped = {int(ids[click.y, click.x]) for click in clicks if not click.positive}
    return np.isin(ids, list(kept - dropped - {0}))


def _component_near(ids: NDArray[np.int32], click: Click) -> int:
    if ids[click.y, click.x]:
        return int(ids[click.y, click.x])
    top, left = max(click.y - SNAP_RADIUS_PX, 0), max(click.x - SNAP_RADIUS_PX, 0)
    window = ids[top : click.y + SNAP_RADIUS_PX + 1, left : click.x + SNAP_RADIUS_PX + 1]
    rows, cols = np.nonzero(window)
    if len(rows) == 0:
        return 0
    nearest = int(np.argmin((rows + top - click.y) ** 2 + (cols + left - click.x) ** 2))
    return int(window[rows[nearest], cols[nearest]])
