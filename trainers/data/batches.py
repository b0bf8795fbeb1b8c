"""Batches of an epoch whose order depends on (seed, epoch) alone."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, cast

import torch
from torch.utils.data import DataLoader, Dataset

if TYPE_CHECKING:
    from trainers.config import TrainConfig
    from trainers.models.base import Batch, EpochDataset


def split_batches(num_items: int, batch_size: int) -> list[int]:
    """Return batch sizes that differ by one at most: none is too small for batch norm."""
    num_batches = -(-num_items // batch_size)
    size, extra = divmod(num_items, num_batches)
    return [size + 1] * extra + [size] * (num_batches - extra)


def epoch_batches(num_items: int, config: TrainConfig, *, epoch: int | None) -> list[list[int]]:
    """Return the item indices of each batch; in their own order if `epoch` is None."""
    if epoch is None:
        order = list(range(num_items))
    else:
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        order = torch.randperm(num_items, generator=generator).tolist()
    sizes = iter(split_batches(num_items, config.batch_size))
    batches, start = [], 0
    for size in sizes:
        batches.append(order[start : start + size])
        start += size
    return batches


def build_loader(
    dataset: EpochDataset, config: TrainConfig, *, epoch: int | None, start_batch: int = 0
) -> DataLoader[Batch]:
    """Return the batches of an epoch from `start_batch` on."""
    batches = epoch_batches(len(dataset), config, epoch=epoch)[start_batch:]
    return DataLoader(
        cast("Dataset[Batch]", dataset),
        batch_sampler=batches,
        num_workers=config.num_workers if batches else 0,
        worker_init_fn=_restore_signals,
        # its own generator: the loader's draws must not move the global random state
        generator=torch.Generator().manual_seed(0),
    )


def _restore_signals(_worker: int) -> None:
    """A worker must die on SIGTERM and leave Ctrl+C to the training process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
