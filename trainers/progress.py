"""What a run writes about itself while it goes on, and how others read it; no torch.

States of a run, as told by its folder alone:

    queued ──▶ running ◀──(file `pause` comes, goes)──▶ paused
                │ │ ▲                                    │ │
                │ │ └─(resume)── interrupted ◀──(killed)─┤ │
                │ └───(killed)───────▲                     │
                ▼                                          ▼
       finished | cancelled | failed              cancelled | failed

What was cancelled or has failed can be resumed as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

import psutil

from trainers.events import EVENTS_FILE, Event, EventWriter, read_events

__all__ = [
    "CANCEL_FILE",
    "EVENTS_FILE",
    "LOG_FILE",
    "PAUSE_FILE",
    "PROCESS_FILE",
    "Curves",
    "EpochPoint",
    "Event",
    "EventWriter",
    "RunState",
    "RunStatus",
    "RunWatcher",
    "StepPoint",
    "fold_event",
    "is_alive",
    "read_events",
    "read_process",
    "read_status",
]

PROCESS_FILE = "process.json"
CANCEL_FILE = "cancel"
PAUSE_FILE = "pause"
LOG_FILE = "log.txt"


class RunState(Enum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        """True where no process works on the run any more."""
        return self not in (RunState.QUEUED, *WORKING)


WORKING = (RunState.RUNNING, RunState.PAUSED)
"""A process works, or waits to go on: no other run of the folder starts meanwhile."""
_STATES = {
    "started": RunState.RUNNING,
    "resumed": RunState.RUNNING,
    "paused": RunState.PAUSED,
    "continued": RunState.RUNNING,
    "finished": RunState.FINISHED,
    "cancelled": RunState.CANCELLED,
    "failed": RunState.FAILED,
}
_COUNTS = ("epoch", "num_epochs", "step", "num_steps")


@dataclass(frozen=True)
class StepPoint:
    """Training loss and learning rate at one optimiser step."""

    step: int
    loss: float
    lr: float


@dataclass(frozen=True)
class EpochPoint:
    """One finished epoch (1-based): mean training loss and validation metrics."""

    epoch: int
    train_loss: float
    val_loss: float
    val: dict[str, float]


@dataclass(frozen=True)
class Curves:
    """What a live plot draws."""

    steps: tuple[StepPoint, ...] = ()
    epochs: tuple[EpochPoint, ...] = ()


@dataclass(frozen=True)
class RunStatus:
    """Snapshot of a run; `epoch` and `step` count what is done."""

    state: RunState = RunState.QUEUED
    model: str = ""
    epoch: int = 0
    num_epochs: int = 0
    step: int = 0
    num_steps: int = 0
    curves: Curves = field(default_factory=Curves)
    warnings: tuple[str, ...] = ()
    reason: str = ""
    """Why it failed; empty otherwise."""
    expected_s: float | None = None
    """Expected duration of the whole run, from its first steps; None until known."""
    preview: str = ""
    """Newest picture of predictions, a path relative to the run folder; empty without one."""
    phases: tuple[str, ...] = ()
    """Of a round (see `trainers.round_job`), in order; empty for a plain training."""
    phase: str = ""
    """The present one; steps, epochs and curves are of it alone."""
    span: tuple[float, float] = (0.0, 1.0)
    """Where the present phase begins and ends, as shares of the whole."""

    @property
    def fraction(self) -> float:
        """Share of the whole that is done, 0..1."""
        if self.phases and self.state is RunState.FINISHED:
            return 1.0
        begin, end = self.span
        done = min(1.0, self.step / self.num_steps) if self.num_steps else 0.0
        return begin + (end - begin) * done


def fold_event(status: RunStatus, event: Event) -> RunStatus:
    """Return the status after one more event; the curves are kept by `RunWatcher`."""
    kind = event["kind"]
    if kind in ("queued", "launched"):  # by whoever starts the process, before it can speak
        state = RunState.QUEUED if kind == "queued" else RunState.RUNNING
        return replace(status, state=state, reason="", model=str(event.get("model", status.model)))
    if kind in _STATES:
        return _with_state(status, event)
    if kind == "warning":
        return replace(status, warnings=(*status.warnings, str(event.get("reason", ""))))
    if kind == "dry_run":
        return replace(status, expected_s=event.get("expected_s"))
    if kind == "preview":
        return replace(status, preview=str(event.get("file", "")))
    if kind == "step":
        return replace(status, step=int(event["step"]), num_steps=int(event["num_steps"]))
    if kind == "progress":  # images, in a round
        return replace(status, step=int(event["done"]), num_steps=int(event["total"]))
    if kind == "phase":
        span = (float(event["begin"]), float(event["end"]))
        counts = dict.fromkeys(_COUNTS, 0)
        return replace(status, phase=str(event["phase"]), span=span, **counts)  # type: ignore[arg-type]
    if kind == "epoch":
        return replace(status, epoch=int(event["epoch"]), num_epochs=int(event["num_epochs"]))
    return status


def _with_state(status: RunStatus, event: Event) -> RunStatus:
    """Return the status after an event that changes the state; what it leaves out stays."""
    counts: dict[str, Any] = {name: int(event.get(name, getattr(status, name))) for name in _COUNTS}
    if "phases" in event:  # a round begins, or goes on: its phase is told next
        status = replace(status, phase="", span=(0.0, 1.0), phases=tuple(event["phases"]))
    return replace(
        status,
        state=_STATES[event["kind"]],
        reason=str(event.get("reason", "")),
        model=str(event.get("model", status.model)),
        **counts,
    )


class RunWatcher:
    """Reads a growing run folder; each `poll` parses only what is new."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = Path(run_dir)
        self._offset = 0
        self._status = RunStatus()
        self._steps: list[StepPoint] = []
        self._epochs: list[EpochPoint] = []

    def poll(self) -> RunStatus:
        """Return the present status."""
        status = self._look()
        # a process may have spoken and ended between our reading and our looking for it
        return self._look() if status.state is RunState.INTERRUPTED else status

    def _look(self) -> RunStatus:
        events, self._offset = read_events(self._run_dir / EVENTS_FILE, self._offset)
        for event in events:
            self._fold(event)
        curves = Curves(tuple(self._steps), tuple(self._epochs))
        self._status = replace(self._status, curves=curves)
        return replace(self._status, state=self._state())

    def _fold(self, event: Event) -> None:
        self._status = fold_event(self._status, event)
        if event["kind"] == "step":
            point = StepPoint(int(event["step"]), float(event["loss"]), float(event["lr"]))
            self._steps.append(point)
        elif event["kind"] == "epoch":
            self._epochs.append(_epoch_point(event))
        elif event["kind"] == "phase":  # another training has curves of its own
            self._steps, self._epochs = [], []
        elif event["kind"] == "resumed":  # what came after the checkpoint is done again
            self._steps = [p for p in self._steps if p.step <= self._status.step]
            self._epochs = [p for p in self._epochs if p.epoch <= self._status.epoch]

    def _state(self) -> RunState:
        """A run that says it runs, but whose process is gone, was interrupted."""
        state = self._status.state
        if state.is_over:
            return state
        process = read_process(self._run_dir)
        if process is None:
            return RunState.QUEUED if state is RunState.QUEUED else RunState.INTERRUPTED
        if not is_alive(*process):
            return RunState.INTERRUPTED
        return RunState.RUNNING if state is RunState.QUEUED else state


def _epoch_point(event: Event) -> EpochPoint:
    return EpochPoint(
        epoch=int(event["epoch"]),
        train_loss=float(event["train_loss"]),
        val_loss=float(event["val_loss"]),
        val=dict(event.get("val", {})),
    )


def read_status(run_dir: Path) -> RunStatus:
    """Return the status that a run folder tells; a folder without events is queued."""
    return RunWatcher(run_dir).poll()


def read_process(run_dir: Path) -> tuple[int, float] | None:
    """Return process id and creation time (s since 1970) of the run's last process."""
    try:
        fields = json.loads((Path(run_dir) / PROCESS_FILE).read_text(encoding="utf-8"))
        return int(fields["pid"]), float(fields["create_time"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not started yet, or a folder that is no run: both mean "no process"


def is_alive(pid: int, create_time: float) -> bool:
    """True if that very process still works; a reused id or a zombie does not count."""
    try:
        process = psutil.Process(pid)
        same = bool(abs(process.create_time() - create_time) < 1.0)
        return same and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # it exists, and is another user's
        return True
