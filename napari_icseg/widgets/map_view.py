"""What the map shows, and where a place of it lies on the screen; numbers only, no Qt.

Places are (x, y) in 0..1, as wide and as high as all images together; pixels are (x, y) of the
canvas.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

KINDS = ("unlabelled", "labelled", "blank", "in_progress", "waiting")
"""What is known of an image, in the order in which they are drawn: the last are on top."""
KIND_TEXT = {
    "unlabelled": "not labelled",
    "in_progress": "in progress",
    "labelled": "labelled",
    "blank": "blank",
    "waiting": "to review",
}
MAX_ZOOM = 400.0


@dataclass(frozen=True, eq=False)
class MapPoints:
    """The images on the map.

    Attributes:
        ids: int64 (N,).
        places: float32 (N, 2), x and y in 0..1.
        kinds: uint8 (N,), places in `KINDS`.

    """

    ids: npt.NDArray[np.int64]
    places: npt.NDArray[np.float32]
    kinds: npt.NDArray[np.uint8]

    def counts(self) -> dict[str, int]:
        """How many images there are of each kind."""
        found = np.bincount(self.kinds, minlength=len(KINDS))
        return {kind: int(num) for kind, num in zip(KINDS, found, strict=True)}


NO_POINTS = MapPoints(np.zeros(0, np.int64), np.zeros((0, 2), np.float32), np.zeros(0, np.uint8))


@dataclass(frozen=True, slots=True)
class Card:
    """What is said of the image under the mouse: its name, and further lines."""

    title: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MapWindow:
    """Which part of the map is seen: pixel = place · scale + offset, in x and in y.

    Attributes:
        size_px: width and height of the canvas.
        margin_px: around all places, when all are seen.
        zoom: 1 shows all.
        offset_px: where place (0, 0) is. It is limited so that the map fills the canvas.

    """

    size_px: tuple[int, int]
    margin_px: int = 14
    zoom: float = 1.0
    offset_px: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        sides = zip(self.size_px, self.scale_px, self.offset_px, strict=True)
        x, y = (
            min(self.margin_px, max(side - self.margin_px - scale, offset))
            for side, scale, offset in sides
        )
        object.__setattr__(self, "offset_px", (x, y))

    @property
    def scale_px(self) -> tuple[float, float]:
        """Width and height of all places."""
        width, height = (max(1.0, side - 2.0 * self.margin_px) for side in self.size_px)
        return width * self.zoom, height * self.zoom

    def to_px(self, places: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Where places (N, 2) are on the canvas, float64 (N, 2)."""
        return np.asarray(places * np.array(self.scale_px) + np.array(self.offset_px))

    def zoomed(self, factor: float, at_px: tuple[float, float]) -> MapWindow:
        """Nearer by a factor; what is under a pixel stays there as far as the limits let it."""
        zoom = min(MAX_ZOOM, max(1.0, self.zoom * factor))
        grown = zoom / self.zoom
        (x, y), (at_x, at_y) = self.offset_px, at_px
        offset = (at_x - (at_x - x) * grown, at_y - (at_y - y) * grown)
        return replace(self, zoom=zoom, offset_px=offset)

    def moved(self, dx_px: float, dy_px: float) -> MapWindow:
        """Shifted by so many pixels."""
        x, y = self.offset_px
        return replace(self, offset_px=(x + dx_px, y + dy_px))

    def resized(self, width_px: int, height_px: int) -> MapWindow:
        """For a canvas of another size: the place in its middle stays there."""
        other = replace(self, size_px=(width_px, height_px))
        offset = [
            new / 2 - (old / 2 - start) / scale * new_scale
            for new, old, start, scale, new_scale in zip(
                other.size_px,
                self.size_px,
                self.offset_px,
                self.scale_px,
                other.scale_px,
                strict=True,
            )
        ]
        return replace(other, offset_px=(offset[0], offset[1]))


def unit_places(places: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return places (N, 2) stretched to 0..1 in x and in y; where all are equal they get 0.5."""
    if not len(places):
        return np.zeros((0, 2), np.float32)
    low, size = places.min(axis=0), np.ptp(places, axis=0)
    unit = (places - low) / np.where(size > 0, size, 1.0)
    return np.asarray(np.where(size > 0, unit, 0.5), dtype=np.float32)


def nearest(
    places_px: npt.NDArray[np.float64], at_xy: tuple[float, float], reach_px: float
) -> int | None:
    """Return the number of the point nearest to a pixel, or None if none is within reach.

    Of points at the same distance it is the last: that one is drawn on top.
    """
    if not len(places_px):
        return None
    distances = np.hypot(*(places_px - np.array(at_xy)).T)
    found = len(distances) - 1 - int(np.argmin(distances[::-1]))
    return found if distances[found] <= reach_px else None
