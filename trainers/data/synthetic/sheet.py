"""Contact sheets for the documentation: `python -m trainers.data.synthetic.sheet OUT.png`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from trainers.data.synthetic.generate import SyntheticTile, generate_tile
from trainers.data.synthetic.presets import PRESETS
from trainers.io.atomic import write_bytes_atomic

if TYPE_CHECKING:
    from collections.abc import Sequence

Colors = NDArray[np.uint8]
SEED = 1
COLS = 6
CELL_PX = 160
GAP_PX = 3
ROWS = (("avr_m1", 6), ("metal_vias", 6), ("mixed", 12))


def main(arguments: Sequence[str]) -> int:
    """Write the sheet to the path named on the command line; returns the exit code."""
    if len(arguments) != 1:
        print("usage: python -m trainers.data.synthetic.sheet OUT.png", file=sys.stderr)
        return 2
    _, data = cv2.imencode(".png", palette_png(contact_sheet()), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    write_bytes_atomic(Path(arguments[0]), np.asarray(data, np.uint8).tobytes())
    return 0


def contact_sheet() -> Colors:
    """Return (H, W, 3) uint8 BGR: a few tiles of each preset, each above its truth."""
    lines = []
    for preset, count in ROWS:
        config = replace(PRESETS[preset], blank_rate=0.0, ghost_only_rate=0.0)
        cells = [cell(generate_tile(config, SEED, index)) for index in range(count)]
        lines += [np.hstack(cells[i : i + COLS]) for i in range(0, count, COLS)]
    return np.vstack(lines)


def cell(tile: SyntheticTile) -> Colors:
    """Return one tile (top) and its truth (below): nets in colours, vias in white."""
    image = cv2.resize(tile.image, (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA)
    truth = cv2.resize(net_colors(tile), (CELL_PX, CELL_PX), interpolation=cv2.INTER_NEAREST)
    both = np.vstack([cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), truth])
    framed = cv2.copyMakeBorder(
        both, 0, 2 * GAP_PX, 0, GAP_PX, cv2.BORDER_CONSTANT, value=(255, 255, 255)
    )
    return np.asarray(framed, np.uint8)


def net_colors(tile: SyntheticTile) -> Colors:
    """Return the truth (H, W, 3) uint8 BGR: each net in a colour of its own, vias in white."""
    hues = (np.arange(int(tile.nets.max()) + 1) * 47 % 180).astype(np.uint8)
    hsv = np.stack([hues, np.full_like(hues, 150), np.full_like(hues, 220)], axis=1)[None]
    table = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0], np.uint8)
    table[0] = 0
    colors = table[tile.nets]
    colors[tile.semantic == 2] = 255
    return np.asarray(colors, np.uint8)


def palette_png(image: Colors) -> Colors:
    """Return the sheet with 32 grey steps: noise compresses badly, and the page stays light."""
    return np.asarray(image // 8 * 8 + (image // 8 > 15) * 7, np.uint8)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
