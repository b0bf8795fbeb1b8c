"""How long a run will still take, from what was seen of it so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainers.progress import RunState

if TYPE_CHECKING:
    from trainers.progress import RunStatus

MIN_SEEN_S = 3.0
MIN_SEEN_STEPS = 3


class Pace:
    """Measures how fast one run goes on, validation included, from the first look on."""

    def __init__(self) -> None:
        self._first: tuple[float, int, float] | None = None

    def remaining_s(self, status: RunStatus, now_s: float) -> float | None:
        """Return the seconds to the end, or None while that would be a guess.

        `now_s` is a monotonic time. Until enough was seen, the run's own estimate counts.
        """
        if status.state is not RunState.RUNNING or not status.num_steps:
            self._first = None
            return None
        if self._first is None or status.step < self._first[1]:
            # a round begins to count anew with each of its parts
            self._first = (now_s, status.step, status.fraction)
        first_s, first_step, first_share = self._first
        seen_s, seen_share = now_s - first_s, status.fraction - first_share
        left = 1.0 - status.fraction
        has_seen = seen_s >= MIN_SEEN_S and status.step - first_step >= MIN_SEEN_STEPS
        if has_seen and seen_share > 0.0:
            return left * seen_s / seen_share
        if status.expected_s is not None:
            return left * status.expected_s
        return None
