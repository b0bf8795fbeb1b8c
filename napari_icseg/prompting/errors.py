"""Errors of prompting that a user can act on."""

from __future__ import annotations

from trainers.errors import IcsegError


class PromptError(IcsegError):
    """Clicks, box or mask from which nothing can be predicted."""


class DownloadError(IcsegError):
    """A checkpoint could not be downloaded; what has arrived is kept for the next try."""


class DownloadCancelledError(DownloadError):
    """The user stopped a download."""


class EmbeddingInterruptedError(Exception):
    """Embedding stopped because something more urgent came; never shown to a user."""
