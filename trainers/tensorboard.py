"""The curves of a run as TensorBoard event files, made from the run's own events."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event as Record
from tensorboardX.proto.event_pb2 import SessionLog
from tensorboardX.summary import scalar

if TYPE_CHECKING:
    from pathlib import Path

    from trainers.events import Event

_LAST_WORDS = ("finished", "cancelled", "failed")


class TensorBoardLog:
    """Listens to a run's events and writes its scalars, all over the optimiser step.

    Each process that works on the run writes a file of its own. One that resumes the run tells
    TensorBoard from which step on the former files no longer count, which is all that the
    format allows: reload the page to see it. An epoch whose validation alone was cut off loses
    the loss of its last step.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: EventsWriter | None = None
        self._steps_per_epoch = 1
        self._first_step = 0

    def __call__(self, event: Event) -> None:
        """Write what the event tells; raise `OSError` if the disk does not take it."""
        kind = event["kind"]
        if kind == "started":
            self._steps_per_epoch = max(1, event["num_steps"] // event["num_epochs"])
        elif kind == "resumed":
            epoch_end = (event["epoch"] + 1) * self._steps_per_epoch
            self._first_step = event["step"] + (event["step"] < epoch_end)
        elif kind == "step":
            parts = {f"train/{name}": value for name, value in event["parts"].items()}
            scalars = {"train/loss": event["loss"], "train/lr": event["lr"], **parts}
            self._write(event, scalars, step=event["step"])
        elif kind == "epoch":
            values = {f"val/{name}": value for name, value in event["val"].items()}
            scalars = {"train/epoch_loss": event["train_loss"], "val/loss": event["val_loss"]}
            self._write(event, {**scalars, **values}, step=event["epoch"] * self._steps_per_epoch)
        elif kind in _LAST_WORDS and self._writer is not None:
            with contextlib.suppress(OSError):  # what ends the run is said elsewhere
                self._writer.close()
            self._writer = None

    def _write(self, event: Event, scalars: dict[str, float], *, step: int) -> None:
        if self._writer is None:
            self._writer = self._opened()
        for name, value in scalars.items():
            summary = scalar(name, value)
            self._writer.write_event(Record(wall_time=event["t"], step=step, summary=summary))
        self._writer.flush()

    def _opened(self) -> EventsWriter:
        self._folder.mkdir(parents=True, exist_ok=True)
        # the name holds whole seconds, and a file of the same name would be overwritten
        number = sum(1 for _ in self._folder.iterdir())
        writer = EventsWriter(str(self._folder / "events"), f".{number:04d}")
        start = SessionLog(status=SessionLog.START)
        writer.write_event(Record(step=self._first_step, session_log=start))
        return writer
