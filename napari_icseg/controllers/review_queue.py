"""The images of a round that wait for a decision, in an order; pure."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from napari_icseg.project.records import ReviewState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

WAITING = ReviewState.WAITING
_UNKNOWN = -1.0
"""Sorts what the model said nothing of before what it is least sure of."""


class Order(StrEnum):
    """Which image comes first."""

    UNCERTAINTY = "uncertainty"
    ERROR = "error"
    NAME = "name"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of a round.

    Attributes:
        image_id: of the project.
        name: its path, as the image list shows it.
        state: what was decided.
        confidence: mean probability of the pixels, 0..1; None if unknown.
        predicted_iou: the foreground IoU that is to be expected, 0..1; None if unknown.
        num_objects: how many the model proposed.
        is_open: nobody has labelled the image meanwhile.
        round_id: that proposed it.

    """

    image_id: int
    name: str
    state: ReviewState
    confidence: float | None = None
    predicted_iou: float | None = None
    num_objects: int = 0
    is_open: bool = True
    round_id: int = 0

    @property
    def waits(self) -> bool:
        """Whether there is something to decide."""
        return self.state is WAITING and self.is_open

    @property
    def error(self) -> float | None:
        """The error that is to be expected, 0..1."""
        return None if self.predicted_iou is None else 1.0 - self.predicted_iou


def ordered(
    entries: Iterable[Entry], order: Order, clusters: Mapping[int, int] | None = None
) -> tuple[Entry, ...]:
    """Return the entries in an order; what is equal stays in the order of the names.

    `clusters` are numbers by image id. The largest cluster comes first, its least certain image
    before the others; images without a number come last.
    """
    named = sorted(entries, key=lambda each: (each.name, each.image_id))
    if order is Order.NAME:
        return tuple(named)
    by_confidence = sorted(named, key=lambda each: _or_first(each.confidence))
    if order is Order.UNCERTAINTY:
        return tuple(by_confidence)
    if order is Order.ERROR:
        return tuple(sorted(named, key=lambda each: _or_first(each.predicted_iou)))
    return tuple(sorted(by_confidence, key=_cluster_place(named, clusters or {})))


class ReviewQueue:
    """The entries of one round; a decision takes one out of those that wait."""

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        order: Order = Order.UNCERTAINTY,
        clusters: Mapping[int, int] | None = None,
    ) -> None:
        found = ordered(entries, order, clusters)
        self._entries = {each.image_id: each for each in found}
        self._places = {each.image_id: place for place, each in enumerate(found)}
        self._waiting: tuple[Entry, ...] | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of them, in the order."""
        return tuple(self._entries.values())

    @property
    def waiting(self) -> tuple[Entry, ...]:
        """Those that nobody has decided on."""
        if self._waiting is None:
            self._waiting = tuple(each for each in self._entries.values() if each.waits)
        return self._waiting

    def get(self, image_id: int | None) -> Entry | None:
        """The entry of an image, if it has one."""
        return None if image_id is None else self._entries.get(image_id)

    def waits(self, image_id: int | None) -> bool:
        """Whether an image waits for a decision."""
        entry = self.get(image_id)
        return entry is not None and entry.waits

    def set_state(self, image_id: int, state: ReviewState, *, is_open: bool = True) -> None:
        """Note a decision; an image that is not in the queue is passed over."""
        entry = self._entries.get(image_id)
        if entry is not None and (entry.state, entry.is_open) != (state, is_open):
            self._waiting = None
            self._entries[image_id] = replace(entry, state=state, is_open=is_open)

    def drop(self, image_id: int) -> None:
        """Forget an image: there is nothing to decide any more."""
        self._waiting = None
        self._entries.pop(image_id, None)

    def next_after(self, image_id: int | None, step: int = 1) -> int | None:
        """The next image that waits, or the one before (step -1), round the end.

        None if no other waits. An image that is not in the queue stands before its beginning.
        """
        waiting, split = self._around(image_id)
        if not waiting:
            return None
        if step > 0:
            return (waiting[split:] or waiting)[0]
        return (waiting[:split] or waiting)[-1]

    def coming(self, image_id: int | None, num: int) -> tuple[int, ...]:
        """The next `num` images that wait, in the order in which `next_after` gives them."""
        waiting, split = self._around(image_id)
        return tuple((waiting[split:] + waiting[:split])[:num])

    def _around(self, image_id: int | None) -> tuple[list[int], int]:
        """The other images that wait, and how many of them come before this one."""
        waiting = [each.image_id for each in self.waiting if each.image_id != image_id]
        place = -1 if image_id is None else self._places.get(image_id, -1)
        return waiting, bisect_left(waiting, place, key=self._places.__getitem__)

    def counts(self) -> dict[ReviewState, int]:
        """How many entries are in each state, without what was labelled before its turn."""
        found = dict.fromkeys(ReviewState, 0)
        for each in self._entries.values():
            found[each.state] += each.state is not WAITING or each.is_open
        return found


def above(entries: Iterable[Entry], threshold: float, measure: str) -> tuple[Entry, ...]:
    """Return those that wait and whose `measure` is at least so much, as it is shown (2 digits).

    `measure` is "predicted_iou" or "confidence"; an entry without it is left out.
    """
    return tuple(
        each
        for each in entries
        if each.waits
        and (value := getattr(each, measure)) is not None
        and round(value, 2) >= round(threshold, 2)
    )


def estimated_error(entries: Iterable[Entry]) -> float | None:
    """Return the mean error that is to be expected, 0..1; None if of none it is known."""
    errors = [each.error for each in entries if each.error is not None]
    return sum(errors) / len(errors) if errors else None


def _or_first(value: float | None) -> float:
    return _UNKNOWN if value is None else value


def _cluster_place(
    entries: Iterable[Entry], clusters: Mapping[int, int]
) -> Callable[[Entry], tuple[bool, int, int]]:
    sizes: dict[int | None, int] = {}
    for each in entries:
        number = clusters.get(each.image_id)
        sizes[number] = sizes.get(number, 0) + 1

    def place(each: Entry) -> tuple[bool, int, int]:
        number = clusters.get(each.image_id)
        return number is None, -sizes[number], -1 if number is None else number

    return place
