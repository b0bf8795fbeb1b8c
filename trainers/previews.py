"""Pictures of what a model finds on a few fixed validation tiles, one for each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
import numpy.typing as npt

from trainers.data.labels import IGNORE, labels_from_probs
from trainers.errors import DataError
from trainers.io.atomic import write_bytes_atomic
from trainers.io.palette import class_color
from trainers.models.base import SegmentationTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import torch
    from torch import nn

    from trainers.models.base import Batch, EpochDataset, Task
    from trainers.run_folder import RunFolder

Ids = npt.NDArray[np.uint8]
Rgb = npt.NDArray[np.uint8]

NUM_TILES = 3
TILE_PX = 256
_GAP_PX = 4
_OPACITY = 0.45
_MAX_LOOKED_AT = 64
"""Validation windows read to find some with objects."""


@dataclass(frozen=True)
class PreviewTile:
    """One validation window: `image` float32 (1, S, S), 0..1, and `ids` (S, S), `IGNORE` incl."""

    image: torch.Tensor
    ids: Ids


class Previews:
    """Draws one run's pictures, always of the same tiles."""

    def __init__(self, task: SegmentationTask, dataset: EpochDataset, folder: RunFolder) -> None:
        self._task, self._dataset, self._folder = task, dataset, folder
        self._tiles: tuple[PreviewTile, ...] | None = None

    @classmethod
    def of(cls, task: Task, dataset: EpochDataset, folder: RunFolder) -> Previews | None:
        """Return the previews of a run; None for a model that needs prompts."""
        if not isinstance(task, SegmentationTask):
            return None
        return cls(task, dataset, folder)

    def draw(self, model: nn.Module, epoch: int, device: torch.device) -> str:
        """Write the picture of 1-based `epoch`; return its path relative to the run folder.

        The model is in eval mode. Raises `DataError` if the validation data hold no images,
        or the disk refuses the file; whatever the model raises.
        """
        if self._tiles is None:
            self._tiles = choose_tiles(_windows(self._dataset))
        tiles = [(tile, self._predict(model, tile, device)) for tile in self._tiles]
        path = self._folder.previews / f"epoch_{epoch:04d}.png"
        _write_png(path, render(tiles))
        return path.relative_to(self._folder.path).as_posix()

    def _predict(self, model: nn.Module, tile: PreviewTile, device: torch.device) -> Ids:
        probs = self._task.predict_probs(model, tile.image[None].to(device))
        return labels_from_probs(probs[0].float().cpu().numpy())


def _windows(dataset: EpochDataset) -> Iterator[PreviewTile]:
    for index in range(min(len(dataset), _MAX_LOOKED_AT)):
        item: Batch = dataset[index]
        if "image" in item and "target" in item:
            yield PreviewTile(item["image"], cast("Ids", item["target"].numpy()))


def choose_tiles(windows: Iterable[PreviewTile]) -> tuple[PreviewTile, ...]:
    """Return up to three windows, in their order: those with objects, at most one without.

    Raises `DataError` if there is none.
    """
    chosen: list[tuple[int, PreviewTile]] = []
    blank: list[tuple[int, PreviewTile]] = []
    for number, tile in enumerate(windows):
        has_objects = bool(((tile.ids > 0) & (tile.ids != IGNORE)).any())
        (chosen if has_objects else blank).append((number, tile))
        if len(chosen) == NUM_TILES:
            break
    if len(chosen) < NUM_TILES:
        chosen = sorted([*chosen, *blank[:1]], key=lambda pair: pair[0])
    if not chosen:
        raise DataError("The validation data have no images with targets to draw.")
    return tuple(tile for _, tile in chosen)


def render(tiles: Sequence[tuple[PreviewTile, Ids]]) -> Rgb:
    """Return the tiles side by side, uint8 RGB (256, W, 3).

    The image is grey, the prediction a translucent colour for each class, the truth a contour
    in that colour.
    """
    gap = np.full((TILE_PX, _GAP_PX, 3), 255, np.uint8)
    drawn = [_render_tile(tile, preds) for tile, preds in tiles]
    parts = [part for picture in drawn for part in (gap, picture)][1:]
    return np.concatenate(parts, axis=1)


def _render_tile(tile: PreviewTile, preds: Ids) -> Rgb:
    grey = (tile.image[0].float().cpu().numpy().clip(0, 1) * 255).round().astype(np.uint8)
    picture = cv2.cvtColor(_resized(grey, cv2.INTER_LINEAR), cv2.COLOR_GRAY2RGB)
    found, truth = (_resized(ids, cv2.INTER_NEAREST) for ids in (preds, tile.ids))
    class_ids = [int(n) for n in np.union1d(found, truth) if 0 < n < IGNORE]
    for class_id in class_ids:
        color = np.array(class_color(class_id), np.float32)
        inside = found == class_id
        picture[inside] = (1 - _OPACITY) * picture[inside] + _OPACITY * color
    for class_id in class_ids:
        mask = (truth == class_id).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, contours, -1, class_color(class_id), 1)
    return cast("Rgb", picture)


def _resized(pixels: npt.NDArray[np.uint8], interpolation: int) -> npt.NDArray[np.uint8]:
    height, width = pixels.shape
    size_xy = (max(1, round(width * TILE_PX / height)), TILE_PX)
    return cast("npt.NDArray[np.uint8]", cv2.resize(pixels, size_xy, interpolation=interpolation))


def _write_png(path: Path, picture: Rgb) -> None:
    is_encoded, content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not is_encoded:
        raise DataError(f"OpenCV could not encode {path.name}.")
    write_bytes_atomic(path, content.tobytes())
