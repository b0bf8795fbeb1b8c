"""How much the kept features of a frozen encoder save, beside the plain loop on the same steps.

`pytest tests/benchmarks/bench_frozen.py -m bench -s` writes bench-out/frozen.json.

SAM-SEG on SAM 2.1 tiny's architecture (its weights do not matter here) at its own input size,
one orientation, no validation to speak of. Target: from the second epoch on five times faster
an epoch, with the same losses.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from trainers.data.synthetic import write_dataset
from trainers.io.atomic import write_text_atomic
from trainers.progress import RunState, read_events
from trainers.registry import make_config
from trainers.train import train

OUT = Path("bench-out")
NUM_TILES, NUM_EPOCHS, INPUT_PX = 7, 3, 1024
MIN_SPEEDUP, LOSS_TOLERANCE = 5.0, 2e-2
pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]


def run(data, out, *, cache_gib):
    options = {
        "sam": "sam2.1-tiny",
        "sam_weights": "untrained",
        "input_size_px": INPUT_PX,
        "cache_gib": cache_gib,
        "num_orientations": 1,
        "min_tiles": 0,
    }
    config = make_config(
        "sam_seg",
        data=data,
        out=out,
        epochs=NUM_EPOCHS,
        batch_size=2,
        val_fraction=0.15,
        device="cpu",
        num_threads=2,
        augment="none",
        model_options=options,
    )
    assert train(config).state is RunState.FINISHED
    events = read_events(out / "events.jsonl")[0]
    epochs = [event for event in events if event["kind"] == "epoch"]
    return [e["train_loss"] for e in epochs], [e["seconds"] for e in epochs]


def test_kept_features_make_later_epochs_five_times_faster(tmp_path):
    write_dataset(tmp_path / "tiles", preset="avr_m1", count=NUM_TILES, test_count=0, seed=3)
    plain_losses, plain_s = run(tmp_path / "tiles", tmp_path / "plain", cache_gib=0.0)
    kept_losses, kept_s = run(tmp_path / "tiles", tmp_path / "kept", cache_gib=2.0)
    report = {
        "plain_epoch_s": [round(s, 2) for s in plain_s],
        "kept_epoch_s": [round(s, 2) for s in kept_s],
        "speedup_from_second_epoch": round(
            float(np.median(plain_s[1:]) / np.median(kept_s[1:])), 2
        ),
        "plain_losses": plain_losses,
        "kept_losses": kept_losses,
    }
    write_text_atomic(OUT / "frozen.json", json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    np.testing.assert_allclose(kept_losses, plain_losses, rtol=LOSS_TOLERANCE)
    assert report["speedup_from_second_epoch"] >= MIN_SPEEDUP
