"""The test tiles that every model is shown with: an easy one, a hard one and a blank one.

They are chosen by image and truth alone, hence the same for all rows:

- easy: of the tiles whose foreground share lies in the middle half, the one whose objects stand
  out most from what is around them;
- hard: of the tiles without any object, the one that shows most (a feature of another layer, as
  in the paper's images 1b, 1d, 1f and 1h);
- blank: of the same, the one that shows least.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from trainers.data.labels import IGNORE
from trainers.evaluation.data import read_truth
from trainers.io.atomic import write_bytes_atomic, write_text_atomic
from trainers.io.images import to_unit
from trainers.io.masks import read_mask, write_semantic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trainers.experiments.data import ExperimentData

Kind = Literal["easy", "hard", "blank"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_LIST_NAME = "tiles.json"
_FINE_PX, _COARSE_PX = 3.0, 24.0
"""Gaussians between which a structure counts: above the noise, below uneven brightness."""


@dataclass(frozen=True, eq=False)
class ShownTile:
    """One chosen tile: grey image, uint8 (H, W), and true class ids, uint8 (H, W)."""

    kind: Kind
    name: str
    image: npt.NDArray[np.uint8]
    ids: npt.NDArray[np.uint8]


def tiles_folder(out: Path, data_sha256: str) -> Path:
    """Return where the tiles of a data set lie."""
    return out / "tiles" / data_sha256[:12]


def ensure_tiles(
    data: ExperimentData,
    out: Path,
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Kind]:
    """Choose the tiles and keep them in `out`, once; return their names and kinds."""
    folder = tiles_folder(out, data.sha256)
    known = _listed(folder)
    if known is not None:
        return known
    looks = []
    for number, item in enumerate(data.test.items, 1):
        truth = read_truth(item, data.class_names)
        looks.append(_look(truth.image, truth.ids))
        progress(number, len(data.test.items))
    chosen = choose(looks)
    for kind, index in chosen.items():
        truth = read_truth(data.test.items[index], data.class_names)
        grey = np.clip(np.rint(255 * to_unit(truth.image)), 0, 255).astype(np.uint8)
        _, png = cv2.imencode(".png", grey)
        write_bytes_atomic(folder / f"{kind}.png", png.tobytes())
        write_semantic(folder / f"{kind}.truth.png", np.where(truth.ids == IGNORE, 0, truth.ids))
    names = {data.test.names[index]: kind for kind, index in chosen.items()}
    write_text_atomic(folder / _LIST_NAME, json.dumps(names, indent=1) + "\n")
    return names


def read_tiles(out: Path, data_sha256: str) -> tuple[ShownTile, ...]:
    """Return the tiles that were kept, easy first; none if no row was tested yet."""
    folder = tiles_folder(out, data_sha256)
    names = _listed(folder) or {}
    tiles = []
    for name, kind in sorted(names.items(), key=lambda pair: KINDS.index(pair[1])):
        image = cv2.imread(str(folder / f"{kind}.png"), cv2.IMREAD_GRAYSCALE)
        if image is not None:
            ids = read_mask(folder / f"{kind}.truth.png").astype(np.uint8)
            tiles.append(ShownTile(kind, name, np.asarray(image, np.uint8), ids))
    return tuple(tiles)


@dataclass(frozen=True)
class TileLook:
    """What is known of a test tile: foreground share, how it stands out, what it shows."""

    share: float
    contrast: float
    structure: float


def _look(image: npt.NDArray[Any], ids: npt.NDArray[np.uint8]) -> TileLook:
    unit = to_unit(image)
    inside, outside = unit[(ids > 0) & (ids != IGNORE)], unit[ids == 0]
    contrast = 0.0
    if inside.size and outside.size:
        spread = float(np.hypot(inside.std(), outside.std()))
        contrast = abs(float(inside.mean() - outside.mean())) / max(spread, 1e-6)
    fine, coarse = (cv2.GaussianBlur(unit, (0, 0), sigma) for sigma in (_FINE_PX, _COARSE_PX))
    return TileLook(inside.size / ids.size, contrast, float((fine - coarse).std()))


def choose(looks: Sequence[TileLook]) -> dict[Kind, int]:
    """Return the index of each kind of tile, as far as the tiles have it; see the module."""
    full = [index for index, look in enumerate(looks) if look.share > 0]
    blank = [index for index, look in enumerate(looks) if look.share == 0]
    chosen: dict[Kind, int] = {}
    if full:
        low, high = np.quantile([looks[index].share for index in full], [0.25, 0.75])
        middle = [index for index in full if low <= looks[index].share <= high]
        chosen["easy"] = max(middle or full, key=lambda index: looks[index].contrast)
    if len(blank) > 1:
        chosen["hard"] = max(blank, key=lambda index: looks[index].structure)
    if blank:
        chosen["blank"] = min(blank, key=lambda index: looks[index].structure)
    return chosen


def _listed(folder: Path) -> dict[str, Kind] | None:
    try:
        found = json.loads((folder / _LIST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not made yet, or damaged: chosen again
        return None
    return {str(name): kind for name, kind in found.items() if kind in KINDS}
