"""How well the embedded sam2-nano follows clicks: the figures of its model card.

`pytest tests/benchmarks/bench_nano.py -m bench -s` writes bench-out/nano-*.json: the scores of
`icseg bench noc` on the sample tiles and on tiles of a seed never trained on.
"""

import json
from pathlib import Path

import pytest

from napari_icseg.bench.noc import run_noc, summary
from napari_icseg.bench.tiles import read_data
from napari_icseg.prompting.checkpoints import load_predictor
from trainers.data.synthetic import write_dataset
from trainers.io.atomic import write_text_atomic

OUT = Path("bench-out")
SAMPLES = Path(__file__).parents[2] / "sample_data"
TEST_SEED = 700_001
NUM_TILES = 60
MAX_OBJECTS = 8
"""Nets and vias clicked of each tile, drawn at random, beside its layers."""
pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def predictor():
    return load_predictor("sam2-nano", device="cpu")


def tell(predictor, name, data, **protocol):
    report = summary(run_noc(predictor, data, **protocol))
    report |= {"checkpoint": predictor.checkpoint_id, "data_sha256": data.sha256(), **protocol}
    write_text_atomic(OUT / f"nano-{name}.json", json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


def test_clicks_on_the_sample_tiles(predictor):
    tell(predictor, "sample_data", read_data(SAMPLES / "coco.json"))


@pytest.mark.parametrize("preset", ["train", "avr_m1", "metal_vias", "mixed"])
def test_clicks_on_tiles_never_trained_on(predictor, preset, tmp_path):
    write_dataset(tmp_path / preset, preset=preset, count=NUM_TILES, test_count=0, seed=TEST_SEED)
    data = read_data(tmp_path / preset / "train/coco.json")
    tell(predictor, preset, data, max_objects=MAX_OBJECTS)
