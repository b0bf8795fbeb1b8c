"""The training loop: steps, epochs, validation, checkpoints, cancelling and exact resume.

Every random draw depends on (seed, epoch, index) or (seed, step) only. Position, weights and
optimiser state are therefore all that a resume needs to reach the same result bit by bit.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from trainers.accumulate import free_memory, is_out_of_memory
from trainers.checkpoint import (
    inherit_weights,
    load_checkpoint,
    load_tensors,
    save_checkpoint,
    save_tensors,
)
from trainers.data.batches import batch_sizes, build_loader, num_batches, share_of
from trainers.data.cutmix import can_mix, cutmix
from trainers.health import ZeroLossWatch
from trainers.interrupts import RunCancelledError
from trainers.mean_teacher import MeanTeacher
from trainers.models.base import PretrainedTask
from trainers.optimizer import AveragedModel, build_optimizer, learning_rate
from trainers.parallel import with_shared_statistics
from trainers.previews import Previews
from trainers.report import Position, Report
from trainers.run_folder import checkpoint_file
from trainers.run_state import restore, state_of
from trainers.step import LossModule, Share, Stepper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from lightning_fabric import Fabric
    from torch import Tensor, nn

    from trainers.config import TrainConfig
    from trainers.models.base import Batch, Task, TaskData
    from trainers.parallel import Ranks
    from trainers.progress import EventWriter
    from trainers.run_folder import RunFolder

log = logging.getLogger("trainers")
_LOOK_AROUND_EVERY_S = 0.1
"""How soon a paused run notices that it may go on."""


class Loop:
    """One run, in one of its processes."""

    def __init__(
        self,
        task: Task,
        data: TaskData,
        config: TrainConfig,
        folder: RunFolder,
        *,
        fabric: Fabric,
        ranks: Ranks,
        events: EventWriter,
        meta: Mapping[str, Any],
        is_cancelled: Callable[[], bool],
    ) -> None:
        self.task, self.data, self.config, self.folder = task, data, config, folder
        self.meta, self.is_cancelled = meta, is_cancelled
        self.fabric, self.ranks = fabric, ranks
        self.position = Position()
        model, is_new = task.build_model(config), not folder.state.exists()
        if isinstance(task, PretrainedTask):
            task.prepare(model, config, is_new=is_new)
        if config.parent is not None and is_new:
            self._inherit(model, config.parent)
        self.model = with_shared_statistics(model, fabric).to(fabric.device)
        self.optimizer = build_optimizer(self.model, config)
        self.stepper = Stepper(fabric, ranks, LossModule(task, self.model), self.optimizer, config)
        decay = config.averaging
        self.average = AveragedModel(self.model, decay) if decay is not None else None
        self.steps_per_epoch = num_batches(len(data.train), config, num_ranks=ranks.size)
        self.teacher = (
            MeanTeacher(task, data.unlabelled, config, num_steps=self.num_steps)
            if data.unlabelled is not None
            else None
        )
        self._last_checkpoint_s = time.monotonic()
        self._val_batch_size = config.batch_size
        self._paused_s = 0.0
        """Of the present epoch."""
        self.previews = Previews.of(task, data.val, folder) if ranks.is_main else None
        self.zeros = ZeroLossWatch(config)
        self.report = Report(events, config, num_steps=self.num_steps, device=str(fabric.device))

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
            TrainingError: see `Stepper.take` and `ZeroLossWatch`.

        """
        self._obey()
        while self.position.epoch < self.config.epochs and not self._is_stale:
            self._run_epoch()
        if self.position.epoch < self.config.epochs:
            self.report.stopped_early(self.position, self.task.selection_metric)

    @property
    def _is_stale(self) -> bool:
        """True if the metric has not improved for `patience` epochs."""
        patience = self.config.patience
        return patience is not None and (self.position.epoch - self.position.best_epoch >= patience)

    def _run_epoch(self) -> None:
        started_s, self._paused_s = time.monotonic(), 0.0
        position = self.position
        self.data.train.set_epoch(position.epoch)
        loader = build_loader(
            self.data.train,
            self.config,
            epoch=position.epoch,
            start_batch=position.step_in_epoch,
            rank=self.ranks.rank,
            num_ranks=self.ranks.size,
        )
        self.model.train()
        for batch in loader:
            self._run_step(batch)
        metrics = self.ranks.on_main(self._validate)
        self._finish_epoch(metrics, seconds=time.monotonic() - started_s - self._paused_s)

    def _run_step(self, batch: Batch) -> None:
        position = self.position
        lr = learning_rate(self.config, step=position.step, steps_per_epoch=self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        losses = self.stepper.take(self._share_of(batch), step=position.step, warn=self.report.warn)
        self.zeros.see(losses, step=position.step + 1)
        if self.teacher is not None:
            losses = {**losses, **self.teacher.shares}
        loss = float(losses["loss"])
        position.step += 1
        position.step_in_epoch += 1
        position.loss_sum += loss
        if self.average is not None:
            self.average.update(self.model, step=position.step)
        self._after_step(losses, loss=loss, lr=lr)

    def _share_of(self, batch: Batch) -> Share:
        total = batch_sizes(len(self.data.train), self.config)[self.position.step_in_epoch]
        where = share_of(total, rank=self.ranks.rank, num_ranks=self.ranks.size)
        batch, first = self._mixed(batch, where.start), where.start
        if self.teacher is None or self.average is None:
            return Share(batch, first=first, total=total)
        with self.fabric.autocast():
            extended = self.teacher.extended(
                batch,
                self.average.model.eval(),
                step=self.position.step,
                first=first,
                device=self.fabric.device,
            )
        factor = len(extended["image"]) // len(batch["image"])
        return Share(extended, first=factor * first, total=factor * total)

    def _mixed(self, batch: Batch, first: int) -> Batch:
        """Return the batch after CutMix, if that was asked for and is possible."""
        if not self.config.cutmix:
            return batch
        if not can_mix(batch):
            if self.position.step == 0:
                self.report.warn("cutmix has no effect on this model's training data.")
            return batch
        rng = np.random.default_rng((self.config.seed, self.position.step, first))
        return cutmix(batch, probability=self.config.cutmix, rng=rng)

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
        """Score the kept model; where the memory is not enough, in smaller batches."""
        while True:
            try:
                return self._score()
            except Exception as error:
                if not is_out_of_memory(error) or self._val_batch_size == 1:
                    raise
            self._val_batch_size //= 2
            free_memory(self.fabric.device)
            self.report.warn(
                "Out of memory while validating: from now on it is done in batches of "
                f"{self._val_batch_size}. The scores are the same."
            )

    def _score(self) -> dict[str, float]:
        model = self.kept_model
        model.eval()
        self.data.val.set_epoch(0)
        with torch.no_grad(), self.fabric.autocast():
            metrics = self.task.validate(model, self._validation_batches())
        return {name: float(value) for name, value in metrics.items()}

    def _validation_batches(self) -> Iterator[Batch]:
        config = self.config.replace(batch_size=self._val_batch_size)
        for batch in build_loader(self.data.val, config, epoch=None):
            self._check_cancelled(is_cancelled=self.is_cancelled())
            yield cast("Batch", self.fabric.to_device(batch))

    def _finish_epoch(self, metrics: dict[str, float], *, seconds: float) -> None:
        position = self.position
        train_loss = position.loss_sum / max(1, position.step_in_epoch)
        position.epoch, position.step_in_epoch, position.loss_sum = position.epoch + 1, 0, 0.0
        position.last_metrics = metrics
        name = self.task.selection_metric
        if metrics[name] > position.best_metrics.get(name, -math.inf):  # false for NaN
            position.best_metrics, position.best_epoch = metrics, position.epoch
            if self.ranks.is_main:
                weights = self.kept_model.state_dict()
                save_checkpoint(self.folder.best, weights, self._meta(metrics))
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

    def _check_cancelled(self, *, is_cancelled: bool) -> None:
        if is_cancelled:
            self.save_last({})
            raise RunCancelledError(epoch=self.position.epoch, step=self.position.step)

    def _wishes(self) -> tuple[bool, bool]:
        """Return whether any process was told to stop, and whether the run has to wait."""
        told = self.ranks.gather((self.is_cancelled(), self.folder.pause.exists()))
        return any(cancelled for cancelled, _ in told), told[0][1]

    def _obey(self) -> None:
        """Do what was asked for from outside: stop, or wait (after a checkpoint)."""
        is_cancelled, is_paused = self._wishes()
        self._check_cancelled(is_cancelled=is_cancelled)
        if not is_paused:
            return
        self.save_last({})
        started_s = time.monotonic()
        self.report.paused(self.position)
        while is_paused:
            time.sleep(_LOOK_AROUND_EVERY_S)
            is_cancelled, is_paused = self._wishes()
            self._check_cancelled(is_cancelled=is_cancelled)
        self.report.continued(self.position)
        self._paused_s += time.monotonic() - started_s

    def save_last(self, metrics: Mapping[str, float]) -> None:
        """Write the newest weights and the state to resume from, in the first process."""
        if self.ranks.is_main:
            save_tensors(self.folder.state, state_of(self))
            save_checkpoint(self.folder.last, self.kept_model.state_dict(), self._meta(metrics))
        self._last_checkpoint_s = time.monotonic()

    def load_state(self) -> None:
        """Go to where the last checkpoint was; raise `CheckpointError` if it is damaged."""
        restore(self, load_tensors(self.folder.state))
