"""LabelMe JSON files: one an image, with polygons, rectangles, circles and masks.

Coordinates are x, y in pixels; pixel (0, 0) covers 0..1. A mask has its box, both corners
included, and its pixels as a PNG in base64.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from PIL import Image

from trainers.errors import DataError
from trainers.io.rle import EmptyMaskError, RleMask, check_shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainers.io.runs import BoolArray

_MAX_NAME_CHARS = 200
_LINES = ("point", "points", "line", "linestrip")


@dataclass(frozen=True, slots=True)
class LabelmeShape:
    """A shape as a mask. Shapes of one label with the same `group_id` are one object."""

    label: str
    mask: RleMask
    group_id: int | str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LabelmeFile:
    """A decoded file; `shape_hw` is None where it does not say the image's size."""

    image_path: str
    shape_hw: tuple[int, int] | None
    entries: tuple[dict[str, Any], ...]
    attributes: Mapping[str, Any]


def is_labelme(data: bytes) -> bool:
    """Return whether a JSON file's bytes look like LabelMe's and not like COCO."""
    return b'"shapes"' in data and b'"annotations"' not in data


def parse_labelme(data: bytes) -> LabelmeFile:
    """Return a file's content without drawing its shapes.

    Raises:
        DataError: not JSON, or not LabelMe's.

    """
    try:
        content = json.loads(data.decode("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(f"it is not a JSON file ({error}).") from error
    shapes = content.get("shapes") if isinstance(content, dict) else None
    if not isinstance(shapes, list) or not all(isinstance(each, dict) for each in shapes):
        raise DataError("expected an object with a list of shapes, as LabelMe writes it.")
    path = content.get("imagePath")
    if path is not None and not isinstance(path, str):
        raise DataError(f"expected imagePath as a text, got {str(path)[:40]}.")
    shape_hw = _shape(content.get("imageHeight"), content.get("imageWidth"))
    known = {"shapes", "imageData", "version"}
    more = {key: value for key, value in content.items() if key not in known}
    return LabelmeFile(path or "", shape_hw, tuple(shapes), more)


def draw_shapes(
    file: LabelmeFile, shape_hw: tuple[int, int]
) -> tuple[tuple[LabelmeShape, ...], tuple[str, ...]]:
    """Return the shapes as masks in an image of `shape_hw`, and notes on what was left out.

    Raises:
        DataError: a broken shape, with its number in the list, from 1 on.

    """
    shapes: list[LabelmeShape] = []
    notes: list[str] = []
    for number, entry in enumerate(file.entries, start=1):
        try:
            shapes.append(_draw(entry, shape_hw))
        except EmptyMaskError as error:
            notes.append(f"shape {number} was left out: {error}")
        except DataError as error:
            raise DataError(f"shape {number}: {error}") from error
    return tuple(shapes), tuple(notes)


def _shape(height: Any, width: Any) -> tuple[int, int] | None:
    if height is None or width is None:
        return None
    check_shape((height, width))
    return int(height), int(width)


def _draw(entry: dict[str, Any], shape_hw: tuple[int, int]) -> LabelmeShape:
    label = entry.get("label")
    if not isinstance(label, str) or not label.strip() or len(label) > _MAX_NAME_CHARS:
        raise DataError(f"expected a label, got {str(label)[:40]!r}.")
    group = entry.get("group_id")
    if group is not None and (isinstance(group, bool) or not isinstance(group, int | str)):
        raise DataError(f"expected a group_id as a number, got {str(group)[:40]!r}.")
    kind = entry.get("shape_type") or "polygon"
    points = _points(entry.get("points"), shape_hw)
    if kind == "polygon":
        mask = _polygon(points, shape_hw)
    elif kind == "rectangle":
        mask = _rectangle(points, shape_hw)
    elif kind == "circle":
        mask = _circle(points, shape_hw)
    elif kind == "mask":
        mask = _mask(points, entry.get("mask"), shape_hw)
    elif kind in _LINES:
        raise EmptyMaskError(f"a {kind} has no pixels.")
    else:
        raise DataError(
            f"expected a polygon, rectangle, circle or mask, got {str(kind)[:40]!r}. "
            "Delete it, or draw it as a polygon."
        )
    return LabelmeShape(label.strip(), mask, group, entry)


def _points(value: Any, shape_hw: tuple[int, int]) -> list[tuple[float, float]]:
    if not isinstance(value, list):
        raise DataError("expected points, a list of [x, y].")
    limit = 4 * max(shape_hw)
    for point in value:
        if not isinstance(point, list) or len(point) != 2:
            raise DataError(f"expected points [x, y], got {str(point)[:40]}.")
        for number in point:
            if type(number) not in (int, float) or not abs(number) <= limit:
                raise DataError(
                    f"expected coordinates within {limit} pixels, got {str(number)[:40]}."
                )
    return [(float(x), float(y)) for x, y in value]


def _polygon(points: list[tuple[float, float]], shape_hw: tuple[int, int]) -> RleMask:
    if len(points) < 3:
        raise EmptyMaskError(f"a polygon of {len(points)} points has no pixels.")
    return RleMask.from_coco([[value for point in points for value in point]], shape_hw)


def _rectangle(points: list[tuple[float, float]], shape_hw: tuple[int, int]) -> RleMask:
    if len(points) not in (2, 4):
        raise DataError(f"expected two corners of a rectangle, got {len(points)}.")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return _polygon(corners, shape_hw)


def _circle(points: list[tuple[float, float]], shape_hw: tuple[int, int]) -> RleMask:
    if len(points) != 2:
        raise DataError(f"expected the centre of a circle and a point on it, got {len(points)}.")
    (x, y), (edge_x, edge_y) = points
    radius = math.hypot(edge_x - x, edge_y - y)
    top, bottom = max(math.floor(y - radius), 0), min(math.ceil(y + radius), shape_hw[0])
    left, right = max(math.floor(x - radius), 0), min(math.ceil(x + radius), shape_hw[1])
    if top >= bottom or left >= right:
        raise EmptyMaskError("the circle lies outside the image.")
    rows = np.arange(top, bottom)[:, None] + 0.5 - y
    cols = np.arange(left, right)[None, :] + 0.5 - x
    return RleMask.from_mask(rows**2 + cols**2 <= radius**2, (top, left))


def _mask(points: list[tuple[float, float]], data: Any, shape_hw: tuple[int, int]) -> RleMask:
    if len(points) != 2 or not isinstance(data, str):
        raise DataError("expected a mask with two corners and its pixels as a PNG in base64.")
    (left, top), (right, bottom) = ((round(x), round(y)) for x, y in points)
    height, width = bottom - top + 1, right - left + 1
    if min(left, top) < 0 or right >= shape_hw[1] or bottom >= shape_hw[0]:
        raise DataError("the mask reaches over the edge of its image.")
    pixels = _png(data, (height, width))
    return RleMask.from_mask(pixels, (top, left))


def _png(data: str, shape_hw: tuple[int, int]) -> BoolArray:
    try:
        with Image.open(io.BytesIO(base64.b64decode(data, validate=True)), formats=("PNG",)) as png:
            if (png.height, png.width) != shape_hw:
                raise DataError(
                    f"expected {shape_hw[1]} x {shape_hw[0]} pixels in the mask, as its corners "
                    f"say, got {png.width} x {png.height}."
                )
            pixels = np.asarray(png)
    except DataError:
        raise
    except binascii.Error as error:
        raise DataError(f"the mask is not base64 ({error}).") from error
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise DataError(f"the mask is no readable PNG ({error}).") from error
    if pixels.ndim == 3:
        pixels = pixels[..., 0]
    return np.asarray(pixels != 0)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
