"""Errors that a user can act on.

Each message is one line or a few: what was expected, what came, what to do next.
The command line prints it and exits with 1; the GUI shows it as a notification.
"""


class IcsegError(Exception):
    """Base of all errors whose message is meant for the user."""


class DataError(IcsegError):
    """An image, mask or annotation file cannot be read, written or matched."""


class CheckpointError(IcsegError):
    """A checkpoint is missing, damaged, unsafe or of the wrong kind."""


class TrainingError(IcsegError):
    """A training run cannot start or go on."""
