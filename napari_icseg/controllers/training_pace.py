"""How long a run will still take, from what was seen of it so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainers.progress import RunState

if TYPE_CHECKING:
    from trainers.progress import RunStatus

MIN_SEEN_S = 3.0
MIN_SEEN_STEPS = 3


class Pace:
    """Measures steps per second of one run, validation included, from the first look on."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None
        self._step_s: float | None = None

    def remaining_s(self, status: RunStatus, now_s: float) -> float | None:
        """Return the seconds to the end, or None while that would be a guess.

        `now_s` is a monotonic time. Until enough was seen, the run's own estimate counts.
        """
        if status.state is not RunState.RUNNING or not status.num_steps:
            self._first = None
            return None
        if self._first is None or status.step < self._first[1]:
            self._first = (now_s, status.step)
        seen_s, seen_steps = now_s - self._first[0], status.step - self._first[1]
        left = status.num_steps - status.step
        if seen_s >= MIN_SEEN_S and seen_steps >= MIN_SEEN_STEPS:
            return left * seen_s / seen_steps
        if status.expected_s is not None:
            return left * status.expected_s / status.num_steps
        return None
