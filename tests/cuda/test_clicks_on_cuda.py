"""Clicks are answered on a graphics card as on the CPU, and by the CPU when the card is full."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from napari_icseg.prompting.checkpoints import load_predictor
from napari_icseg.prompting.predictor import Sam2PromptPredictor
from napari_icseg.prompting.prompt_image import PromptImage
from napari_icseg.prompting.protocol import Prompts
from napari_icseg.prompting.windowed import answer_in_windows
from napari_icseg.prompting.worker import PromptWorker
from tests.cuda.conftest import leave_little_memory
from tests.napari_icseg.prompting.fakes import Listener
from trainers.data.synthetic import PRESETS, generate_tile
from trainers.metrics.interactive import mask_iou
from trainers.models.sam2.official import build_official_sam2

NUM_TILES, NUM_CLICKS = 4, 6


def official(device: str) -> Sam2PromptPredictor:
    torch.manual_seed(0)
    model = build_official_sam2("sam2.1-tiny").eval().to(device)
    return Sam2PromptPredictor(model, name="tiny", checkpoint_id="untrained", device=device)


def nano(device: str) -> Sam2PromptPredictor:
    return load_predictor("sam2-nano", device)


def tile(number: int) -> np.ndarray:
    return generate_tile(PRESETS["metal_vias"], 7, number).image


@pytest.mark.parametrize("make", [nano, official])
def test_the_card_answers_clicks_like_the_cpu(make):
    on_card, on_cpu = make("cuda"), make("cpu")
    rng = np.random.default_rng(0)
    ious = []
    for number in range(NUM_TILES):
        embeddings = [each.embed(tile(number)) for each in (on_card, on_cpu)]
        for point in rng.integers(0, 256, (NUM_CLICKS, 2)):
            clicks = Prompts([point], [1])
            answers = [
                {c.kind: c.mask.to_mask((256, 256)) for c in one.predict(embedding, clicks)}
                for one, embedding in zip((on_card, on_cpu), embeddings, strict=True)
            ]
            assert answers[0].keys() == answers[1].keys()
            ious += [mask_iou(answers[0][kind], answers[1][kind]) for kind in answers[0]]
    assert np.median(ious) > 0.999
    assert np.quantile(ious, 0.05) > 0.97


def test_a_card_that_is_full_gives_way_to_the_cpu_and_the_click_is_answered():
    model = official("cuda")
    leave_little_memory()
    with PromptWorker(lambda: model) as worker:
        listener, noted = Listener(worker), []
        worker.noted.connect(noted.append)
        worker.show(1, tile(0))
        worker.predict(Prompts([[128, 128]], [1]))
        listener.wait(lambda: listener.predicted)
        assert not listener.failed
        assert ["goes on on the CPU" in text for text in noted] == [True]
        assert model.device.type == "cpu"
    torch.cuda.empty_cache()
    assert torch.cuda.memory_allocated() < 64 * 2**20, "the card is left to others"


def test_a_large_image_is_answered_in_windows_on_the_card():
    image = PromptImage(generate_tile(PRESETS["metal_vias"].resized(2048), 7, 0).image)
    clicks = Prompts([[1000, 1000], [1300, 700]], [1, 1])
    masks = []
    for model in (nano("cpu"), nano("cuda")):
        answer = answer_in_windows(model, partial(model.embed, image), image.size_hw, clicks)
        masks.append(answer.candidates[0].mask.to_mask(image.size_hw))
    assert mask_iou(*masks) > 0.99
