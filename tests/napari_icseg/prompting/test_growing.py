"""A net that crosses windows is followed to its ends, exactly where the model is exact."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_icseg.prompting.growing import can_grow, grow, with_grown
from napari_icseg.prompting.prompt_image import PromptImage
from napari_icseg.prompting.protocol import Candidate, Prompts
from napari_icseg.prompting.windowed import answer_in_windows
from napari_icseg.prompting.windows import WindowGrid
from tests.napari_icseg.flood_predictor import BRIGHT, FloodPredictor
from trainers.io.rle import RleMask

SIDE_PX = 288
"""Of a window: the overlap is 256, so that a small image has many."""
SHAPE_HW = (430, 520)


class Asked:
    """An image in windows; counts how often each is embedded."""

    def __init__(self, pixels, side_px=SIDE_PX):
        self.predictor = FloodPredictor()
        self.predictor.input_size_px = side_px
        self.image = PromptImage(pixels)
        self.embeddings = {}
        self.num_embedded = Counter()

    def embedding_of(self, window):
        if window not in self.embeddings:
            self.num_embedded[window] += 1
            self.embeddings[window] = self.predictor.embed(self.image, window)
        return self.embeddings[window]

    def answer(self, prompts):
        return answer_in_windows(self.predictor, self.embedding_of, self.image.size_hw, prompts)

    def grown(self, prompts, kind="net"):
        answer = self.answer(prompts)
        steps = list(grow(self.predictor, self.embedding_of, answer, kind))
        return answer, steps


def blobs(seed, density):
    """A random pattern of bright lines, winding in and out of every window."""
    rng = np.random.default_rng(seed)
    coarse = (rng.random((43, 52)) < density).astype(np.uint8)
    pixels = cv2.resize(coarse, SHAPE_HW[::-1], interpolation=cv2.INTER_NEAREST)
    return pixels * 200


def component(pixels, x, y):
    _, ids = cv2.connectedComponents((pixels > BRIGHT).astype(np.uint8), connectivity=8)
    return ids == ids[y, x]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.35, 0.4, 0.45, 0.5, 0.6]))
def test_a_grown_net_is_what_one_giant_window_would_give(seed, density):
    pixels = blobs(seed, density)
    bright_rc = np.argwhere(pixels > BRIGHT)
    y, x = bright_rc[seed % len(bright_rc)].tolist()
    windows = Asked(pixels)
    answer, steps = windows.grown(Prompts([[x, y]], [1]))
    last = steps[-1] if steps else answer.united[0]
    assert not last.is_cut
    assert (last.mask.to_mask(SHAPE_HW) == component(pixels, x, y)).all()
    assert set(windows.num_embedded.values()) == {1}


def snake(height=430, width=520, pitch=40):
    """One line that runs through the whole image, row after row, to and fro."""
    pixels = np.zeros((height, width), np.uint8)
    tops = range(10, height - 20, pitch)
    for number, top in enumerate(tops):
        pixels[top : top + 6, 10 : width - 10] = 200
        if top != tops[-1]:
            left = width - 16 if number % 2 == 0 else 10
            pixels[top : top + pitch + 6, left : left + 6] = 200
    return pixels


def test_a_net_that_leaves_and_enters_the_same_windows_again_and_again_is_followed():
    windows = Asked(snake())
    _, steps = windows.grown(Prompts([[12, 12]], [1]))
    assert (steps[-1].mask.to_mask(SHAPE_HW) == (snake() > 0)).all()
    assert [step.is_cut for step in steps] == [True] * (len(steps) - 1) + [False]
    areas = [step.mask.area for step in steps]
    assert areas == sorted(areas)


def two_nets():
    """A net across the image, and one beside it that only the right half shows."""
    pixels = np.zeros(SHAPE_HW, np.uint8)
    pixels[100:110, 20:500] = 200
    pixels[130:140, 300:500] = 200
    return pixels


def test_a_neighbouring_net_is_not_taken_along():
    windows = Asked(two_nets())
    _, steps = windows.grown(Prompts([[30, 105]], [1]))
    assert (steps[-1].mask.to_mask(SHAPE_HW) == component(two_nets(), 30, 105)).all()


def test_what_a_window_joins_to_the_net_wrongly_and_apart_is_left_out(monkeypatch):
    windows = Asked(two_nets())
    predict = windows.predictor.predict

    def everything_bright(embedding, prompts):
        layer = predict(embedding, prompts)[1]
        return (replace(layer, kind="net"), replace(layer, kind="layer"))

    answer = windows.answer(Prompts([[30, 105]], [1]))
    monkeypatch.setattr(windows.predictor, "predict", everything_bright)
    *_, last = grow(windows.predictor, windows.embedding_of, answer, "net")
    assert (last.mask.to_mask(SHAPE_HW) == component(two_nets(), 30, 105)).all()


def test_a_model_that_sees_nothing_beyond_leaves_the_net_as_it_was(monkeypatch):
    windows = Asked(two_nets())
    answer = windows.answer(Prompts([[30, 105]], [1]))
    monkeypatch.setattr(windows.predictor, "predict", lambda embedding, prompts: ())
    steps = list(grow(windows.predictor, windows.embedding_of, answer, "net"))
    assert steps[-1].mask == answer.united[0].mask
    assert len(steps) < 10


def test_a_click_on_what_is_outside_holds_in_every_window():
    pixels = two_nets()
    pixels[110:130, 450:456] = 200  # the model's mistake: a bridge between the nets
    windows = Asked(pixels)
    asked = []
    predict = windows.predictor.predict
    windows.predictor.predict = lambda e, p: asked.append((e.window, p)) or predict(e, p)
    windows.grown(Prompts([[30, 105], [400, 135]], [1, 0]))
    beyond = [(window, prompts) for window, prompts in asked if window.holds(np.array([400, 135]))]
    assert beyond
    assert all(prompts.labels.tolist() == [1, 0] for _, prompts in beyond)


def test_a_net_inside_its_window_asks_no_other():
    pixels = np.zeros(SHAPE_HW, np.uint8)
    pixels[100:110, 20:280] = 200
    windows = Asked(pixels)
    _, steps = windows.grown(Prompts([[30, 105]], [1]))
    assert steps == []
    assert len(windows.num_embedded) == 1


def test_the_layer_is_carried_through_all_windows():
    pixels = np.zeros(SHAPE_HW, np.uint8)
    pixels[20:420:40, 20:500:40] = 200
    pixels = cv2.dilate(pixels, np.ones((9, 9), np.uint8))  # vias: none touches another
    windows = Asked(pixels)
    answer, steps = windows.grown(Prompts([[20, 20]], [1]), "layer")
    # no via touches an edge, but there are windows that were not asked
    assert {c.kind: c.is_cut for c in answer.united}["layer"]
    assert (steps[-1].mask.to_mask(SHAPE_HW) == (pixels > BRIGHT)).all()
    assert not steps[-1].is_cut
    assert set(windows.num_embedded.values()) == {1}
    assert set(windows.num_embedded) == set(WindowGrid(SHAPE_HW, SIDE_PX).windows)


def test_clicks_in_two_windows_grow_from_both():
    pixels = np.zeros(SHAPE_HW, np.uint8)
    pixels[100:110, 20:200] = pixels[300:310, 320:500] = 200
    pixels[310:400, 490:496] = 200
    pixels[394:400, 200:496] = 200
    windows = Asked(pixels)
    answer, steps = windows.grown(Prompts([[30, 105], [480, 305]], [1, 1]))
    last = steps[-1] if steps else answer.united[0]
    assert (last.mask.to_mask(SHAPE_HW) == (pixels > BRIGHT)).all()


@pytest.mark.parametrize("kind", ["net", "layer", "part"])
def test_an_image_of_one_window_has_nothing_to_follow(kind):
    windows = Asked(two_nets(), side_px=1024)
    answer, steps = windows.grown(Prompts([[30, 105]], [1]), kind)
    assert not can_grow(answer, kind)
    assert steps == []


def test_a_net_that_was_the_whole_layer_of_its_window_is_offered_again_when_it_grew():
    windows = Asked(two_nets())
    answer, steps = windows.grown(Prompts([[30, 105]], [1]))
    assert [c.kind for c in answer.candidates] == ["net", "part"]
    layer = list(grow(windows.predictor, windows.embedding_of, answer, "layer"))[-1]
    grown = with_grown(answer, steps[-1], layer)
    assert [c.kind for c in grown] == ["net", "layer", "part"]
    assert grown[0] is steps[-1]
    assert grown[1].mask.area == np.count_nonzero(two_nets())


@pytest.mark.parametrize("kind", ["net", "layer"])
def test_a_via_where_the_net_leaves_the_window_does_not_end_it(monkeypatch, kind):
    pixels = two_nets()
    via = np.zeros_like(pixels)
    cv2.circle(via, (287, 105), 8, 1, cv2.FILLED)
    pixels[via > 0] = 200
    windows = Asked(pixels)
    answer = windows.answer(Prompts([[30, 105]], [1]))
    predict, num_vias = windows.predictor.predict, []

    def predict_vias_too(embedding, prompts):
        x, y = prompts.points_xy[0].astype(int)
        if not via[y, x]:
            return predict(embedding, prompts)
        num_vias.append(1)
        mask = RleMask.from_mask(via > 0)
        return (Candidate(mask, 0.9, "net"), Candidate(mask, 0.9, "layer"))

    monkeypatch.setattr(windows.predictor, "predict", predict_vias_too)
    *_, last = grow(windows.predictor, windows.embedding_of, answer, kind)
    expected = pixels > 0 if kind == "layer" else component(pixels, 30, 105)
    assert num_vias
    assert (last.mask.to_mask(SHAPE_HW) == expected).all()
