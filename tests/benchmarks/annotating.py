"""A simulated annotator who labels a whole folder through the real window, tile by tile."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import psutil
from qtpy.QtCore import Qt

from napari_icseg.demo.annotator import METAL, VIA, layers_of
from trainers.io.masks import read_mask
from trainers.metrics.interactive import mask_iou

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_icseg.demo.labeller import Labeller


@dataclass(frozen=True)
class LabelledTile:
    """What one tile took.

    Attributes:
        name: of the image file.
        num_objects: that were accepted; 0 for a tile marked as blank.
        num_clicks: on the canvas.
        num_keys: pressed, of all kinds.
        machine_s: seconds that the annotator waited: from a click to the painted mask, from
            Enter to the saved object, from `]` to the next tile that can be clicked.
        click_ms: of each click, to the painted mask.
        next_ms: from `]` to the next tile that can be clicked.
        iou: of all foreground with the truth, 0..1; 1 for a blank tile that was left blank.
        rss_mib: memory of the whole process afterwards.

    """

    name: str
    num_objects: int
    num_clicks: int
    num_keys: int
    machine_s: float
    click_ms: tuple[float, ...]
    next_ms: float
    iou: float
    rss_mib: float


def label_folder(labeller: Labeller, masks: Path, num_tiles: int) -> Iterator[LabelledTile]:
    """Label `num_tiles` tiles from the one shown on, layer by layer, and yield each."""
    for number in range(num_tiles):
        yield _label_tile(labeller, masks, has_next=number < num_tiles - 1)


def _label_tile(labeller: Labeller, masks: Path, *, has_next: bool) -> LabelledTile:
    driver, name = labeller.driver, labeller.image_name
    clicks, keys = driver.num_clicks, driver.num_keys
    entries = [labeller.label(target) for target in layers_of(masks / name)]
    started_s = time.perf_counter()
    driver.key(Qt.Key.Key_D if entries else Qt.Key.Key_B)
    marking_s = time.perf_counter() - started_s
    iou, num_objects = _foreground_iou(labeller, masks / name), labeller.num_objects()
    next_s = labeller.next_image() if has_next else 0.0
    click_ms = tuple(ms for entry in entries for ms in entry.click_to_mask_ms)
    return LabelledTile(
        name,
        num_objects,
        driver.num_clicks - clicks,
        driver.num_keys - keys,
        sum(click_ms) / 1000 + sum(entry.enter_s for entry in entries) + marking_s + next_s,
        click_ms,
        next_s * 1000,
        iou,
        psutil.Process().memory_info().rss / 2**20,
    )


def _foreground_iou(labeller: Labeller, mask_path: Path) -> float:
    semantic = read_mask(mask_path)
    truth = np.isin(semantic, (METAL, VIA))
    found = np.zeros_like(truth)
    for record in labeller.objects():
        found |= record.mask.to_mask((truth.shape[0], truth.shape[1]))
    return mask_iou(found, truth) if truth.any() or found.any() else 1.0
