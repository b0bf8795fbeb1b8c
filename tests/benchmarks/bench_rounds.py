"""Is a model as good on an image as it says?

`pytest tests/benchmarks/bench_rounds.py -m bench -s` writes bench-out/rounds.json; it goes on
where it was stopped (runs are kept below bench-out/rounds, or in the folder ICSEG_ROUNDS).

For three seeds a U-Net learns from 40 labelled `avr_m1` tiles (`few`), and another by
`mean_teacher` from these and 360 unlabelled ones (`mt`). Confidence and expected IoU are fitted
on 100 validation tiles, and measured on 300 test tiles: the rank correlation of the expected
IoU with the true one, of what a person is shown (mean of eight looks), for `few` alone and for
`mt` with `few` as its teacher; and the calibration error of the pixels before and after the
temperature was fitted.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from trainers.confidence import confidence_of, predict_sure
from trainers.data.snapshot import read_snapshot
from trainers.data.synthetic.write import write_dataset
from trainers.io.atomic import write_text_atomic
from trainers.io.folders import discover
from trainers.io.images import read_image
from trainers.io.manifest import DatasetIndex, DatasetItem, write_manifest
from trainers.io.masks import read_mask
from trainers.metrics.calibration import expected_calibration_error
from trainers.metrics.temperature import tempered
from trainers.predict import load_run, predict_image
from trainers.predicted_iou import evidence_of, true_iou
from trainers.propose import judge_of
from trainers.registry import make_config
from trainers.train import ensure_trained

if TYPE_CHECKING:
    from collections.abc import Sequence

OUT = Path("bench-out")
WORK = Path(os.environ.get("ICSEG_ROUNDS", OUT / "rounds")).absolute()
SEEDS = [int(seed) for seed in os.environ.get("ICSEG_SEEDS", "0,1,2").split(",")]
NUM_VAL, NUM_POOL, NUM_FEW, NUM_DRAWN, NUM_TEST, NUM_EPOCHS = 100, 900, 40, 400, 300, 10
MIN_CORRELATION = 0.7
pytestmark = [pytest.mark.bench, pytest.mark.timeout(4 * 3600)]


def tiles() -> DatasetIndex:
    folder = WORK / "avr"
    if not (folder / "dataset.json").exists():
        count = NUM_VAL + NUM_POOL
        write_dataset(folder, preset="avr_m1", count=count, test_count=NUM_TEST, seed=42)
    return discover(folder)


def data_set(index: DatasetIndex, seed: int, name: str) -> Path:
    """Write the labelled (and unlabelled) tiles of one seed; validation tiles are the same."""
    train = [item for item in index.items if item.split == "train"]
    order = np.random.default_rng(7).permutation(len(train))
    val, pool = order[:NUM_VAL], order[NUM_VAL:]
    drawn = pool[np.random.default_rng(100 + seed).permutation(NUM_POOL)[:NUM_DRAWN]]
    items = [DatasetItem(train[i].image, train[i].mask, "val") for i in val]
    items += [DatasetItem(train[i].image, train[i].mask, "train") for i in drawn[:NUM_FEW]]
    if name == "mt":
        items += [DatasetItem(train[i].image, None, "train") for i in drawn[NUM_FEW:]]
    folder = WORK / "bench_sets" / f"{name}{seed}"
    write_manifest(folder / "manifest.json", DatasetIndex(tuple(items), index.class_names))
    return folder


def trained(index: DatasetIndex, seed: int, name: str) -> Path:
    out = WORK / "out" / f"{name}{seed}"
    if (out / "metrics.json").exists():
        return out
    changes: dict[str, Any] = {"unlabelled": True} if name == "mt" else {}
    data = data_set(index, seed, name)
    config = make_config("unet", data=data, out=out, epochs=NUM_EPOCHS, seed=seed, **changes)
    ensure_trained(config.replace(num_threads=1, tensorboard=False, device="cpu"))
    return out


def measured(student: Path, teacher: Path | None, test: Sequence[DatasetItem]) -> dict[str, Any]:
    """Fit on validation tiles, and compare with the truth on test tiles."""
    model = load_run(student, device="cpu")
    other = None if teacher is None else load_run(teacher, device="cpu")
    judge = judge_of(model, read_snapshot(student / "dataset").of("val"), other)
    said, true, signs, before, after, right = [], [], [], [], [], []
    rng = np.random.default_rng(0)
    for item in test:
        image, target = read_image(item.image), read_mask(item.mask).astype(np.uint8)
        sure = predict_sure(model, image)
        labels = None if other is None else predict_image(other, image).labels
        evidence = evidence_of(sure, teacher=labels)
        said.append(judge.fit(evidence))
        true.append(true_iou(sure.labels, target))
        signs.append(evidence.errors(judge.fit.names))
        places = rng.choice(target.size, 1000, replace=False)
        before.append(confidence_of(sure.probs).ravel()[places])
        after.append(confidence_of(tempered(sure.probs, judge.temperature)).ravel()[places])
        right.append((sure.labels == target).ravel()[places].astype(float))
    alone = [spearmanr(sign, true)[0] for sign in -np.array(signs).T]
    hits = np.concatenate(right)
    return {
        "spearman": float(spearmanr(said, true)[0]),
        "spearman_alone": dict(zip(judge.fit.names, map(float, alone), strict=True)),
        "mean_iou": float(np.mean(true)),
        "mean_said": float(np.mean(said)),
        "mean_absolute_error": float(np.abs(np.array(said) - true).mean()),
        "temperature": judge.temperature,
        "ece_before": expected_calibration_error(np.concatenate(before), hits),
        "ece_after": expected_calibration_error(np.concatenate(after), hits),
        "fit": judge.fit.to_dict(),
    }


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["few", "mt"])
def test_the_expected_iou_follows_the_true_one(kind: str, seed: int) -> None:
    torch.set_num_threads(1)
    index = tiles()
    test = [item for item in index.items if item.split == "test"]
    student = trained(index, seed, kind)
    teacher = trained(index, seed, "few") if kind == "mt" else None
    found = measured(student, teacher, test)
    file = OUT / "rounds.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    write_text_atomic(file, json.dumps({**known, f"{kind}{seed}": found}, indent=1) + "\n")
    print(f"\n{kind}{seed}: {json.dumps(found)}")
    assert found["spearman"] >= MIN_CORRELATION
    assert found["ece_after"] <= found["ece_before"] + 0.005
