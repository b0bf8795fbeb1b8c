"""One optimiser step: losses and gradients of a batch, checked, clipped and applied."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from trainers.accumulate import free_memory, is_out_of_memory, parts_of
from trainers.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_fabric import Fabric

    from trainers.config import TrainConfig
    from trainers.models.base import Batch, Task
    from trainers.parallel import Ranks


class LossModule(nn.Module):
    """Model and loss as one module: the form that Fabric wraps for any precision."""

    def __init__(self, task: Task, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self._task = task

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the losses; see `Task.training_loss`."""
        return self._task.training_loss(self.model, batch)


@dataclass(frozen=True)
class Share:
    """This process's items of a step's batch.

    Attributes:
        batch: the items, on the CPU.
        first: number of the first one in the whole batch.
        total: items of the whole batch, over all processes.
    """

    batch: Batch
    first: int
    total: int


@dataclass(frozen=True)
class _Outcome:
    """What a process says after its backward pass: its part of the losses, or what went wrong."""

    losses: dict[str, Tensor]
    failure: str = ""
    is_out_of_memory: bool = False


class Stepper:
    """Takes optimiser steps; `num_parts` grows when the memory is not enough.

    Each part's loss is weighted by its share of the whole batch. For a loss that is a mean
    over the items the gradient is therefore that of the whole batch, however it is divided;
    a loss pooled over a batch (soft Dice) and batch normalisation see one part at a time.
    """

    def __init__(
        self,
        fabric: Fabric,
        ranks: Ranks,
        module: LossModule,
        optimizer: torch.optim.Optimizer,
        config: TrainConfig,
    ) -> None:
        self._fabric, self._ranks, self._config = fabric, ranks, config
        self._parameters = [p for p in module.model.parameters() if p.requires_grad]
        self._module, self._optimizer = fabric.setup(module, optimizer)
        self.num_parts = config.accumulate

    def take(self, share: Share, *, step: int, warn: Callable[[str], None]) -> dict[str, Tensor]:
        """Take 0-based optimiser step `step`; return the losses of the whole batch.

        Where the memory is not enough, the same step is done again in twice as many parts,
        with the same random state; `warn` is told.

        Raises:
            TrainingError: loss or gradient are no finite numbers; not enough memory for one
                item; another process failed.

        """
        while True:
            outcomes = self._ranks.gather(self._attempt(share, step))
            failures = [f"process {n}: {o.failure}" for n, o in enumerate(outcomes) if o.failure]
            if failures:
                raise TrainingError(f"A process of the training failed ({'; '.join(failures)}).")
            if not any(outcome.is_out_of_memory for outcome in outcomes):
                break
            self._divide_more(share.total, warn)
        losses = _total([outcome.losses for outcome in outcomes])
        self._check_loss(float(losses["loss"]), step)
        self._ranks.sum_gradients(self._parameters)
        self._clip_gradient(step)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return losses

    def _attempt(self, share: Share, step: int) -> _Outcome:
        """Compute the gradients of this process's share."""
        try:
            return _Outcome(self._backward(share, step))
        except Exception as error:
            if is_out_of_memory(error):
                outcome = _Outcome({}, is_out_of_memory=True)
            elif self._ranks.size == 1:
                raise
            else:
                outcome = _Outcome({}, failure=f"{type(error).__name__}: {error}")
        # the exception, and with it the graph that its traceback holds, is gone only here
        self._optimizer.zero_grad()
        free_memory(self._fabric.device)
        return outcome

    def _backward(self, share: Share, step: int) -> dict[str, Tensor]:
        found: list[dict[str, Tensor]] = []
        for part in parts_of(share.batch, self._allowed_parts(share.total), first=share.first):
            torch.manual_seed(_seed(self._config.seed, step, part.first))
            losses = self._module(self._fabric.to_device(part.batch))
            weight = part.size / share.total
            self._fabric.backward(losses["loss"] * weight)
            found.append({name: value.detach() * weight for name, value in losses.items()})
        total = _total(found)
        if self._ranks.size > 1:  # to be sent
            total = {name: value.float().cpu() for name, value in total.items()}
        return total

    def _allowed_parts(self, total: int) -> int:
        """Every process computes as many parts, because shared batch norm waits for all."""
        return min(self.num_parts, max(1, total // self._ranks.size))

    def _divide_more(self, total: int, warn: Callable[[str], None]) -> None:
        self._optimizer.zero_grad()
        most = max(1, total // self._ranks.size)
        if self._allowed_parts(total) >= most:
            raise TrainingError(
                "There is not enough memory for a single tile. Lower image_size (now "
                f"{self._config.image_size}), choose a smaller model, or close other programs."
            )
        self.num_parts = min(2 * self._allowed_parts(total), most)
        warn(
            f"Out of memory: each batch of {total} is from now on computed in {self.num_parts} "
            "parts whose gradients are added up. The training goes on with the same batch size, "
            "but slower; only batch normalisation sees fewer tiles at once. To avoid this, "
            f"set accumulate to {self.num_parts} from the start, or lower batch_size or "
            "image_size."
        )

    def _check_loss(self, loss: float, step: int) -> None:
        if not math.isfinite(loss):
            raise TrainingError(self._diverged(f"The loss became {loss}", step))

    def _clip_gradient(self, step: int) -> None:
        """Clip, and stop before a gradient that is no number spoils the weights."""
        scaled = getattr(self._fabric.strategy.precision, "scaler", None) is not None
        limit = self._config.grad_clip
        if scaled and limit is None:
            return  # the scaler itself skips steps with infinite gradients
        norm = self._fabric.clip_gradients(
            self._module,
            self._optimizer,
            max_norm=limit if limit is not None else math.inf,
            error_if_nonfinite=False,
        )
        if not scaled and norm is not None and not bool(torch.isfinite(norm)):
            raise TrainingError(self._diverged(f"The gradient's norm became {float(norm)}", step))

    def _diverged(self, what: str, step: int) -> str:
        hints = [f"lower lr (now {self._config.lr:g})"]
        if self._config.grad_clip is None:
            hints.append("set grad_clip to 1")
        if self._config.precision == "16-mixed":
            hints.append("use precision bf16-mixed or 32-true")
        return (
            f"{what} in step {step + 1}: the training diverged. "
            f"{'; or '.join(hints).capitalize()}, and start again. "
            "The last good checkpoint is kept."
        )


def _seed(seed: int, step: int, first: int) -> int:
    """Return the seed of a part; it depends on where the part begins, not on who computes it."""
    return (seed * 1_000_003 + step + first * 7_368_787_001) % 2**63


def _total(found: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the sums by name; a loss that a part does not have counts as 0 there."""
    total: dict[str, Tensor] = {}
    for losses in found:
        for name, value in losses.items():
            total[name] = total[name] + value if name in total else value
    return total
