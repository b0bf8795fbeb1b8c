"""The sam2-nano that ships, asked by boxes, strokes and objects to correct."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch

from napari_icseg.bench.tiles import read_data
from napari_icseg.controllers.scribbles import Scribble, pixel_path
from napari_icseg.prompting.checkpoints import load_predictor
from napari_icseg.prompting.growing import with_grown
from napari_icseg.prompting.prompt_image import PromptImage
from napari_icseg.prompting.protocol import PaintedStroke, Prompts
from napari_icseg.prompting.windowed import answer_in_windows
from trainers.io.rle import RleMask
from trainers.metrics.interactive import mask_iou

if TYPE_CHECKING:
    from napari_icseg.prompting.protocol import Candidate

SAMPLES = Path(__file__).parents[3] / "sample_data"
NUM_TILES, NUM_OBJECTS = 4, 5
NO_POINTS = np.zeros((0, 2), np.float32)


class Asked:
    """One tile, embedded, and some of its objects, bool (H, W)."""

    def __init__(self, predictor, tile, rng) -> None:
        self.image, targets = tile.read()
        self._predictor = predictor
        self._embedding = predictor.embed(PromptImage(self.image))
        nets = [t.mask for t in targets if t.kind == "net" and np.count_nonzero(t.mask) > 60]
        self.objects = [nets[i] for i in rng.permutation(len(nets))[:NUM_OBJECTS]]

    def answer(self, prompts: Prompts) -> tuple[Candidate, ...]:
        shape_hw = self.image.shape
        answer = answer_in_windows(self._predictor, lambda _w: self._embedding, shape_hw, prompts)
        return with_grown(answer)

    def net(self, prompts: Prompts) -> np.ndarray:
        found = [c for c in self.answer(prompts) if c.kind == "net"]
        return (
            found[0].mask.to_mask(self.image.shape) if found else np.zeros(self.image.shape, bool)
        )


@pytest.fixture(scope="module")
def asked():
    torch.set_num_threads(1)
    predictor, rng = load_predictor("sam2-nano", device="cpu"), np.random.default_rng(0)
    tiles = read_data(SAMPLES / "coco.json").tiles
    step = len(tiles) // NUM_TILES
    return [Asked(predictor, tile, rng) for tile in tiles[::step][:NUM_TILES]]


def test_a_box_drawn_by_hand_gives_the_object_inside_it(asked):
    rng, ious = np.random.default_rng(1), []
    for tile in asked:
        for mask in tile.objects:
            rows, cols = np.nonzero(mask)
            box = np.array([cols.min(), rows.min(), cols.max(), rows.max()])
            prompts = Prompts(NO_POINTS, [], box_xyxy=box + rng.uniform(-2, 2, 4))
            ious.append(mask_iou(tile.net(prompts), mask))
    assert len(ious) >= 15
    assert np.median(ious) >= 0.9
    assert np.mean(ious) >= 0.85


def middle_line(mask: np.ndarray) -> Scribble:
    """A stroke along the deepest pixels of an object, from one end to the middle."""
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    row, col = np.unravel_index(depth.argmax(), depth.shape)
    deep = np.argwhere(depth >= max(2.0, 0.8 * depth.max()))
    far = deep[np.abs(deep - (row, col)).sum(axis=1).argmax()]
    line = [(row, col), (row, far[1])] if mask[row, far[1]] else [(row, col)]
    return Scribble(pixel_path(line, mask.shape), True, mask.shape)


def test_a_stroke_gives_the_object_below_it_with_all_that_was_scribbled(asked):
    ious = []
    for tile in asked:
        for mask in tile.objects:
            scribble = middle_line(mask)
            points = np.array(scribble.points_rc, np.float32)[:, ::-1]
            strokes = (PaintedStroke(scribble.pixels, is_positive=True),)
            net = tile.net(Prompts(points, [1] * len(points), strokes=strokes))
            assert net[scribble.pixels.to_mask(net.shape)].all()
            ious.append(mask_iou(net, mask))
    assert np.median(ious) >= 0.9


def test_one_click_puts_back_what_an_object_lacks(asked):
    before, after = [], []
    for tile in asked:
        for mask in tile.objects:
            lacking = mask.copy()
            rows, cols = np.nonzero(mask)
            if np.ptp(rows) > np.ptp(cols):
                lacking[int(np.median(rows)) :] = False
            else:
                lacking[:, int(np.median(cols)) :] = False
            gone = np.pad(mask & ~lacking, 1).astype(np.uint8)
            depth = cv2.distanceTransform(gone, cv2.DIST_L2, 3)[1:-1, 1:-1]
            row, col = np.unravel_index(depth.argmax(), depth.shape)
            prompts = Prompts([[col, row]], [1], mask=RleMask.from_mask(lacking))
            before.append(mask_iou(lacking, mask))
            after.append(mask_iou(tile.net(prompts), mask))
    assert np.median(before) < 0.6
    assert np.median(after) >= 0.9
