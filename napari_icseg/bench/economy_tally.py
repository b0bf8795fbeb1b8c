"""Where the seconds of a route went, and how fast proposals were accepted in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_icseg.bench.economy_book import Entry
    from napari_icseg.bench.economy_costs import Costs

SAMPLE = "sample"
_ACCEPTED = ("accepted", "bulk")


@dataclass(frozen=True)
class Tally:
    """Tiles labelled in one way, or samples looked at.

    Attributes:
        num: tiles labelled; of samples, the tiles seen.
        human_s: seconds of the person.
        num_right: labels with at least the IoU with the truth that is enough for the person; of
            samples, the tiles that looked right.

    """

    num: int
    human_s: float
    num_right: int


def tally(entries: Iterable[Entry], costs: Costs, enough_iou: float) -> dict[str, Tally]:
    """Return what was done, by the way it was done ("clicks", "accepted", …, "sample")."""
    by_way: dict[str, list[Entry]] = {}
    for entry in entries:
        by_way.setdefault(entry.how, []).append(entry)
    return {
        way: Tally(
            sum(_num(entry) for entry in of_way),
            round(sum(costs.seconds(entry.actions) for entry in of_way), 3),
            sum(_num_right(entry, enough_iou) for entry in of_way),
        )
        for way, of_way in sorted(by_way.items())
    }


def accepted_per_minute(ways: Mapping[str, Tally]) -> float | None:
    """Return right proposals accepted in a minute, one by one or at once after a sample.

    What the samples took counts, also of those after which nothing was accepted. None where
    nothing was accepted.
    """
    accepted = [ways[way] for way in _ACCEPTED if way in ways]
    human_s = sum(each.human_s for each in accepted)
    human_s += ways[SAMPLE].human_s if SAMPLE in ways else 0.0
    return 60 * sum(each.num_right for each in accepted) / human_s if human_s else None


def _num(entry: Entry) -> int:
    return entry.actions.verifications if entry.how == SAMPLE else 1


def _num_right(entry: Entry, enough_iou: float) -> int:
    if entry.how == SAMPLE:
        return round(entry.iou * _num(entry))
    return int(entry.iou >= enough_iou)
