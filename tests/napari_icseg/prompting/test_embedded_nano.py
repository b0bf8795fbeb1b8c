"""The sam2-nano that ships labels the sample tiles in very few clicks."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_icseg.bench.noc import run_noc, summary
from napari_icseg.bench.tiles import read_data
from napari_icseg.prompting.checkpoints import load_predictor
from napari_icseg.prompting.growing import grow
from napari_icseg.prompting.prompt_image import PromptImage
from napari_icseg.prompting.protocol import Prompts
from napari_icseg.prompting.windowed import answer_in_windows
from napari_icseg.prompting.windows import WINDOW_PX
from trainers.embedded import EMBEDDED
from trainers.metrics.clicks import next_click
from trainers.metrics.interactive import mask_iou

SAMPLES = Path(__file__).parents[3] / "sample_data"
NUM_TARGETS = 2
"""Of a tile: the metal layer and a net."""


def first_targets(tile):
    return replace(tile, targets_of=lambda image: tile.targets_of(image)[:NUM_TARGETS])


@pytest.fixture(scope="module")
def predictor():
    torch.set_num_threads(1)
    return load_predictor("sam2-nano", device="cpu")


@pytest.fixture(scope="module")
def scores(predictor):
    data = read_data(SAMPLES / "coco.json")
    few = replace(data, tiles=tuple(map(first_targets, data.tiles)))
    return summary(run_noc(predictor, few))["jittered"]["by_target"]


def test_the_metal_layer_reaches_iou_085_after_one_click(scores):
    assert scores["metal layer"]["iou_1"] >= 0.85


def test_a_metal_net_reaches_iou_075_after_three_clicks(scores):
    assert scores["metal net"]["iou_3"] >= 0.75


def test_a_net_of_a_large_image_is_followed_across_its_windows(predictor):
    image, targets = read_data(SAMPLES / "large/coco.json").tiles[0].read()
    tall = [t for t in targets if t.kind == "net" and np.ptp(np.nonzero(t.mask)[0]) > WINDOW_PX]
    net = max(tall, key=lambda target: np.count_nonzero(target.mask))
    prompt_image = PromptImage(image)
    embedding_of = cache(lambda window: predictor.embed(prompt_image, window))
    click = next_click(np.zeros_like(net.visible), net.visible)
    prompts = Prompts([[click.x, click.y]], [1])
    answer = answer_in_windows(predictor, embedding_of, image.shape, prompts)
    first = next(c for c in answer.united if c.kind == "net")
    *_, grown = grow(predictor, embedding_of, answer, "net")
    assert mask_iou(first.mask.to_mask(image.shape), net.mask) < 0.8
    assert mask_iou(grown.mask.to_mask(image.shape), net.mask) > 0.9


def test_it_ships_in_at_most_twenty_megabytes():
    assert EMBEDDED.stat().st_size <= 20e6


def test_maps_of_half_the_size_give_the_same_masks(predictor):
    """A window's maps are kept as float16; the model's own, float32, are the reference."""
    for tile in read_data(SAMPLES / "coco.json").tiles[:3]:
        image, _ = tile.read()
        embedding = predictor.embed(image)
        height, width = embedding.image_hw
        frame = predictor._frame(embedding.window)
        pixels = frame.fit(PromptImage(image).unit(embedding.window))
        with torch.inference_mode():
            exact = replace(embedding, features=predictor._model.encode(pixels))
        assert embedding.num_bytes * 2 == exact.num_bytes
        for point_xy in ([width // 2, height // 2], [width // 4, height // 3]):
            prompts = Prompts([point_xy], [1])
            found = predictor.predict(embedding, prompts)
            wanted = {c.kind: c for c in predictor.predict(exact, prompts)}
            assert {c.kind for c in found} == set(wanted)
            for candidate in found:
                reference = wanted[candidate.kind]
                masks = [m.to_mask((height, width)) for m in (candidate.mask, reference.mask)]
                assert mask_iou(*masks) > 0.98
                assert candidate.score == pytest.approx(reference.score, abs=0.01)
