"""The four routes of `icseg bench economy`, and how much is labelled when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RouteName = Literal["a", "b", "c", "d"]
TITLES: dict[str, str] = {
    "a": "clicks alone",
    "b": "clicks + pre-fill",
    "c": "rounds with review",
    "d": "rounds + suggestion",
}


@dataclass(frozen=True)
class Plan:
    """How much is labelled when.

    Attributes:
        sizes: of a, b and c: tiles labelled at each point.
        num_first: of d: tiles labelled before the first model.
        num_in_row: of d: the least sure proposals are reviewed until so many in a row are right.
        num_rounds: of d.

    """

    sizes: tuple[int, ...]
    num_first: int
    num_in_row: int
    num_rounds: int


def training_units(num_labelled: int, epochs: int) -> float:
    """Return how long a training takes, in units of a labelled tile; a guess."""
    return 0.5 * epochs * num_labelled
