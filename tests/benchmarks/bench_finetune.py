"""What fine-tuning on one's own tiles does for clicking: NoC before and after, held-out tiles.

`pytest tests/benchmarks/bench_finetune.py -m bench -s` writes bench-out/finetune.json.

Forty labelled tiles of one sort stand for a user's own: fine dark lines on bright ground, somewhat
noisy, all taken alike, as one chip under one microscope looks. SAM-SEG trains the click model's
mask decoder on them, and the click benchmark compares both on tiles of another seed.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from napari_icseg.bench.noc import run_noc, summary
from napari_icseg.bench.tiles import read_data
from napari_icseg.prompting.checkpoints import load_predictor
from trainers.data.synthetic import PRESETS, write_dataset
from trainers.data.synthetic.presets import MIXED
from trainers.io.atomic import write_text_atomic
from trainers.progress import RunState
from trainers.registry import make_config
from trainers.train import train

OUT = Path("bench-out")
NUM_OWN, NUM_HELD_OUT, MAX_OBJECTS = 40, 20, 4
OWN_SEED, HELD_OUT_SEED = 33, 700_001
OWN = replace(
    MIXED,
    name="own",
    blank_rate=0.05,
    layout=replace(
        MIXED.layout,
        styles=(("routed", 0.7), ("bus", 0.3)),
        line_width_px=(5.0, 8.0),
        gap_ratio=(0.8, 1.4),
        via_tile_rate=0.0,
    ),
    imaging=replace(
        MIXED.imaging,
        inverted_tile_rate=1.0,
        contrast=(35.0, 50.0),
        noise_sigma=(4.0, 6.0),
        blur_px=(0.8, 1.2),
    ),
)
pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]


def clicks(model, data):
    report = summary(run_noc(load_predictor(model, device="cpu"), data, max_objects=MAX_OBJECTS))
    return report["jittered"]


def test_fine_tuning_on_own_tiles_saves_clicks_on_held_out_ones(tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, OWN.name, OWN)
    for name, count, seed in (("own", NUM_OWN, OWN_SEED), ("held", NUM_HELD_OUT, HELD_OUT_SEED)):
        write_dataset(tmp_path / name, preset=OWN.name, count=count, test_count=0, seed=seed)
    config = make_config("sam_seg", data=tmp_path / "own", out=tmp_path / "run", device="cpu")
    assert train(config).state is RunState.FINISHED
    held_out = read_data(tmp_path / "held/train/coco.json")
    report = {"before": clicks("sam2-nano", held_out), "after": clicks(config.out, held_out)}
    write_text_atomic(OUT / "finetune.json", json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    noc = {when: scores["all"]["noc_90"] for when, scores in report.items()}
    assert noc["after"] < noc["before"]
