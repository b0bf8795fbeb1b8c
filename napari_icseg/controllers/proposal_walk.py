"""In which order proposals are walked through, and which of them a threshold lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_icseg.project.records import ProposalRecord

BAND_PX = 24
"""Proposals are read like text, in lines of this height."""


def walk_order(proposals: Iterable[ProposalRecord]) -> tuple[ProposalRecord, ...]:
    """Return the proposals from left to right, line by line."""

    def place(proposal: ProposalRecord) -> tuple[float, float, int]:
        mask = proposal.mask
        line = (mask.row + mask.height // 2) // BAND_PX
        return line, mask.col + mask.width / 2, proposal.id

    return tuple(sorted(proposals, key=place))


def chosen_ids(proposals: Iterable[ProposalRecord], threshold: float) -> frozenset[int]:
    """Return which proposals have at least this score, 0..1; one without a score always has."""
    return frozenset(
        one.id for one in proposals if one.score is None or round(one.score, 2) >= threshold
    )


def step(shown: Sequence[ProposalRecord], focused: int | None, direction: int) -> int | None:
    """Return the id after (+1) or before (-1) the focused one, round and round.

    Without a focused one it is the first, or the last; without proposals None.
    """
    ids = [one.id for one in shown]
    if not ids:
        return None
    if focused not in ids:
        return ids[0] if direction > 0 else ids[-1]
    return ids[(ids.index(focused) + direction) % len(ids)]


def proposal_at(shown: Iterable[ProposalRecord], row: int, col: int) -> ProposalRecord | None:
    """Return the smallest proposal that has an image pixel."""
    there = [one for one in shown if one.mask.contains(row, col)]
    return min(there, key=lambda one: one.mask.area, default=None)
