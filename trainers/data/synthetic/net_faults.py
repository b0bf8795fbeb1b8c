"""Opens and shorts: a cut across a wire, a bridge between two nets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainers.data.synthetic.drawing import FRACTION_BITS, OVERSAMPLING, fixed

if TYPE_CHECKING:
    from trainers.data.synthetic.fields import IntImage, Rng
    from trainers.data.synthetic.raster import Canvas, Geometry

WIRE_HALF_WIDTH_MAX_PX = 16.0
BRIDGE_LENGTH_MAX_PX = 36.0


@dataclass(frozen=True)
class Trial:
    """A canvas with one fault more, and the ids of the nets or the via it concerns."""

    canvas: Canvas
    ids: tuple[int, ...]


def cut_net(rng: Rng, canvas: Canvas, geometry: Geometry, closed: np.ndarray) -> Trial | None:
    """Cut a wire across; None if no wire is narrow enough. closed: (H, W) bool, not to touch."""
    depth = geometry.metal_px
    ridge = (depth > 1.0) & (depth <= WIRE_HALF_WIDTH_MAX_PX) & ~closed
    ridge &= depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8)) - np.float32(0.25)
    ridge &= geometry.via_px < -6.0
    spot = pick(rng, ridge)
    if spot is None:
        return None
    half = float(depth[spot])
    gap = 3.0 + half * rng.uniform(0.2, 1.4)
    center = np.array([spot[1] + 0.5, spot[0] + 0.5])
    across = across_wire(depth, spot, int(half) + 3)
    shape = ragged_strip(rng, center, across, half + 2.5, gap)
    net = int(geometry.nets[spot])
    cut = paint(shape, canvas.metal.shape) & doubled(only_near(geometry.nets, net))
    return Trial(replace(canvas, metal=canvas.metal & ~cut), (net,))


def join_nets(rng: Rng, canvas: Canvas, geometry: Geometry, closed: np.ndarray) -> Trial | None:
    """Bridge two neighbouring nets with metal; None if no two are near enough."""
    distance, owner = nearest_net(geometry.nets)
    meets = np.zeros(owner.shape, bool)
    meets[:, :-1] |= owner[:, :-1] != owner[:, 1:]
    meets[:-1] |= owner[:-1] != owner[1:]
    spot = pick(rng, meets & (distance < 0.45 * BRIDGE_LENGTH_MAX_PX) & ~closed)
    if spot is None:
        return None
    ends = nearest_pixels(geometry.nets, spot, int(0.5 * BRIDGE_LENGTH_MAX_PX) + 3)
    if len(ends) < 2:
        return None
    (first, start), (second, stop) = ends[:2]
    length = float(np.hypot(*(stop - start)))
    ahead = (stop - start) / max(length, 1e-6)
    width = rng.uniform(3.0, 10.0)
    shape = ragged_strip(rng, (start + stop) / 2.0, ahead, length / 2.0 + 3.0, width)
    allowed = only_near(geometry.nets, first) | only_near(geometry.nets, second)
    free = doubled(allowed | (geometry.nets == 0))
    bridge = paint(shape, canvas.metal.shape) & free
    return Trial(replace(canvas, metal=canvas.metal | bridge), (first, second))


def pick(rng: Rng, allowed: np.ndarray) -> tuple[int, int] | None:
    """Return a random (row, col) of a mask (H, W); None if it is empty."""
    rows, cols = np.nonzero(allowed)
    if rows.size == 0:
        return None
    number = int(rng.integers(rows.size))
    return int(rows[number]), int(cols[number])


def across_wire(depth: np.ndarray, spot: tuple[int, int], reach_px: int) -> np.ndarray:
    """Return the unit vector (x, y) across the wire at `spot`, from how its depth changes."""
    (row, col), edge = spot, reach_px
    window = depth[max(row - edge, 0) : row + edge + 1, max(col - edge, 0) : col + edge + 1]
    dy, dx = (axis[window > 0] for axis in np.gradient(window))
    tensor = np.array([[dx @ dx, dx @ dy], [dx @ dy, dy @ dy]], float)
    return np.asarray(np.linalg.eigh(tensor)[1][:, 1], float)


def ragged_strip(
    rng: Rng, center: np.ndarray, ahead: np.ndarray, half_length_px: float, width_px: float
) -> np.ndarray:
    """Return the corners (18, 2) of a strip along `ahead` whose long sides are uneven."""
    aside = np.array([-ahead[1], ahead[0]])
    along = np.linspace(-half_length_px, half_length_px, 9)[:, None] * ahead + center
    sides = [
        along + sign * width_px * rng.uniform(0.4, 0.6, (9, 1)) * aside for sign in (1.0, -1.0)
    ]
    return np.concatenate([sides[0], sides[1][::-1]]).astype(np.float32)


def paint(shape: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Return the oversampled mask (2H, 2W) bool of a polygon (N, 2) in tile pixels."""
    canvas = np.zeros(size, np.uint8)
    cv2.fillPoly(canvas, [fixed(shape, OVERSAMPLING)], 1, shift=FRACTION_BITS)
    return canvas > 0


def doubled(mask: np.ndarray) -> np.ndarray:
    """Return a mask (H, W) at twice the resolution."""
    return mask.repeat(OVERSAMPLING, axis=0).repeat(OVERSAMPLING, axis=1)


def only_near(nets: IntImage, net: int) -> np.ndarray:
    """Return the pixels (H, W) bool within one pixel of a net and not within one of another."""
    kernel = np.ones((3, 3), np.uint8)
    own = cv2.dilate((nets == net).astype(np.uint8), kernel)
    other = cv2.dilate(((nets > 0) & (nets != net)).astype(np.uint8), kernel)
    return np.asarray((own > 0) & (other == 0))


def nearest_net(nets: IntImage) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance (H, W) float32 in pixels to the nearest net, and its id (int32)."""
    distance, index = cv2.distanceTransformWithLabels(
        (nets == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(index.max()) + 1, np.int32)
    table[index[nets > 0]] = nets[nets > 0]
    return np.asarray(distance), table[index]


def nearest_pixels(
    nets: IntImage, spot: tuple[int, int], reach_px: int
) -> list[tuple[int, np.ndarray]]:
    """Return (net, its pixel centre (x, y) nearest to `spot`), the nearest net first."""
    top, left = max(spot[0] - reach_px, 0), max(spot[1] - reach_px, 0)
    window = nets[top : spot[0] + reach_px + 1, left : spot[1] + reach_px + 1]
    rows, cols = np.nonzero(window)
    away = np.hypot(rows + top - spot[0], cols + left - spot[1])
    found: dict[int, np.ndarray] = {}
    for number in np.argsort(away, kind="stable").tolist():
        net = int(window[rows[number], cols[number]])
        if net not in found:
            found[net] = np.array([cols[number] + left + 0.5, rows[number] + top + 0.5])
    return list(found.items())
