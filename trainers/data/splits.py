"""Choosing the validation tiles: stated, repeatable and never empty."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trainers.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

Split = Literal["train", "val"]


@dataclass(frozen=True)
class Candidate:
    """A labelled tile, before it is assigned."""

    name: str
    """Decides the draw; the same name falls into the same split on every machine."""
    is_blank: bool
    split: Split | None
    """As given by the data; None leaves the choice to `assign_splits`."""


def assign_splits(
    candidates: Sequence[Candidate], *, val_fraction: float, seed: int
) -> list[Split]:
    """Return the split of each tile.

    A validation split that the data give is kept as it is. Otherwise `val_fraction` of the
    tiles, at least one, is drawn by a hash of seed and name, from blank and other tiles in
    proportion; the first drawn is not blank unless that would leave only blank tiles to
    train on.

    Raises:
        TrainingError: fewer than two labelled tiles, or none left to train on.

    """
    if len(candidates) < 2:
        raise TrainingError(
            f"Training needs at least 2 labelled tiles (one to train, one to validate), got "
            f"{len(candidates)}. Label more tiles, or mark empty ones as blank."
        )
    if any(candidate.split == "val" for candidate in candidates):
        return _given(candidates)
    drawn = _draw(candidates, _num_val(len(candidates), val_fraction), seed)
    return ["val" if index in drawn else "train" for index in range(len(candidates))]


def _given(candidates: Sequence[Candidate]) -> list[Split]:
    splits: list[Split] = [candidate.split or "train" for candidate in candidates]
    if "train" not in splits:
        raise TrainingError(
            "Every labelled tile is marked for validation: none is left to train on. "
            "Give some tiles the split 'train'."
        )
    return splits


def _num_val(num_tiles: int, val_fraction: float) -> int:
    return min(max(1, round(num_tiles * val_fraction)), num_tiles - 1)


def _draw(candidates: Sequence[Candidate], num_val: int, seed: int) -> set[int]:
    """Return the indices of the validation tiles."""
    order = sorted(range(len(candidates)), key=lambda i: _rank(candidates[i].name, seed))
    full = [i for i in order if not candidates[i].is_blank]
    blank = [i for i in order if candidates[i].is_blank]
    num_full = round(num_val * len(full) / len(candidates))
    if len(full) >= 2:
        num_full = max(1, num_full)
    num_full = min(num_full, max(0, len(full) - 1), num_val)
    num_blank = min(num_val - num_full, len(blank))
    return {*full[:num_full], *blank[:num_blank]} or {order[0]}


def _rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
