"""All objects of a tile found without a click; checked against drawn objects."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from napari_icseg.prompting.automatic import see_points
from napari_icseg.prompting.automatic_image import ImageSearch
from napari_icseg.prompting.checkpoints import load_predictor
from napari_icseg.prompting.prompt_image import PromptImage
from napari_icseg.prompting.protocol import POSITIVE, Candidate, Prompts
from napari_icseg.prompting.seeds import find_seeds
from tests.napari_icseg.flood_predictor import FloodPredictor
from trainers.io.rle import RleMask

SIDE_PX = 192


def draw_lines(*, with_vias: bool, seed: int = 0):
    """Noisy horizontal lines, a bright dot on each; returns the image and the true masks."""
    lines, vias = [], []
    image = np.full((SIDE_PX, SIDE_PX), 60, dtype=np.float32)
    for top in range(12, SIDE_PX - 16, 32):
        line = np.zeros((SIDE_PX, SIDE_PX), dtype=bool)
        line[top : top + 14, 8:184] = True
        image[line] = 130
        lines.append(line)
        if with_vias:
            dot = np.zeros((SIDE_PX, SIDE_PX), dtype=np.uint8)
            cv2.circle(dot, (40 + 2 * top % 100, top + 7), 5, 1, -1)
            image[dot > 0] = 225
            vias.append(dot > 0)
    noisy = cv2.GaussianBlur(image, (0, 0), 1.0)
    noisy += np.random.default_rng(seed).normal(0, 6, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), lines, vias


def find(predictor, pixels):
    image = PromptImage(pixels)
    search = ImageSearch(predictor, lambda window: predictor.embed(image, window), image)
    while search.step():
        pass
    return search.objects()


def num_found(found, truths) -> int:
    """How many true masks have an object with an IoU of .75 at least."""
    masks = [one.mask.to_mask(truths[0].shape) for one in found]
    ious = [max((np.sum(m & t) / np.sum(m | t) for m in masks), default=0.0) for t in truths]
    return sum(iou >= 0.75 for iou in ious)


@pytest.fixture(scope="module")
def nano():
    torch.set_num_threads(1)
    return load_predictor("sam2-nano")


def test_every_line_and_every_dot_on_it_is_found_once(nano) -> None:
    pixels, lines, vias = draw_lines(with_vias=True)

    found = find(nano, pixels)

    below, above = [o for o in found if not o.is_on_top], [o for o in found if o.is_on_top]
    assert (num_found(below, lines), len(below)) == (len(lines), len(lines))
    assert (num_found(above, vias), len(above)) == (len(vias), len(vias))
    assert all(0.5 <= one.score <= 1.0 for one in found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_noise_has_no_objects(nano) -> None:
    noise = np.random.default_rng(3).normal(60, 6, (SIDE_PX, SIDE_PX))

    assert find(nano, np.clip(noise, 0, 255).astype(np.uint8)) == ()


def test_a_batch_of_points_gives_what_each_point_alone_gives(nano) -> None:
    pixels, _, _ = draw_lines(with_vias=True)
    embedding = nano.embed(pixels)
    points_xy = np.array([(20.0, 19.0), (100.0, 50.0), (100.0, 35.0)], dtype=np.float32)

    together = see_points(nano, embedding, points_xy)

    for point_xy, seen in zip(points_xy, together, strict=True):
        alone = nano.predict(embedding, Prompts(point_xy[None], np.array([POSITIVE])))
        (layer,) = [candidate for candidate in alone if candidate.kind == "layer"]
        (batched,) = [scored for scored in seen if scored.kind == "layer"]
        assert layer.score == pytest.approx(batched.score, abs=1e-4)
        differing = layer.mask.to_mask(pixels.shape) ^ batched.mask
        assert np.count_nonzero(differing) <= 3


class SmallWindows(FloodPredictor):
    """Sees 320 x 320 pixels at a time."""

    input_size_px = 320


def test_an_object_across_the_borders_of_windows_is_one_object() -> None:
    pixels = np.full((320, 900), 40, dtype=np.uint8)
    pixels[40:60, 10:890] = 200
    pixels[100:120, 10:60] = 200
    pixels[160:180, 300:340] = 200

    found = find(SmallWindows(), pixels)

    truths = [np.zeros(pixels.shape, dtype=bool) for _ in range(3)]
    truths[0][40:60, 10:890] = truths[1][100:120, 10:60] = truths[2][160:180, 300:340] = True
    masks = [one.mask.to_mask(pixels.shape) for one in found]
    assert len(masks) == 3
    for truth in truths:
        assert any(np.array_equal(mask, truth) for mask in masks)


class InterruptedOnce(FloodPredictor):
    """A click needs the model in the middle of the first prompt."""

    def __init__(self) -> None:
        super().__init__()
        self.is_first = True

    def predict(self, embedding, prompts) -> tuple[Candidate, ...]:
        if self.is_first:
            self.is_first = False
            raise InterruptedError
        return super().predict(embedding, prompts)


def test_an_interrupted_step_is_done_anew() -> None:
    pixels = np.full((64, 64), 40, dtype=np.uint8)
    pixels[20:30, 10:50] = 200
    predictor, image = InterruptedOnce(), PromptImage(pixels)
    search = ImageSearch(predictor, lambda window: predictor.embed(image, window), image)
    assert search.step()
    with pytest.raises(InterruptedError):
        search.step()
    while search.step():
        pass

    (only,) = search.objects()
    assert only.mask == RleMask.from_mask(pixels > 100)


@pytest.mark.parametrize("sign", [1, -1])
def test_seeds_lie_on_dots_and_lines_brighter_and_darker_than_around(sign: int) -> None:
    pixels = np.full((128, 128), 0.5, dtype=np.float32)
    pixels += np.random.default_rng(0).normal(0, 0.01, pixels.shape).astype(np.float32)
    shapes = np.zeros(pixels.shape, dtype=bool)
    shapes[20:28, 10:120] = shapes[60:66, 60:66] = True
    pixels[shapes] += sign * 0.3

    bright, dark = find_seeds(pixels)

    on_shapes = [shapes[seed] for seed in (bright if sign > 0 else dark)]
    assert all(on_shapes[:2])
    assert any(56 <= row < 70 and 56 <= col < 70 for row, col in (bright if sign > 0 else dark))
