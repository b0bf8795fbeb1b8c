"""Reading GDSII files: layer names, refusals that say what to do, polygons of one cell in nm."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trainers.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

Layer = tuple[int, int]

# the open SkyWater process, so that its layers can be named
SKY130 = {
    "li1": (67, 20),
    "mcon": (67, 44),
    "met1": (68, 20),
    "via": (68, 44),
    "met2": (69, 20),
    "via2": (69, 44),
    "met3": (70, 20),
    "via3": (70, 44),
    "met4": (71, 20),
    "via4": (71, 44),
    "met5": (72, 20),
}
HEADER = b"\x00\x06\x00\x02"
END = b"\x00\x04\x04\x00"


def parse_layer(text: str) -> Layer:
    """Return (layer, datatype) of "68/20", or of a sky130 name like "met1".

    Raises:
        DataError: the text is neither.

    """
    numbers = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text.strip())
    if numbers:
        return int(numbers[1]), int(numbers[2])
    if text.strip() in SKY130:
        return SKY130[text.strip()]
    raise DataError(
        f"{text!r} is no layer: expected LAYER/DATATYPE like 68/20, or a sky130 name "
        f"({', '.join(SKY130)})."
    )


def name(layer: Layer | None) -> str:
    """Return how a layer is written on the command line."""
    return "none" if layer is None else f"{layer[0]}/{layer[1]}"


def check_file(path: Path) -> None:
    """Raise DataError unless a file begins and ends as GDSII files do."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
            size = file.seek(0, 2)
            file.seek(max(0, size - 4096))
            tail = file.read().rstrip(b"\x00")
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}. Check the path.") from error
    if start != HEADER:
        raise DataError(f"{path} is not a GDSII file: it does not begin with a GDSII header.")
    # the record ends in a zero itself, and tapes are filled up with zeros
    if not tail.endswith(END.rstrip(b"\x00")):
        raise DataError(f"{path} is cut off: its last GDSII record is missing. Copy it again.")


def open_cell(
    path: Path, cell_name: str | None, layers: Sequence[Layer], metal: Layer
) -> dict[Layer, list[NDArray[np.float64]]]:
    """Return the polygons (N, 2) of some layers of a cell, with all cells in it, in nm.

    Raises:
        DataError: the file cannot be parsed, there is no such cell, or a layer is empty.

    """
    import gdstk

    try:
        library = gdstk.read_gds(str(path))
    except (OSError, RuntimeError, ValueError, MemoryError) as error:
        raise DataError(f"{path} is damaged: {error} Export or copy it again.") from error
    cell = choose_cell(path, library, cell_name, metal)
    scale_nm = library.unit / 1e-9
    found = {layer: polygons_of(cell, layer, scale_nm) for layer in layers}
    empty = [layer for layer, polygons in found.items() if not polygons]
    if empty:
        raise DataError(
            f"Cell {cell.name} of {path} has nothing on layer {name(empty[0])}. "
            f"It has {', '.join(filled_layers(cell)) or 'no polygons at all'}."
        )
    return found


def choose_cell(path: Path, library: Any, cell_name: str | None, metal: Layer) -> Any:
    """Return the cell of that name, or the top cell with the most polygons of metal."""
    if cell_name is not None:
        named = [cell for cell in library.cells if cell.name == cell_name]
        if not named:
            raise DataError(f"{path} has no cell {cell_name!r}.")
        return named[0]
    tops = library.top_level()
    if not tops:
        raise DataError(f"{path} holds no cells.")
    return max(tops, key=lambda cell: len(cell.get_polygons(layer=metal[0], datatype=metal[1])))


def polygons_of(cell: Any, layer: Layer, scale_nm: float) -> list[NDArray[np.float64]]:
    """Return the polygons (N, 2) of one layer, in nm."""
    found = cell.get_polygons(layer=layer[0], datatype=layer[1])
    return [polygon.points * scale_nm for polygon in found]


def filled_layers(cell: Any, most: int = 12) -> list[str]:
    """Return the layers that a cell has polygons on, as they are written."""
    layers = sorted({(polygon.layer, polygon.datatype) for polygon in cell.get_polygons()})
    more = [f"and {len(layers) - most} more"] if len(layers) > most else []
    return [name(layer) for layer in layers[:most]] + more
