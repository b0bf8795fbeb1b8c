"""How well the embedded sam2-nano follows clicks: the figures of its model card.

`pytest tests/benchmarks/bench_nano.py -m bench -s` writes bench-out/nano.json: the scores of
`icseg bench noc` on the sample tiles and on tiles of seeds never trained on.
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
NUM_TILES = 100
pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]


def test_scores_of_the_embedded_model(tmp_path):
    predictor = load_predictor("sam2-nano", device="cpu")

    def score(coco):
        return summary(run_noc(predictor, read_data(coco)))

    report = {"sample_data": score(SAMPLES / "coco.json")}
    for preset in ("avr_m1", "metal_vias", "mixed"):
        folder = tmp_path / preset
        write_dataset(folder, preset=preset, count=NUM_TILES, test_count=0, seed=TEST_SEED)
        report[preset] = score(folder / "train/coco.json")
    report["checkpoint"] = predictor.checkpoint_id
    write_text_atomic(OUT / "nano.json", json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
