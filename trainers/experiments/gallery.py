"""The appendix's pictures: what each model says of an easy, a hard and a blank tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainers.errors import DataError
from trainers.evaluation.overlay import draw_panels
from trainers.experiments import paper
from trainers.experiments.row_work import pictures_of
from trainers.experiments.summary import PROTOCOL_TITLES
from trainers.io.masks import read_mask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainers.evaluation.overlay import Rgb
    from trainers.experiments.matrix import Table
    from trainers.experiments.summary import Line
    from trainers.experiments.tiles import ShownTile

SIDE_PX = 176
_JPEG_QUALITY = 88
_BY: dict[Table, str] = {
    "table1": "by recipe",
    "table2": "by learning rate",
    "table3": "by number of images",
    "table4": "by labelled and unlabelled images",
}
TILE_TITLES = {
    "easy": "easy: its objects stand out",
    "hard": "hard: looks like objects, has none",
    "blank": "blank: has none, shows least",
}


@dataclass(frozen=True, eq=False)
class Strip:
    """One tile: the image, then one answer for each column; JPEGs, None where there is none."""

    title: str
    pictures: tuple[bytes | None, ...]


@dataclass(frozen=True, eq=False)
class Gallery:
    """Pictures of one model; `columns` begins with the image. `name` is fit for a file."""

    name: str
    title: str
    columns: tuple[str, ...]
    strips: tuple[Strip, ...]


def galleries_of(
    table: Table, lines: Sequence[Line], tiles: Sequence[ShownTile], out: Path
) -> tuple[Gallery, ...]:
    """Return a gallery for each model and protocol of a table, from its first seeds.

    A model whose masks are gone has none.
    """
    found = []
    kinds = dict.fromkeys((line.row.model, line.row.protocol) for line in lines if line.done)
    for model, protocol in kinds:
        own = [
            line
            for line in lines
            if (line.row.model, line.row.protocol) == (model, protocol) and line.done
        ]
        strips = [strip for tile in tiles if (strip := _strip(tile, own, out)) is not None]
        if strips:
            suffix, words = ("-oracle", f" ({PROTOCOL_TITLES['paper']})")
            is_oracle = protocol == "paper"
            found.append(
                Gallery(
                    f"{table}-{model}{suffix if is_oracle else ''}",
                    f"{paper.TITLES[model]}{words if is_oracle else ''}, {_BY[table]}",
                    ("image", *(line.label for line in own)),
                    tuple(strips),
                )
            )
    return tuple(found)


def _strip(tile: ShownTile, lines: Sequence[Line], out: Path) -> Strip | None:
    answers = [_answer(tile, line, out) for line in lines]
    if all(answer is None for answer in answers):
        return None
    truth = draw_panels(tile.image, tile.ids, tile.ids)
    return Strip(TILE_TITLES[tile.kind], (_jpeg(truth.image), *answers))


def _answer(tile: ShownTile, line: Line, out: Path) -> bytes | None:
    path = pictures_of(out, line.done[0]) / f"{tile.kind}.png"
    try:
        preds = read_mask(path, (tile.ids.shape[0], tile.ids.shape[1])).astype(np.uint8)
    except DataError:  # removed by hand: the page says so by a gap
        return None
    return _jpeg(draw_panels(tile.image, preds, tile.ids).errors)


def _jpeg(pixels: Rgb) -> bytes:
    """Return the picture, RGB uint8 (H, W, 3), small."""
    factor = SIDE_PX / max(pixels.shape[:2])
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    how = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), how)
    return encoded.tobytes()
