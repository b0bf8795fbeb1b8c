"""Optimiser, learning-rate schedules and averaged weights of a run."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainers.config import TrainConfig


def build_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Return AdamW (Loshchilov & Hutter 2019) or Adam over the trainable parameters.

    Weight decay acts on matrices and kernels only, not on biases and normalisation.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    on_cpu = all(p.device.type == "cpu" for p in parameters)
    # fused is the fastest on the CPU; elsewhere torch chooses (fused forbids scaled clipping)
    fused = True if on_cpu and config.precision != "16-mixed" else None
    if config.optimizer == "adam":
        return torch.optim.Adam(groups, lr=config.lr, fused=fused)
    return torch.optim.AdamW(groups, lr=config.lr, fused=fused)


def learning_rate(config: TrainConfig, *, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of 0-based optimiser step `step`; a pure function of it."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    if config.schedule == "divide10":
        return float(config.lr * 0.1 ** (step // steps_per_epoch))
    if config.schedule == "cosine":
        num_steps = config.epochs * steps_per_epoch
        done = (step - config.warmup_steps) / max(1, num_steps - config.warmup_steps)
        low = config.lr * config.min_lr_ratio
        return low + (config.lr - low) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))
    return config.lr


class AveragedModel:
    """Exponential moving average of a model's weights (Tarvainen & Valpola 2017, section 2).

    The decay starts low, min(decay, (1 + t) / (10 + t)), so that early averages are not
    stuck at the initial weights. Buffers (batch-norm statistics) are copied; frozen weights,
    which no step changes, are shared with the model.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        shared = {id(p): p for p in model.parameters() if not p.requires_grad}
        self.model = deepcopy(model, shared).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, *, step: int) -> None:
        """Move the average towards `model` after 1-based optimiser step `step`."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for average, current in zip(self.model.parameters(), model.parameters(), strict=True):
            if current.requires_grad:
                average.lerp_(current, 1.0 - decay)
        for kept, buffer in zip(self.model.buffers(), model.buffers(), strict=True):
            kept.copy_(buffer)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averaged weights."""
        return self.model.state_dict()
