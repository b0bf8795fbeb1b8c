"""Which crops an epoch shows where blank tiles, or some classes, are too many or too few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch

from trainers.errors import TrainingError

if TYPE_CHECKING:
    from trainers.config import TrainConfig

Shares = npt.NDArray[np.float64]
Order = npt.NDArray[np.int64]


@runtime_checkable
class BalancedDataset(Protocol):
    """A data set that knows the classes of its items, and can draw one more than once.

    Item `index + n · len(self)` comes from the same tile as item `index`, with random draws of
    its own: an item that an epoch shows twice is not shown the same way twice.
    """

    def class_shares(self) -> Shares:
        """Return the share of each foreground class, 0..1, in the tile of each item, (N, C)."""


def shares_of(dataset: object) -> Shares:
    """Return the class shares of a data set; raise `TrainingError` if it does not know them."""
    if isinstance(dataset, BalancedDataset):
        return dataset.class_shares()
    raise TrainingError("This model's training data cannot be balanced. Set balance to none.")


def balanced_order(shares: Shares, config: TrainConfig, generator: torch.Generator) -> Order:
    """Return the items of an epoch, int64 (N,), in random order; see `BalancedDataset`.

    `blank`: at most `blank_share` of them are of blank tiles; the others are drawn equally
    often instead. `class`: each is drawn with a weight that is the inverse of the frequency of
    the rarest class in its tile, where blank is a class too. The largest weight of an image's
    classes is what Gupta et al. 2019 (LVIS) take for it; they use the root of the inverse.
    """
    if config.balance == "class":
        weights = torch.from_numpy(class_weights(shares))
        drawn = torch.multinomial(weights, len(shares), replacement=True, generator=generator)
        return _told_apart(drawn.numpy(), len(shares))
    order = _fewer_blank(shares, config.blank_share, generator)
    return _shuffled(_told_apart(order, len(shares)), generator)


def class_weights(shares: Shares) -> Shares:
    """Return the weight of each item, float64 (N,): 1 / frequency of its rarest class."""
    is_blank = (shares.sum(axis=1) == 0)[:, None]
    present = np.concatenate([shares > 0, is_blank], axis=1)
    frequency = present.mean(axis=0)
    inverse = np.divide(1.0, frequency, out=np.zeros_like(frequency), where=frequency > 0)
    weights: Shares = (present * inverse).max(axis=1)
    return weights


def _fewer_blank(shares: Shares, blank_share: float, generator: torch.Generator) -> Order:
    is_blank = shares.sum(axis=1) == 0
    blank, filled = np.flatnonzero(is_blank), np.flatnonzero(~is_blank)
    num_blank = min(len(blank), int(blank_share * len(shares)))
    if len(filled) == 0 or num_blank == len(blank):
        return np.arange(len(shares))
    repeats, rest = divmod(len(shares) - num_blank, len(filled))
    return np.concatenate(
        [
            _shuffled(blank, generator)[:num_blank],
            np.tile(filled, repeats),
            _shuffled(filled, generator)[:rest],
        ]
    )


def _told_apart(order: Order, num_items: int) -> Order:
    """Return the order with `num_items` · n added to the n-th repetition of an item."""
    seen = np.zeros(num_items, np.int64)
    numbered = np.empty(len(order), np.int64)
    for place, item in enumerate(order):
        numbered[place] = item + num_items * seen[item]
        seen[item] += 1
    return numbered


def _shuffled(items: npt.NDArray[Any], generator: torch.Generator) -> npt.NDArray[Any]:
    shuffled: npt.NDArray[Any] = items[torch.randperm(len(items), generator=generator).numpy()]
    return shuffled
