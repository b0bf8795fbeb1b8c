"""Batches of an epoch whose order depends on (seed, epoch) alone."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, cast

import torch
from torch.utils.data import DataLoader, Dataset

from trainers.data.balance import balanced_order, shares_of
from trainers.errors import TrainingError

if TYPE_CHECKING:
    from trainers.config import TrainConfig
    from trainers.data.balance import Shares
    from trainers.models.base import Batch, EpochDataset


def split_batches(num_items: int, batch_size: int) -> list[int]:
    """Return batch sizes that differ by one at most: none is too small for batch norm."""
    num_batches = -(-num_items // batch_size)
    size, extra = divmod(num_items, num_batches)
    return [size + 1] * extra + [size] * (num_batches - extra)


def batch_sizes(num_items: int, config: TrainConfig) -> list[int]:
    """Return the number of items of each step of an epoch, over all processes together."""
    return split_batches(num_items, config.batch_size)


def num_batches(num_items: int, config: TrainConfig, *, num_ranks: int = 1) -> int:
    """Return the steps of an epoch; raise `TrainingError` if a process would have no item."""
    sizes = batch_sizes(num_items, config)
    if min(sizes) < num_ranks:
        raise TrainingError(
            f"A batch of {min(sizes)} cannot be shared by {num_ranks} processes. Raise "
            f"batch_size (now {config.batch_size}), label more tiles, or use fewer devices."
        )
    return len(sizes)


def epoch_batches(
    num_items: int, config: TrainConfig, *, epoch: int | None, shares: Shares | None = None
) -> list[list[int]]:
    """Return the item indices of each batch; in their own order if `epoch` is None.

    `shares` of the classes, (N, C), are needed where the configuration balances them.
    """
    order = list(range(num_items))
    if epoch is not None:
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        if shares is None:
            order = torch.randperm(num_items, generator=generator).tolist()
        else:
            order = balanced_order(shares, config, generator).tolist()
    batches, start = [], 0
    for size in batch_sizes(num_items, config):
        batches.append(order[start : start + size])
        start += size
    return batches


def build_loader(
    dataset: EpochDataset,
    config: TrainConfig,
    *,
    epoch: int | None,
    start_batch: int = 0,
    rank: int = 0,
    num_ranks: int = 1,
) -> DataLoader[Batch]:
    """Return the batches of an epoch from `start_batch` on: process `rank`'s share of each."""
    is_balanced = epoch is not None and config.balance != "none"
    shares = shares_of(dataset) if is_balanced else None
    batches = epoch_batches(len(dataset), config, epoch=epoch, shares=shares)[start_batch:]
    own = [batch[share_of(len(batch), rank=rank, num_ranks=num_ranks)] for batch in batches]
    return DataLoader(
        cast("Dataset[Batch]", dataset),
        batch_sampler=own,
        num_workers=config.num_workers if batches else 0,
        worker_init_fn=_restore_signals,
        # its own generator: the loader's draws must not move the global random state
        generator=torch.Generator().manual_seed(0),
    )


def share_of(num_items: int, *, rank: int, num_ranks: int) -> slice:
    """Return which items of a batch a process computes; shares differ by one item at most."""
    size, extra = divmod(num_items, num_ranks)
    start = rank * size + min(rank, extra)
    return slice(start, start + size + (rank < extra))


def _restore_signals(_worker: int) -> None:
    """A worker must die on SIGTERM and leave Ctrl+C to the training process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
