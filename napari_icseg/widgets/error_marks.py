"""How opens, shorts, false and missing tracks are marked, on the canvas and beside it; no Qt."""

from __future__ import annotations

from dataclasses import dataclass

from trainers.metrics.error_places import ErrorKind


@dataclass(frozen=True, slots=True)
class Mark:
    """Colour (#rrggbb) and letter of a kind of error, and what it means."""

    color: str
    letter: str
    meaning: str


MARKS = {
    ErrorKind.OPEN: Mark("#ff5fe0", "O", "open: the track is broken here"),
    ErrorKind.SHORT: Mark("#ff453a", "S", "short: two tracks are linked here"),
    ErrorKind.FALSE: Mark("#ff9f0a", "F", "false: there is no track here"),
    ErrorKind.MISSING: Mark("#64d2ff", "M", "missing: nothing of this track was found"),
}
