"""Contact sheets for the documentation.

`python -m trainers.data.synthetic.sheet tiles OUT.png` shows tiles above their truth,
`… real OUT.png DIR` real images (in DIR) beside synthetic ones, and
`… layout OUT.png FILE.gds` windows of a sky130 layout, then planted defects.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from trainers.data.synthetic.defects import FAULTS, STAINS, DefectConfig
from trainers.data.synthetic.gds import GdsSpec, open_gds
from trainers.data.synthetic.gds_file import SKY130
from trainers.data.synthetic.generate import SyntheticTile, generate_tile
from trainers.data.synthetic.presets import MIXED, PRESETS, TRAIN_VIAS
from trainers.data.synthetic.scene import DRAWN
from trainers.io.atomic import write_bytes_atomic
from trainers.io.images import read_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.data.synthetic.config import SynthConfig

Colors = NDArray[np.uint8]
SEED = 1
COLS = 6
CELL_PX = 160
GAP_PX = 3
ROWS = (("avr_m1", 6), ("metal_vias", 6), ("mixed", 12))
WHITE, YELLOW = (255, 255, 255), (0, 230, 255)
USAGE = "usage: python -m trainers.data.synthetic.sheet tiles|real|layout OUT.png [DIR|FILE.gds]"


def main(arguments: Sequence[str]) -> int:
    """Write the sheet that the command line names; returns the exit code."""
    if len(arguments) != (2 if arguments[:1] == ["tiles"] else 3):
        print(USAGE, file=sys.stderr)
        return 2
    kind, out, *source = arguments
    if kind == "tiles":
        sheet = contact_sheet()
    elif kind == "real":
        sheet = real_sheet(Path(source[0]))
    else:
        sheet = layout_sheet(Path(source[0]))
    _, data = cv2.imencode(".png", palette_png(sheet), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    write_bytes_atomic(Path(out), np.asarray(data, np.uint8).tobytes())
    return 0


def contact_sheet() -> Colors:
    """Return (H, W, 3) uint8 BGR: a few tiles of each preset, each above its truth."""
    lines = []
    for preset, count in ROWS:
        config = shown(PRESETS[preset])
        cells = [cell(generate_tile(config, SEED, index)) for index in range(count)]
        lines += [np.hstack(cells[i : i + COLS]) for i in range(0, count, COLS)]
    return np.vstack(lines)


def real_sheet(folder: Path) -> Colors:
    """Return (H, W, 3) uint8 BGR: in each row two real crops, framed, then synthetic tiles."""
    chip = read_image(folder / "ic_metal_vias_crop.png")
    etched = read_image(folder / "random_lpass_0.08_2.png")
    small = cv2.resize(etched, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    blobs = (("blobs", 0.4), ("wide_blobs", 0.6))
    rows = (
        ([chip[:256, :256], chip[170:426, 170:426]], TRAIN_VIAS),
        (
            [etched[300:556, 300:556], small[:256, 80:336]],
            replace(MIXED, layout=replace(MIXED.layout, styles=blobs)),
        ),
    )
    lines = []
    for real, config in rows:
        tiles = [generate_tile(shown(config), SEED, index).image for index in range(10)]
        cells = [*(framed(gray(crop), YELLOW) for crop in real), *(framed(gray(t)) for t in tiles)]
        lines += [np.hstack(cells[i : i + COLS]) for i in range(0, 12, COLS)]
    return np.vstack(lines)


def layout_sheet(gds: Path) -> Colors:
    """Return (H, W, 3) uint8 BGR: windows of a layout above their truth, then defects."""
    spec = GdsSpec(gds, SKY130["met1"], SKY130["via"], SKY130["li1"], nm_per_px=18.0)
    routed, config = open_gds(spec), shown(PRESETS["metal_vias"])
    first = [cell(generate_tile(config, SEED, i, source=routed)) for i in range(COLS)]
    faults, stains = DefectConfig(FAULTS, (1, 2)), DefectConfig(STAINS, (1, 1))
    second = [
        defect_cell(generate_tile(config, SEED, i, source=source, defects=wanted))
        for source, wanted in ((DRAWN, faults), (routed, faults), (DRAWN, stains))
        for i in range(COLS)
    ]
    lines = [np.hstack(second[i : i + COLS]) for i in range(0, len(second), COLS)]
    return np.vstack([np.hstack(first), *lines])


def shown(config: SynthConfig) -> SynthConfig:
    """Return the config without tiles that show nothing."""
    return replace(config, blank_rate=0.0, ghost_only_rate=0.0)


def cell(tile: SyntheticTile) -> Colors:
    """Return one tile (top) and its truth (below): nets in colours, vias in white."""
    image = cv2.resize(tile.image, (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA)
    truth = cv2.resize(net_colors(tile), (CELL_PX, CELL_PX), interpolation=cv2.INTER_NEAREST)
    both = np.vstack([cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), truth])
    return framed(np.asarray(both, np.uint8))


def defect_cell(tile: SyntheticTile) -> Colors:
    """Return one tile with a box and a name for each defect."""
    image = gray(tile.image)
    scale = CELL_PX / tile.image.shape[0]
    for defect in tile.defects:
        x0, y0, x1, y1 = (round(value * scale) for value in defect.box_xyxy)
        cv2.rectangle(image, (x0 - 2, y0 - 2), (x1 + 2, y1 + 2), YELLOW, 1)
        place = (min(max(x0 - 2, 1), CELL_PX - 60), max(y0 - 5, 8))
        cv2.putText(image, defect.kind, place, cv2.FONT_HERSHEY_PLAIN, 0.7, YELLOW, 1)
    return framed(image)


def gray(image: np.ndarray) -> Colors:
    """Return a grey tile or crop (H, W) uint8 as a cell (CELL_PX, CELL_PX, 3)."""
    small = cv2.resize(image, (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR), np.uint8)


def framed(image: Colors, color: tuple[int, int, int] = WHITE) -> Colors:
    """Return a cell (H, W, 3) with a frame; a coloured one tells real images from synthetic."""
    if color != WHITE:
        image = cv2.copyMakeBorder(image[2:-2, 2:-2], 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=color)
    wide = cv2.copyMakeBorder(image, 0, 2 * GAP_PX, 0, GAP_PX, cv2.BORDER_CONSTANT, value=WHITE)
    return np.asarray(wide, np.uint8)


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
