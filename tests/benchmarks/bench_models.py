"""How many tiles a second the four models learn from and predict, on one CPU core or a GPU.

`pytest tests/benchmarks/bench_models.py -m bench -s` writes bench-out/models.json;
`ICSEG_BENCH_DEVICE=cuda` measures a graphics card. The paper's recipes with sam2-nano and tiles
of 256²; the features of the frozen SAM-2 are kept in the first epoch, the second is measured.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from trainers.data.synthetic import PRESETS, generate_tile, write_dataset
from trainers.io.atomic import write_text_atomic
from trainers.predict import load_run, predict_image
from trainers.registry import make_config
from trainers.train import train

DEVICE = os.environ.get("ICSEG_BENCH_DEVICE", "cpu")
OUT = Path("bench-out") / "models.json"
MODELS = ("unet", "sam_seg", "sam_det", "rsprompter")
NUM_TILES = 96 if DEVICE == "cuda" else 20
NUM_PREDICTED = 20
pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "tiles"
    return write_dataset(out, preset="avr_m1", count=NUM_TILES, test_count=1, seed=3)


@pytest.fixture(scope="module")
def found() -> Any:
    rates: dict[str, Any] = {}
    yield rates
    device = torch.cuda.get_device_name() if DEVICE == "cuda" else f"{DEVICE}, one core"
    text = json.dumps({"device": device, "models": rates}, indent=1)
    print(text)
    write_text_atomic(OUT, text + "\n")


@pytest.mark.parametrize("preset", ["best", "paper"])
@pytest.mark.parametrize("model", MODELS)
def test_rate(model: str, preset: str, tiles: Path, tmp_path: Path, found: Any) -> None:
    options = {"sam": "sam2-nano"} if preset == "paper" and model != "unet" else {}
    config = make_config(
        model,
        data=tiles,
        out=tmp_path / "run",
        preset=preset,
        epochs=2,
        device=DEVICE,
        num_threads=1,
        precision="bf16-mixed",
        model_options=options,
    )
    steps_s: list[tuple[int, float]] = []

    def see(event: dict[str, Any]) -> None:
        if event["kind"] == "step":
            steps_s.append((event["epoch"], time.perf_counter()))

    train(config, on_event=see)
    times = [when for epoch, when in steps_s if epoch == 2]
    step_s = statistics.median(b - a for a, b in itertools.pairwise(times))
    loaded = load_run(config.out, device=DEVICE)
    predicted_s = []
    for number in range(NUM_PREDICTED):
        image = generate_tile(PRESETS["avr_m1"], 9, number).image
        started_s = time.perf_counter()
        predict_image(loaded, image)
        predicted_s.append(time.perf_counter() - started_s)
    found[f"{model}, {preset}"] = {
        "batch": config.batch_size,
        "learned_tiles_per_s": round(config.batch_size / step_s, 1),
        "step_ms": round(1000 * step_s, 1),
        "predict_p50_ms": round(1000 * statistics.median(predicted_s), 1),
    }
