"""How fast images are being labelled, from the times in the project's history.

Only time at work counts: a pause of more than MAX_GAP_S between two actions does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_GAP_S = 300.0
MIN_IMAGES = 3
"""Fewer say nothing about the next hour."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing the user did.

    Args:
        at_unix_s: When.
        marked_id: The image that it marked as labelled or blank, if it did.

    """

    at_unix_s: float
    marked_id: int | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How many images were done in how many seconds of work."""

    num_images: int
    active_s: float

    @property
    def images_per_hour(self) -> float:
        """At this pace."""
        return self.num_images * 3600 / self.active_s

    def seconds_for(self, num_images: int) -> float:
        """How long so many images take at this pace."""
        return num_images * self.active_s / self.num_images


def active_seconds(times_unix_s: Iterable[float]) -> float:
    """The sum of the gaps between neighbouring times, without pauses."""
    times = sorted(times_unix_s)
    gaps = (later - earlier for earlier, later in pairwise(times))
    return sum(gap for gap in gaps if gap <= MAX_GAP_S)


def measure(actions: Iterable[Action], is_done: Callable[[int], bool]) -> Pace | None:
    """The pace of these actions; None if too little was done to say.

    Images marked twice count once, and those no longer done do not count; work after the
    last mark belongs to the next image.
    """
    known = list(actions)
    marked = [a for a in known if a.marked_id is not None and is_done(a.marked_id)]
    num_images = len({action.marked_id for action in marked})
    if num_images < MIN_IMAGES:
        return None
    last_unix_s = max(action.at_unix_s for action in marked)
    active_s = active_seconds(a.at_unix_s for a in known if a.at_unix_s <= last_unix_s)
    return Pace(num_images, active_s) if active_s > 0 else None


def describe_left(pace: Pace | None, num_left: int) -> str:
    """Such as "about 2 h 10 left"; empty without a pace or with nothing left."""
    if pace is None or num_left <= 0:
        return ""
    return f"about {duration(pace.seconds_for(num_left))} left"


def describe_pace(pace: Pace | None) -> str:
    """Such as "Today: 41 images in 58 min of work, 42 an hour…"; empty without a pace."""
    if pace is None:
        return ""
    per_hour = f"{pace.images_per_hour:,.0f}" if pace.images_per_hour >= 10 else _one_digit(pace)
    return (
        f"At today's pace: {pace.num_images:,} images in {duration(pace.active_s)} of work, "
        f"{per_hour} an hour. Pauses of more than {MAX_GAP_S / 60:.0f} min do not count."
    )


def duration(seconds: float) -> str:
    """In words that claim no more than is known: "1 min", "25 min", "2 h 10", "3 h", "30 h"."""
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes if minutes < 10 else 5 * round(minutes / 5)} min".replace("60 min", "1 h")
    if minutes >= 10 * 60:
        return f"{round(minutes / 60):,} h"
    hours, rest = divmod(10 * round(minutes / 10), 60)
    return f"{hours} h {rest}" if rest else f"{hours} h"


def _one_digit(pace: Pace) -> str:
    return f"{pace.images_per_hour:.1f}"
