"""What the training engine costs: U-Net steps beside a bare PyTorch loop over preloaded tensors.

`pytest tests/benchmarks/bench_train.py -m bench -s` writes bench-out/train.json. Both take the
same steps (model, batch, loss, clipping, AdamW; no augmentation). The engine also cuts its tiles
(read in the first epoch, timed in the others), checks, reports and looks whether it shall stop.
Its steps and the bare ones alternate, so that both meet the same load of the machine.
"""

import json
import statistics
import time
from pathlib import Path

import pytest
import torch

from trainers.data.batches import build_loader
from trainers.data.synthetic import write_dataset
from trainers.io.atomic import write_text_atomic
from trainers.models.unet_task import UNetTask
from trainers.optimizer import build_optimizer
from trainers.registry import make_config
from trainers.train import train

OUT = Path("bench-out")
STEPS_PER_EPOCH = 12
NUM_EPOCHS = 5
TARGET = 0.95
pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]


class BareLoop:
    """The plainest way to train the same model; built when the run's data are there."""

    def __init__(self, config):
        self.task, self.config = UNetTask(), config.replace(class_names=("metal",))
        self.model = self.task.build_model(self.config).train()
        self.optimizer = build_optimizer(self.model, self.config)
        data = self.task.build_data(self.config, config.out).train
        self.batches = list(build_loader(data, self.config, epoch=0))

    def step(self, number):
        loss = self.task.training_loss(self.model, self.batches[number % len(self.batches)])["loss"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.grad_clip)
        self.optimizer.step()
        self.optimizer.zero_grad()


class Stopwatch:
    """Listens to the engine's steps, and takes a bare one after each."""

    def __init__(self, config):
        self.config, self.bare, self.last = config, None, None
        self.engine_s, self.bare_s = [], []

    def __call__(self, event):
        if event["kind"] == "started":
            self.bare = BareLoop(self.config)
        if event["kind"] == "epoch":
            self.last = None  # what lies between two epochs is no step
        if event["kind"] != "step":
            return
        arrived = time.process_time()
        self.bare.step(event["step"])
        left = time.process_time()
        if self.last is not None and event["epoch"] > 1:
            self.engine_s.append(arrived - self.last)
            self.bare_s.append(left - arrived)
        self.last = left


def test_the_engine_costs_little_beside_a_bare_loop(tmp_path, monkeypatch):
    monkeypatch.setattr("trainers.report._STEP_EVENT_EVERY_S", 0.0)  # it reports more than usual
    count = STEPS_PER_EPOCH * 4 + 1
    write_dataset(tmp_path / "data", preset="avr_m1", count=count, test_count=0, seed=1)
    config = make_config(
        "unet",
        out=tmp_path / "run",
        data=tmp_path / "data",
        epochs=NUM_EPOCHS,
        augment="none",
        val_fraction=0.01,
        num_threads=1,
        device="cpu",
        model_options={"min_crops": 0},
    )
    watch = Stopwatch(config)
    train(config, on_event=watch)
    report = {
        "engine_step_s": statistics.median(watch.engine_s),
        "bare_step_s": statistics.median(watch.bare_s),
        "relative_throughput": statistics.median(watch.bare_s) / statistics.median(watch.engine_s),
        "batch_size": config.batch_size,
        "image_size": config.image_size,
        "num_steps": len(watch.engine_s),
    }
    write_text_atomic(OUT / "train.json", json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    assert report["relative_throughput"] >= TARGET
