"""Several processes that train one model: each computes its share of every batch.

The first process alone validates and writes. Gradients are summed once a step, after all
processes have said that theirs are complete: hence one of them may run out of memory, fail or
be told to stop without leaving the others in a sum that never ends. Batch normalisation on
CUDA is the exception: see `with_shared_statistics`.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch import distributed, nn

from trainers.errors import IcsegError, TrainingError
from trainers.interrupts import RunCancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trainers.config import TrainConfig

T = TypeVar("T")
_TIMEOUT = timedelta(hours=12)
"""How long the others wait for the first process: it validates, and may be paused."""
_BUCKET_ELEMENTS = 2**24
"""Gradients summed in one message; their copy is the only memory that the sum needs."""


class _OneSumAStep(DDPStrategy):
    """Data-parallel training (gloo on the CPU, NCCL on CUDA) whose sum is the engine's own.

    `torch.nn.parallel.DistributedDataParallel` sums within the backward pass, where a process
    that runs out of memory would leave the others waiting.
    """

    def setup_module(self, module: nn.Module) -> nn.Module:
        return module


def build_fabric(config: TrainConfig) -> Fabric:
    """Return the launched Fabric of this process; `torchrun` and `fabric run` decide how many.

    Raises `TrainingError` if the launcher and the configuration contradict each other, or the
    devices do not exist.
    """
    devices, num_nodes = _shape(config)
    try:
        fabric = Fabric(
            accelerator=config.device,
            devices="auto" if "LT_DEVICES" in os.environ else devices,
            num_nodes=num_nodes,
            precision=config.precision,
            strategy=_strategy(devices * num_nodes),
        )
        if "LT_CLI_USED" not in os.environ:  # `fabric run` has launched it already
            fabric.launch()
    except (ValueError, RuntimeError) as error:
        raise TrainingError(
            f"The training cannot be started with devices={devices}, num_nodes={num_nodes}, "
            f"device {config.device!r}, precision {config.precision!r}: {error}"
        ) from error
    return fabric


def _shape(config: TrainConfig) -> tuple[int, int]:
    """Return processes on a machine, and machines."""
    if not (distributed.is_available() and distributed.is_torchelastic_launched()):
        return config.devices, config.num_nodes
    here, everywhere = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    return here, everywhere // here


def _strategy(num_processes: int) -> DDPStrategy | str:
    chosen = os.environ.pop("LT_STRATEGY", "auto")  # `fabric run --strategy`
    if chosen not in ("auto", "ddp"):
        raise TrainingError(f"Only the strategy ddp is supported, not {chosen!r}.")
    return _OneSumAStep(timeout=_TIMEOUT) if num_processes > 1 else "auto"


class Ranks(Protocol):
    """The processes of a run, as one of them sees them."""

    rank: int
    size: int

    @property
    def is_main(self) -> bool:
        """True in the process that validates and writes."""

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes, in their order; each has to call it."""

    def on_main(self, work: Callable[[], T]) -> T:
        """Do `work` in the first process; return its result, or raise its error, in all."""

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by the sum over all processes."""


class Alone:
    """One process."""

    rank = 0
    size = 1
    is_main = True

    def gather(self, value: T) -> list[T]:
        """Return the value."""
        return [value]

    def on_main(self, work: Callable[[], T]) -> T:
        """Do `work`."""
        return work()

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Do nothing."""


class Together:
    """One of several processes; messages go by gloo, gradients by the device's own way."""

    def __init__(self, fabric: Fabric) -> None:
        self.rank, self.size = int(fabric.global_rank), int(fabric.world_size)
        self._device = fabric.device
        # typed loosely by torch: a process that is no member gets a number
        self._group: Any = distributed.new_group(backend="gloo", timeout=_TIMEOUT)

    @property
    def is_main(self) -> bool:
        """True in the process that validates and writes."""
        return self.rank == 0

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes, in their order."""
        found: list[Any] = [None] * self.size
        distributed.all_gather_object(found, value, group=self._group)
        return found

    def on_main(self, work: Callable[[], T]) -> T:
        """Do `work` in the first process; return its result, or raise its error, in all."""
        told: list[Any] = [None]
        failure: Exception | None = None
        if self.is_main:
            try:
                told = [(work(), None)]
            except Exception as error:
                failure = error
                told = [(None, _portable(error))]
        distributed.broadcast_object_list(told, src=0, group=self._group)
        if failure is not None:
            raise failure
        result: T
        result, heard = told[0]
        if heard is not None:
            raise heard
        return result

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by the sum; a parameter without any stays without."""
        for bucket in _buckets(parameters):
            device = bucket[0].device
            present = torch.tensor([float(p.grad is not None) for p in bucket], device=device)
            flat = torch.cat([*(_flat_gradient(p) for p in bucket), present])
            distributed.all_reduce(flat)
            self._put_back(bucket, flat)

    def _put_back(self, bucket: list[nn.Parameter], flat: torch.Tensor) -> None:
        parts = torch.split(flat, [*(p.numel() for p in bucket), len(bucket)])
        for parameter, gradient, count in zip(bucket, parts, parts[-1].tolist(), strict=False):
            if count:
                parameter.grad = gradient.view_as(parameter).to(parameter.dtype).clone()


def _flat_gradient(parameter: nn.Parameter) -> torch.Tensor:
    gradient = parameter.grad
    if gradient is None:
        return torch.zeros(parameter.numel(), device=parameter.device)
    return gradient.detach().float().reshape(-1)


def _buckets(parameters: Iterable[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    bucket: list[nn.Parameter] = []
    for parameter in parameters:
        if not parameter.requires_grad:
            continue
        if bucket and sum(p.numel() for p in bucket) + parameter.numel() > _BUCKET_ELEMENTS:
            yield bucket
            bucket = []
        bucket.append(parameter)
    if bucket:
        yield bucket


def _portable(error: Exception) -> Exception:
    """Return what the other processes raise; not every exception can be sent."""
    if isinstance(error, RunCancelledError | IcsegError):
        return error
    return TrainingError(f"The first process failed: {type(error).__name__}: {error}")


@contextmanager
def joined(config: TrainConfig) -> Iterator[tuple[Fabric, Ranks]]:
    """Yield this process's Fabric and the processes of the run; leave them at the end."""
    fabric = build_fabric(config)
    try:
        yield fabric, Together(fabric) if fabric.world_size > 1 else Alone()
    finally:
        if fabric.world_size > 1 and distributed.is_initialized():
            distributed.destroy_process_group()


def with_shared_statistics(model: nn.Module, fabric: Fabric) -> nn.Module:
    """Return the model, whose batch normalisation looks at the whole batch on CUDA.

    It sums within the forward and backward pass: there a process that runs out of memory alone
    leaves the others waiting, for `_TIMEOUT` at most.

    On the CPU each process normalises by its own share of the batch, and the running
    statistics that are kept are those of the first process: torch has no other way there.
    """
    if fabric.world_size > 1 and fabric.device.type == "cuda":
        convert: Callable[[nn.Module], nn.Module] = nn.SyncBatchNorm.convert_sync_batchnorm
        return convert(model)
    return model
