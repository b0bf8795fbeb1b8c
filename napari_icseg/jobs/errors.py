"""What can go wrong when a background run is started, cancelled or resumed."""

from __future__ import annotations

from trainers.errors import IcsegError


class JobError(IcsegError):
    """A run cannot be started, cancelled or resumed; the message says why and what to do."""
