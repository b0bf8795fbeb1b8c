"""Batches computed in parts, and what to do when the memory is not enough for them."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from trainers.data.batches import share_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainers.models.base import Batch

_SIGNS = ("out of memory", "can't allocate memory", "not enough memory")


@dataclass(frozen=True)
class Part:
    """A part of a batch.

    Attributes:
        batch: its items.
        first: number of its first item in the whole batch of all processes.
        size: how many items it has.
    """

    batch: Batch
    first: int
    size: int


def batch_length(batch: Batch) -> int:
    """Return the number of items."""
    return len(next(iter(batch.values())))


def parts_of(batch: Batch, num_parts: int, *, first: int = 0) -> Iterator[Part]:
    """Yield the batch in parts whose sizes differ by one at most; `first` is its own offset."""
    length = batch_length(batch)
    for number in range(min(num_parts, length)):
        where = share_of(length, rank=number, num_ranks=min(num_parts, length))
        items = {name: value[where] for name, value in batch.items()}
        yield Part(items, first + where.start, where.stop - where.start)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether the error tells that there is not enough memory, on any device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


def free_memory(device: torch.device) -> None:
    """Give back what a failed step has left; call it outside the `except` block."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
