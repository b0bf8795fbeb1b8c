"""YOLO-seg label files read strictly: every line is understood, or the file is refused.

A label file has one outline a line, `class x0 y0 x1 y1 ...`, each coordinate a fraction of the
image's width or height. Boxes (four values) and keypoints are no outlines and are refused:
a box would claim pixels that nobody labelled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainers.errors import DataError
from trainers.io.rle import EmptyMaskError, RleMask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

DATA_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
LABELS_DIR = "labels"
_SPLITS = {"train": "train", "val": "val", "valid": "val", "test": "test"}
_NUM_BOX_VALUES = 4
_MIN_VALUES = 6
_MAX_CLASS = 9999
_LOW, _HIGH = -0.5, 1.5
"""Outlines may reach a little over the edge; values far outside are pixels, not fractions."""
_MAX_YAML_BYTES = 1 << 16
_MAX_DEPTH = 30


@dataclass(frozen=True, slots=True)
class YoloObject:
    """An outline as a mask; `class_index` counts from 0."""

    class_index: int
    mask: RleMask


@dataclass(frozen=True, slots=True)
class YoloData:
    """What a data.yaml says: the names by index; nothing if there is none."""

    names: Mapping[int, str] = field(default_factory=dict)

    def name(self, index: int, where: str) -> str:
        """Return the name of a class; DataError if a data.yaml names others but not this."""
        if self.names and index not in self.names:
            raise DataError(
                f"{where}: class {index} is not among the names of the data.yaml (0 to "
                f"{max(self.names)}). Add its name there."
            )
        return self.names.get(index, f"class {index}")


def parse_yolo(
    text: str, shape_hw: tuple[int, int], where: str
) -> tuple[tuple[YoloObject, ...], tuple[str, ...]]:
    """Return the objects of a label file in an image of `shape_hw`, and notes on empty ones.

    Raises:
        DataError: a line that is no outline; the message names `where` and the line.

    """
    objects: list[YoloObject] = []
    notes: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        values = line.split()
        if not values:
            continue
        place = f"{where}, line {number}"
        try:
            objects.append(_object(values, shape_hw))
        except EmptyMaskError:
            notes.append(f"{place}: the outline is thinner than a pixel and was left out.")
        except DataError as error:
            raise DataError(f"{place}: {error}") from error
    return tuple(objects), tuple(notes)


def find_data_yaml(folder: Path) -> Path | None:
    """Return the data.yaml of a data set, if it has one."""
    return next((folder / name for name in DATA_NAMES if (folder / name).is_file()), None)


def read_data_yaml(path: Path) -> YoloData:
    """Return what a data.yaml says; only `names` is used, paths in it are never followed.

    Raises:
        DataError: not YAML, or names that are neither a list nor a map from numbers.

    """
    import yaml

    try:
        data = path.read_bytes()
        if len(data) > _MAX_YAML_BYTES:
            raise DataError(f"Cannot read {path}: a data.yaml has no {len(data)} bytes.")
        if _is_deep(data):  # the parser's time grows with the square of the depth
            raise DataError(f"Cannot read {path}: it is nested too deeply.")
        if b"&" in data and b"*" in data:  # names need none, and nested ones fill the memory
            raise DataError(f"Cannot read {path}: it has anchors (&, *). Write the names out.")
        # both are safe loaders; the one in C is ten times as fast, but not everywhere
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        content = yaml.load(data.decode("utf-8-sig"), Loader=loader)
        return YoloData(_names(content))
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error
    # a broken file leads the parser to any of these
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise DataError(f"Cannot read {path} as YAML: {_first_lines(error)}.") from error
    except RecursionError as error:
        raise DataError(f"Cannot read {path}: it is nested too deeply.") from error


def split_of(parts: Sequence[str]) -> str | None:
    """Return the split that a folder of a path (train, val, valid, test) names, if any."""
    return next((_SPLITS[part] for part in parts if part in _SPLITS), None)


def _object(values: list[str], shape_hw: tuple[int, int]) -> YoloObject:
    index = _class_index(values[0])
    coordinates = values[1:]
    if len(coordinates) == _NUM_BOX_VALUES:
        raise DataError(
            "it is a box (class and four values). Only outlines (YOLO-seg) can be imported: "
            "a box does not say which pixels belong to the object."
        )
    if len(coordinates) < _MIN_VALUES or len(coordinates) % 2:
        raise DataError(
            f"expected a class and at least three pairs x y, got {len(coordinates)} coordinates."
        )
    height, width = shape_hw
    sides = (width, height)
    outline = [_fraction(text) * sides[place % 2] for place, text in enumerate(coordinates)]
    return YoloObject(index, RleMask.from_coco([outline], shape_hw))


def _class_index(text: str) -> int:
    number = _number(text)
    if not number.is_integer() or not 0 <= number <= _MAX_CLASS:
        raise DataError(f"expected a class number from 0 on, got {text[:20]!r}.")
    return int(number)


def _fraction(text: str) -> float:
    value = _number(text)
    if not _LOW <= value <= _HIGH:
        raise DataError(
            f"expected fractions of the image's width and height, 0 to 1, got {text[:20]!r}. "
            "Divide pixel coordinates by the image's size."
        )
    return value


def _number(text: str) -> float:
    try:
        value = float(text) if text.isascii() and "_" not in text else float("nan")
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):  # also refuses nan
        raise DataError(f"expected a number, got {text[:20]!r}.")
    return value


def _is_deep(data: bytes) -> bool:
    """Return whether brackets, dashes or indents are nested far deeper than any data.yaml."""
    depth = deepest = 0
    for byte in data:
        depth += (byte in b"[{") - (byte in b"]}")
        deepest = max(deepest, depth)
    indents = (len(line) - len(line.lstrip(b" -?:\t")) for line in data.splitlines())
    return deepest > _MAX_DEPTH or max(indents, default=0) > 4 * _MAX_DEPTH


def _names(content: Any) -> dict[int, str]:
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise ValueError("expected `names:`, a list or a map from 0, 1, ... to names")
    found: dict[int, str] = {}
    for key, name in names.items():
        if type(key) is not int or not 0 <= key <= _MAX_CLASS:
            raise ValueError(f"expected numbers from 0 on before the names, got {key!r}")
        if not isinstance(name, str | int) or isinstance(name, bool) or not str(name).strip():
            raise ValueError(f"expected a name of class {key}, got {name!r}")
        found[key] = str(name).strip()
    return found


def _first_lines(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
