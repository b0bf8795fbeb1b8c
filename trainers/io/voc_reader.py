"""Pascal-VOC masks: colours of a fixed table stand for classes and for objects.

The table gives index i the colour whose bits are those of i, spread over red, green and blue
(VOC development kit, VOClabelcolormap), so that every index up to 2^24 has its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.errors import DataError
from trainers.io.masks import check_fits
from trainers.io.raster import read_raster, read_size
from trainers.io.text_file import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from trainers.io.palette import Rgb

CLASS_DIR, OBJECT_DIR = "SegmentationClass", "SegmentationObject"
LABELMAP_NAME = "labelmap.txt"
VOID = 255
"""The index of borders and of pixels that nobody labelled, in VOC's own files."""
_BACKGROUND = "background"
_MAX_LABELS = 1 << 12


def index_of_color(colors: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the index of each VOC colour; `colors` is uint8 (..., 3), red, green, blue."""
    wide = colors.astype(np.int64)
    index = np.zeros(wide.shape[:-1], dtype=np.int64)
    for bit in range(8):
        for channel in range(3):
            index |= ((wide[..., channel] >> (7 - bit)) & 1) << (3 * bit + channel)
    return index


def color_of_index(index: int) -> Rgb:
    """Return the VOC colour of an index, 0 <= index < 2^24."""
    values = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            values[channel] |= ((index >> (3 * bit + channel)) & 1) << (7 - bit)
    return values[0], values[1], values[2]


def parse_labelmap(text: str, where: str) -> dict[Rgb, str]:
    """Return the name of each colour of a labelmap.txt, without the background.

    A line is `name:red,green,blue:parts:actions`; without a colour the label has that of its
    place in the file.

    Raises:
        DataError: a broken line; the message names `where` and the line.

    """
    names: dict[Rgb, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, rest = line.partition(":")
        place = f"{where}, line {number}"
        color = _color(rest.split(":")[0].strip(), len(names), place)
        if not name.strip() or color in names or name.strip() in names.values():
            raise DataError(f"{place}: expected a new name and a new colour, got {line[:60]!r}.")
        names[color] = name.strip()
        if len(names) > _MAX_LABELS:
            raise DataError(f"{where}: more than {_MAX_LABELS} labels.")
    return {color: name for color, name in names.items() if name.casefold() != _BACKGROUND}


def read_labelmap(folder: Path) -> dict[Rgb, str]:
    """Return the labels of a data set's labelmap.txt; empty if it has none."""
    path = folder / LABELMAP_NAME
    if not path.is_file():
        return {}
    return parse_labelmap(read_text(path), str(path))


def read_indices(path: Path, shape_hw: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Return the VOC index of each pixel of a mask file, ints (H, W); void pixels are 0.

    Raises:
        DataError: unreadable, lossy, or of another size than `shape_hw`.

    """
    check_fits(path, read_size(path), shape_hw)
    decoded = read_raster(path)
    if decoded.lossy:
        raise DataError(f"Cannot use {path} as a mask: JPEG changes the colours. Save it as PNG.")
    pixels = decoded.pixels
    if pixels.ndim == 3:
        if pixels.dtype != np.uint8:
            raise DataError(f"Cannot use {path} as a mask: expected colours of 8 bits.")
        indices = index_of_color(pixels)
    else:
        indices = pixels.astype(np.int64)
    return np.where(indices == VOID, 0, indices)


def class_names_of(
    indices: npt.NDArray[np.int64], labels: Mapping[Rgb, str], path: Path
) -> dict[int, str]:
    """Return the class name of each index in a class mask, by the labelmap if there is one.

    Raises:
        DataError: a colour that the labelmap does not name, or far too many classes.

    """
    present = [int(value) for value in np.unique(indices) if value > 0]
    if not labels:
        if len(present) > VOID:
            raise DataError(
                f"{path} has {len(present)} colours: expected one a class. Put a {LABELMAP_NAME} "
                f"beside {CLASS_DIR}, or import the masks as instances."
            )
        return {value: f"class {value}" for value in present}
    names = {int(index_of_color(np.array(color))): name for color, name in labels.items()}
    missing = [value for value in present if value not in names]
    if missing:
        raise DataError(
            f"{path} has the colour {color_of_index(missing[0])}, which {LABELMAP_NAME} does not "
            "name. Add its line there."
        )
    return {value: names[value] for value in present}


def _color(text: str, place_in_file: int, where: str) -> Rgb:
    if not text:
        return color_of_index(place_in_file)
    parts = text.split(",")
    if len(parts) != 3 or not all(
        part.strip().isascii()
        and part.strip().isdigit()
        and len(part.strip()) <= 3
        and int(part) <= 255
        for part in parts
    ):
        raise DataError(
            f"{where}: expected a colour red,green,blue of 0 to 255, got {text[:40]!r}."
        )
    red, green, blue = (int(part) for part in parts)
    return red, green, blue
