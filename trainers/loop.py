"""The training loop: steps, epochs, validation, checkpoints, cancelling and exact resume.

Every random draw depends on (seed, epoch, index) or (seed, step) only. Position, weights and
optimiser state are therefore all that a resume needs to reach the same result bit by bit.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from trainers.checkpoint import (
    inherit_weights,
    load_checkpoint,
    load_tensors,
    save_checkpoint,
    save_tensors,
)
from trainers.data.batches import build_loader, split_batches
from trainers.errors import CheckpointError, TrainingError
from trainers.optimizer import AveragedModel, build_optimizer, learning_rate
from trainers.previews import Previews
from trainers.report import Position, Report
from trainers.run_folder import checkpoint_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from trainers.config import TrainConfig
    from trainers.models.base import Batch, Task, TaskData
    from trainers.progress import EventWriter
    from trainers.run_folder import RunFolder

log = logging.getLogger("trainers")
_LOOK_AROUND_EVERY_S = 0.1
"""How soon a paused run notices that it may go on."""


class RunCancelledError(Exception):
    """The run was asked to stop, and has written a checkpoint if it had begun."""

    def __init__(self, *, epoch: int = 0, step: int = 0) -> None:
        super().__init__()
        self.epoch = epoch
        self.step = step


class _LossModule(nn.Module):
    """Model and loss as one module: the form that Fabric wraps for any strategy."""

    def __init__(self, task: Task, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self._task = task

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return self._task.training_loss(self.model, batch)


class Loop:
    """One run in one process."""

    def __init__(
        self,
        task: Task,
        data: TaskData,
        config: TrainConfig,
        folder: RunFolder,
        *,
        events: EventWriter,
        meta: Mapping[str, Any],
        is_cancelled: Callable[[], bool],
    ) -> None:
        self.task, self.data, self.config, self.folder = task, data, config, folder
        self.meta, self.is_cancelled = meta, is_cancelled
        self.position = Position()
        self.fabric = Fabric(accelerator=config.device, devices=1, precision=config.precision)
        model = task.build_model(config)
        if config.parent is not None and not folder.state.exists():
            self._inherit(model, config.parent)
        self.model = model.to(self.fabric.device)
        self.optimizer = build_optimizer(self.model, config)
        wrapped = self.fabric.setup(_LossModule(task, self.model), self.optimizer)
        self._module, self._stepper = wrapped
        self.average = (
            AveragedModel(self.model, config.ema_decay) if config.ema_decay is not None else None
        )
        self.steps_per_epoch = len(split_batches(len(data.train), config.batch_size))
        self._last_checkpoint_s = time.monotonic()
        self._paused_s = 0.0
        """Of the present epoch."""
        self.previews = Previews.of(task, data.val, folder)
        self.report = Report(
            events, config, num_steps=self.num_steps, device=str(self.fabric.device)
        )

    def _inherit(self, model: nn.Module, parent: Path) -> None:
        found = inherit_weights(model, load_checkpoint(checkpoint_file(parent)))
        log.info("%d weights from %s; new: %s", len(found.taken), parent, found.new or "none")

    @property
    def num_steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.config.epochs * self.steps_per_epoch

    @property
    def kept_model(self) -> nn.Module:
        """The model that is validated and kept: the average if there is one."""
        return self.average.model if self.average is not None else self.model

    def run(self) -> None:
        """Train to the end from the present position.

        Raises:
            RunCancelledError: asked to stop; `last` and the state are written.
            TrainingError: the loss or the gradient is no finite number.

        """
        self._obey()
        while self.position.epoch < self.config.epochs:
            self._run_epoch()

    def _run_epoch(self) -> None:
        started_s, self._paused_s = time.monotonic(), 0.0
        position = self.position
        self.data.train.set_epoch(position.epoch)
        loader = build_loader(
            self.data.train,
            self.config,
            epoch=position.epoch,
            start_batch=position.step_in_epoch,
        )
        self.model.train()
        for batch in loader:
            self._run_step(batch)
        metrics = self._validate()
        self._finish_epoch(metrics, seconds=time.monotonic() - started_s - self._paused_s)

    def _run_step(self, batch: Batch) -> None:
        position = self.position
        lr = learning_rate(self.config, step=position.step, steps_per_epoch=self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        torch.manual_seed(self.config.seed * 1_000_003 + position.step)
        losses = self._module(self.fabric.to_device(batch))
        loss = self._checked_loss(losses)
        self.fabric.backward(losses["loss"])
        self._clip_gradient()
        self._stepper.step()
        self._stepper.zero_grad()
        position.step += 1
        position.step_in_epoch += 1
        position.loss_sum += loss
        if self.average is not None:
            self.average.update(self.model, step=position.step)
        self._after_step(losses, loss=loss, lr=lr)

    def _checked_loss(self, losses: Mapping[str, Tensor]) -> float:
        loss = float(losses["loss"].detach())
        if not math.isfinite(loss):
            raise TrainingError(self._diverged(f"The loss became {loss}"))
        return loss

    def _clip_gradient(self) -> None:
        """Clip, and stop before a gradient that is no number spoils the weights."""
        scaled = self.config.precision == "16-mixed"
        limit = self.config.grad_clip
        if scaled and limit is None:
            return  # the scaler itself skips steps with infinite gradients
        norm = self.fabric.clip_gradients(
            self._module,
            self._stepper,
            max_norm=limit if limit is not None else math.inf,
            error_if_nonfinite=False,
        )
        if not scaled and norm is not None and not bool(torch.isfinite(norm)):
            raise TrainingError(self._diverged(f"The gradient's norm became {float(norm)}"))

    def _diverged(self, what: str) -> str:
        hints = [f"lower lr (now {self.config.lr:g})"]
        if self.config.grad_clip is None:
            hints.append("set grad_clip to 1")
        if self.config.precision == "16-mixed":
            hints.append("use precision bf16-mixed or 32-true")
        return (
            f"{what} in step {self.position.step + 1} of epoch {self.position.epoch + 1}: the "
            f"training diverged. {'; or '.join(hints).capitalize()}, and start again. "
            "The last good checkpoint is kept."
        )

    def _after_step(self, losses: Mapping[str, Tensor], *, loss: float, lr: float) -> None:
        position = self.position
        parts = {name: value for name, value in losses.items() if name != "loss"}
        is_last = position.step_in_epoch == self.steps_per_epoch
        self.report.step(position, loss=loss, lr=lr, parts=parts, is_last=is_last)
        self._obey()
        every = self.config.checkpoint_every_steps
        due = every is not None and position.step % every == 0
        waited_s = time.monotonic() - self._last_checkpoint_s
        if due or waited_s >= self.config.checkpoint_every_s:
            self.save_last({})

    def _validate(self) -> dict[str, float]:
        model = self.kept_model
        model.eval()
        self.data.val.set_epoch(0)
        with torch.no_grad(), self.fabric.autocast():
            metrics = self.task.validate(model, self._validation_batches())
        return {name: float(value) for name, value in metrics.items()}

    def _validation_batches(self) -> Iterator[Batch]:
        for batch in build_loader(self.data.val, self.config, epoch=None):
            self._check_cancelled()
            yield cast("Batch", self.fabric.to_device(batch))

    def _finish_epoch(self, metrics: dict[str, float], *, seconds: float) -> None:
        position = self.position
        train_loss = position.loss_sum / max(1, position.step_in_epoch)
        position.epoch, position.step_in_epoch, position.loss_sum = position.epoch + 1, 0, 0.0
        position.last_metrics = metrics
        name = self.task.selection_metric
        if metrics[name] > position.best_metrics.get(name, -math.inf):  # false for NaN
            position.best_metrics, position.best_epoch = metrics, position.epoch
            save_checkpoint(self.folder.best, self.kept_model.state_dict(), self._meta(metrics))
        self.report.epoch(position.epoch, metrics, train_loss=train_loss, seconds=seconds)
        self._preview()
        # after the event: a kill in between repeats the epoch, and a resume drops its first event
        self.save_last(metrics)

    def _preview(self) -> None:
        """Draw what the model finds now; that this fails must not end a training."""
        if self.previews is None:
            return
        try:
            with torch.no_grad(), self.fabric.autocast():
                file = self.previews.draw(self.kept_model, self.position.epoch, self.fabric.device)
            self.report.preview(self.position.epoch, file)
        except Exception as error:
            self.previews = None  # it would fail again
            self.report.warn(f"Previews of predictions cannot be drawn: {error}")

    def _meta(self, metrics: Mapping[str, float]) -> dict[str, Any]:
        return {
            **self.meta,
            "epoch": self.position.epoch,
            "step": self.position.step,
            "metrics": dict(metrics),
        }

    def _check_cancelled(self) -> None:
        if self.is_cancelled():
            self.save_last({})
            raise RunCancelledError(epoch=self.position.epoch, step=self.position.step)

    def _obey(self) -> None:
        """Do what the files in the run folder ask for: stop, or wait (after a checkpoint)."""
        self._check_cancelled()
        if not self.folder.pause.exists():
            return
        self.save_last({})
        started_s = time.monotonic()
        self.report.paused(self.position)
        while self.folder.pause.exists():
            self._check_cancelled()
            time.sleep(_LOOK_AROUND_EVERY_S)
        self.report.continued(self.position)
        self._paused_s += time.monotonic() - started_s

    def save_last(self, metrics: Mapping[str, float]) -> None:
        """Write the newest weights and the state to resume from."""
        save_tensors(self.folder.state, self._state())
        save_checkpoint(self.folder.last, self.kept_model.state_dict(), self._meta(metrics))
        self._last_checkpoint_s = time.monotonic()

    def _state(self) -> dict[str, Any]:
        return {
            "position": asdict(self.position),
            "model": self.model.state_dict(),
            "average": self.average.state_dict() if self.average is not None else {},
            "optimizer": self.optimizer.state_dict(),
            "precision": dict(self.fabric.strategy.precision.state_dict()),
        }

    def load_state(self) -> None:
        """Go to where the last checkpoint was; raise `CheckpointError` if it is damaged."""
        state = load_tensors(self.folder.state)
        try:
            self.position = Position(**state["position"])
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.average is not None:
                self.average.model.load_state_dict(state["average"])
            self.fabric.strategy.precision.load_state_dict(state["precision"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"{self.folder.state} does not belong to this run: {error}. "
                "Start a new run instead of resuming."
            ) from error
