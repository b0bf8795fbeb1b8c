"""Do suggested images teach a model more than images chosen by lot?

`pytest tests/benchmarks/bench_suggest.py -m bench -s` writes bench-out/suggest.json; it goes on
where it was stopped (runs are kept below bench-out/suggest).

A pool of `avr_m1` tiles; for each budget and seed a U-Net learns from the typical images
(`suggest_typical`) or from as many drawn by lot, evenly from the quarters of the pool by mean
grey value (stratified without knowing a label). Same epochs, same validation and test tiles.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_icseg.prompting.checkpoints import EMBEDDED, checkpoint_path
from trainers.checkpoint import load_checkpoint
from trainers.data.synthetic.write import write_dataset
from trainers.evaluate import evaluate
from trainers.image_vectors import image_vector, standardised
from trainers.io.atomic import write_text_atomic
from trainers.io.folders import discover
from trainers.io.images import read_image
from trainers.io.manifest import DatasetIndex, DatasetItem, write_manifest
from trainers.models.sam2.build import build_sam2
from trainers.predict import load_run
from trainers.registry import make_config
from trainers.suggest import suggest_typical
from trainers.train import ensure_trained

OUT = Path("bench-out")
WORK = OUT / "suggest"
BUDGETS = tuple(int(n) for n in os.environ.get("ICSEG_BUDGETS", "10,25,50,100").split(","))
NUM_SEEDS = int(os.environ.get("ICSEG_SEEDS", "5"))
NUM_POOL, NUM_VAL, NUM_TEST, NUM_EPOCHS = 600, 60, 150, 10
pytestmark = [pytest.mark.bench, pytest.mark.timeout(4 * 3600)]


def data() -> Path:
    folder = WORK / "data"
    if not (folder / "dataset.json").exists():
        write_dataset(
            folder, preset="avr_m1", count=NUM_POOL + NUM_VAL, test_count=NUM_TEST, seed=31
        )
    return folder


def by_lot(images: list[np.ndarray], num: int, seed: int) -> list[int]:
    """Draw evenly from the quarters by mean grey value."""
    order = np.argsort([image.mean() for image in images])
    rng = np.random.default_rng(seed)
    quarters = [rng.permutation(part) for part in np.array_split(order, 4)]
    return [int(quarters[n % 4][n // 4]) for n in range(num)]


def score(chosen: list[int], pool, val, names, *, seed: int, name: str) -> float:
    """Train on the chosen images and return the IoU on the test tiles."""
    items = [DatasetItem(pool[n].image, pool[n].mask, "train") for n in chosen]
    items += [DatasetItem(item.image, item.mask, "val") for item in val]
    manifest = WORK / "sets" / name / "manifest.json"
    write_manifest(manifest, DatasetIndex(tuple(items), names))
    config = make_config(
        "unet",
        data=manifest.parent.absolute(),
        out=(WORK / "runs" / name).absolute(),
        epochs=NUM_EPOCHS,
        seed=seed,
        num_threads=1,
        tensorboard=False,
    )
    ensure_trained(config)
    torch.set_num_threads(1)
    return float(evaluate(load_run(config.out, device="cpu"), WORK / "data").metrics["iou"])


def test_what_suggested_images_teach_beside_images_by_lot():
    index = discover(data())
    train = [item for item in index.items if item.split == "train"]
    pool, val = train[:NUM_POOL], train[NUM_POOL:]
    images = [read_image(item.image) for item in pool]
    model = build_sam2(load_checkpoint(checkpoint_path(EMBEDDED))).eval()
    vectors = standardised(np.stack([image_vector(model, image) for image in images]))
    report: dict[str, dict[str, list[float]]] = {}
    for budget in BUDGETS:
        for seed in range(NUM_SEEDS):
            typical = [each.index for each in suggest_typical(vectors, [], budget, seed=seed)]
            for how, chosen in (("typical", typical), ("lot", by_lot(images, budget, seed))):
                iou = score(
                    chosen, pool, val, index.class_names, seed=seed, name=f"{how}-{budget}-{seed}"
                )
                report.setdefault(str(budget), {}).setdefault(how, []).append(round(iou, 4))
        print(budget, report[str(budget)], flush=True)
        write_text_atomic(OUT / "suggest.json", json.dumps(report, indent=1) + "\n")
    means = {b: {how: float(np.mean(v)) for how, v in by.items()} for b, by in report.items()}
    print(json.dumps(means, indent=1))
