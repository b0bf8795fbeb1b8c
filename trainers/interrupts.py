"""How a run ends before its end."""

from __future__ import annotations


class RunCancelledError(Exception):
    """The run was asked to stop, and has written a checkpoint if it had begun."""

    def __init__(self, epoch: int = 0, step: int = 0) -> None:
        super().__init__(epoch, step)  # as arguments: it is sent to other processes
        self.epoch = epoch
        self.step = step
