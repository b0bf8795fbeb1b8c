"""How fast proposals are being decided on: the seconds that each was looked at."""

from __future__ import annotations

from collections import deque

from napari_icseg.controllers.pace import duration

MAX_LOOK_S = 300.0
"""Whoever looks at one image for longer is away."""
MIN_IMAGES = 3
NUM_RECENT = 30


class ReviewPace:
    """The last decisions; undoing one takes it out."""

    def __init__(self) -> None:
        self._seconds: deque[float | None] = deque(maxlen=NUM_RECENT)

    def note(self, seconds: float) -> None:
        """Take in how long a decision took."""
        self._seconds.append(seconds if 0 <= seconds <= MAX_LOOK_S else None)

    def take_back(self) -> None:
        """Forget the last decision."""
        if self._seconds:
            self._seconds.pop()

    def clear(self) -> None:
        """Forget all."""
        self._seconds.clear()

    @property
    def images_per_minute(self) -> float | None:
        """None while too little is known."""
        known = [seconds for seconds in self._seconds if seconds is not None]
        total_s = sum(known)
        return 60.0 * len(known) / total_s if len(known) >= MIN_IMAGES and total_s > 0 else None

    def words(self, num_waiting: int) -> str:
        """Such as "24 images a minute, about 3 min left"; empty while nothing can be said."""
        pace = self.images_per_minute
        if pace is None:
            return ""
        text = f"{pace:.0f}" if pace >= 10 else f"{pace:.1f}"
        left = f", about {duration(60 * num_waiting / pace)} left" if num_waiting else ""
        return f"{text} images a minute{left}"
