"""The sam2-nano that ships labels the sample tiles in very few clicks."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from napari_icseg.bench.noc import run_noc, summary
from napari_icseg.bench.tiles import read_data
from napari_icseg.prompting.checkpoints import load_predictor
from trainers.embedded import EMBEDDED

SAMPLES = Path(__file__).parents[3] / "sample_data"
NUM_TARGETS = 3
"""Of a tile: the metal layer and two nets."""


def first_targets(tile):
    return replace(tile, targets_of=lambda image: tile.targets_of(image)[:NUM_TARGETS])


@pytest.fixture(scope="module")
def scores():
    torch.set_num_threads(1)
    predictor = load_predictor("sam2-nano", device="cpu")
    data = read_data(SAMPLES / "coco.json")
    few = replace(data, tiles=tuple(map(first_targets, data.tiles)))
    return summary(run_noc(predictor, few))["jittered"]["by_target"]


def test_the_metal_layer_reaches_iou_085_after_one_click(scores):
    assert scores["metal layer"]["iou_1"] >= 0.85


def test_a_metal_net_reaches_iou_075_after_three_clicks(scores):
    assert scores["metal net"]["iou_3"] >= 0.75


def test_it_ships_in_at_most_twenty_megabytes():
    assert EMBEDDED.stat().st_size <= 20e6
