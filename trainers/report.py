"""What the training loop tells the outside: events, log lines and warnings."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainers.health import PredictionWatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from trainers.config import TrainConfig
    from trainers.progress import EventWriter

log = logging.getLogger("trainers")

_STEP_EVENT_EVERY_S = 0.25
_DRY_RUN_STEPS = 4
"""The first step warms caches up; the next three give the expected duration."""


@dataclass
class Position:
    """Where the run stands; `step` counts optimiser steps over all epochs."""

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    """Sum of the training losses of this epoch's steps."""
    best_epoch: int = 0
    """1-based; 0 before the first epoch ends."""
    best_metrics: dict[str, float] = field(default_factory=dict)
    last_metrics: dict[str, float] = field(default_factory=dict)


class Report:
    """Writes the events of one process's share of a run, sparsely enough to stay small."""

    def __init__(
        self, events: EventWriter, config: TrainConfig, *, num_steps: int, device: str
    ) -> None:
        self._events, self._config = events, config
        self._num_steps, self._device = num_steps, device
        self._last_event_s = -math.inf
        self._num_steps_here = 0
        self._first_step_end_s = 0.0
        self._predictions = PredictionWatch(config)

    def step(
        self,
        position: Position,
        *,
        loss: float,
        lr: float,
        parts: Mapping[str, Tensor],
        is_last: bool,
    ) -> None:
        """Report an optimiser step, unless the last report is younger than 0.25 s.

        The last step of an epoch is always reported.
        """
        now_s = time.monotonic()
        self._estimate_duration(now_s)
        if not is_last and now_s - self._last_event_s < _STEP_EVENT_EVERY_S:
            return
        self._last_event_s = now_s
        self._events.write(
            "step",
            step=position.step,
            num_steps=self._num_steps,
            epoch=position.epoch + 1,
            loss=loss,
            lr=lr,
            parts={name: float(value.detach()) for name, value in parts.items()},
        )

    def epoch(
        self, epoch: int, metrics: Mapping[str, float], *, train_loss: float, seconds: float
    ) -> None:
        """Report the end of 1-based `epoch`, and warn of what its metrics give away."""
        scores = ", ".join(
            f"{name} {value:.4f}" for name, value in metrics.items() if "/" not in name
        )
        log.info("epoch %d: train loss %.4f; validation: %s", epoch, train_loss, scores)
        for reason in self._predictions.see(epoch, metrics):
            self.warn(reason)
        self._events.write(
            "epoch",
            epoch=epoch,
            num_epochs=self._config.epochs,
            train_loss=train_loss,
            val_loss=metrics["loss"],
            val={name: value for name, value in metrics.items() if name != "loss"},
            seconds=seconds,
        )

    def warn(self, reason: str) -> None:
        """Tell the user of a likely mistake, in the events and the log."""
        log.warning("%s", reason)
        self._events.write("warning", reason=reason)

    def preview(self, epoch: int, file: str) -> None:
        """Report a picture of predictions; `file` is relative to the run folder."""
        self._events.write("preview", epoch=epoch, file=file)

    def stopped_early(self, position: Position, metric: str) -> None:
        """Report that the run ends before its last epoch, for it does not get better."""
        reason = (
            f"{metric} has not improved since epoch {position.best_epoch}: stopped after "
            f"{position.epoch} of {self._config.epochs} epochs (patience "
            f"{self._config.patience})."
        )
        log.info("%s", reason)
        self._events.write("stopped_early", epoch=position.epoch, reason=reason)

    def paused(self, position: Position) -> None:
        """Report that the run waits where it stands."""
        if self._num_steps_here < _DRY_RUN_STEPS:
            self._num_steps_here = 0  # a wait among the first steps would spoil their mean
        log.info("paused at epoch %d, step %d", position.epoch, position.step)
        self._events.write("paused", epoch=position.epoch, step=position.step)

    def continued(self, position: Position) -> None:
        """Report that the run goes on."""
        log.info("continued")
        self._events.write("continued", epoch=position.epoch, step=position.step)

    def _estimate_duration(self, now_s: float) -> None:
        self._num_steps_here += 1
        if self._num_steps_here == 1:
            self._first_step_end_s = now_s
        elif self._num_steps_here == _DRY_RUN_STEPS:
            mean_s = (now_s - self._first_step_end_s) / (_DRY_RUN_STEPS - 1)
            self._events.write(
                "dry_run",
                seconds_per_step=mean_s,
                expected_s=mean_s * self._num_steps,
                device=self._device,
            )
