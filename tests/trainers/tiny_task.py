"""A model without batch normalisation, and its data: what parallel training is tested with.

As a script, `python tiny_task.py CONFIG [--resume]` trains it; a launcher may start several.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from trainers.models.base import Batch, TaskData

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trainers.config import TrainConfig


class Points:
    """`count` random points and their wanted values."""

    def __init__(self, count: int) -> None:
        self.count, self.epoch = count, 0

    def __len__(self) -> int:
        return self.count

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __getitem__(self, index: int) -> Batch:
        generator = torch.Generator().manual_seed(1000 * self.epoch + index)
        values = torch.rand(4, generator=generator)
        return {"x": values, "y": values.sum()[None] + 1.0, "index": torch.tensor(index)}


class TinyTask:
    """Regression by a small network with dropout; an unused layer gets no gradient."""

    name: ClassVar[str] = "tiny"
    selection_metric: ClassVar[str] = "score"
    needs_data: ClassVar[bool] = False

    def defaults(self, preset: str) -> Mapping[str, Any]:
        return {}

    def build_model(self, config: TrainConfig) -> nn.Module:
        torch.manual_seed(config.seed)
        dropout = nn.Dropout(float(config.model_options.get("dropout", 0.0)))
        net = nn.Sequential(nn.Linear(4, 16), nn.GELU(), dropout, nn.Linear(16, 1))
        return nn.ModuleDict({"net": net, "unused": nn.Linear(2, 2)})

    def build_data(self, config: TrainConfig, run_dir: Path) -> TaskData:
        return TaskData(Points(int(config.model_options.get("count", 20))), Points(6))

    def training_loss(self, model: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        error = self.error(model, batch)
        return {"loss": error.square().mean(), "absolute": error.abs().mean().detach()}

    def error(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        difference: torch.Tensor = model["net"](batch["x"]) - batch["y"]  # type: ignore[index]
        return difference

    def validate(self, model: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        losses = [float(self.error(model, batch).square().mean()) for batch in batches]
        mean = sum(losses) / len(losses)
        return {"loss": mean, "score": 1.0 / (1.0 + mean)}


def main() -> None:
    """Train by the configuration file given."""
    from trainers import registry
    from trainers.config import read_config
    from trainers.train import resume, train

    registry.MODELS["tiny"] = TinyTask
    config = read_config(Path(sys.argv[1]))
    if "--fail-in-rank-1" in sys.argv and os.environ["RANK"] == "1":
        TinyTask.training_loss = _out_of_order  # type: ignore[method-assign]
    if "--memory" in sys.argv and os.environ["RANK"] == "1":
        _limit_memory(TinyTask, most=1)
    if "--resume" in sys.argv:
        resume(config.out)
    else:
        train(config)


def _out_of_order(_task: TinyTask, _model: nn.Module, _batch: Batch) -> dict[str, torch.Tensor]:
    raise ValueError("the second process is out of order")


def _limit_memory(task: type[TinyTask], *, most: int) -> None:
    original = task.training_loss

    def training_loss(self: TinyTask, model: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        if len(batch["x"]) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return original(self, model, batch)

    task.training_loss = training_loss  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
