"""A round as one job: it speaks and obeys in its own folder as a training run does.

`events.jsonl` has the events of a run (see `trainers.progress`), and besides:

- `phase` {phase, number, num_phases, begin, end}: a part of the round begins; `begin` and `end`
  are shares of the whole, 0..1, guessed from the number of tiles;
- `progress` {phase, done, total}: images that were labelled or proposed for.

What a training in the round reports is passed on. The files `cancel` and `pause` in the round's
folder are obeyed after each step and each image.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trainers.interrupts import RunCancelledError
from trainers.progress import EventWriter
from trainers.run_folder import RunFolder

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from trainers.progress import Event

_PASSED_ON = ("step", "epoch", "warning", "paused", "continued", "resumed", "stopped_early")
_EVENT_EVERY_S = 0.25
_LOOK_AROUND_EVERY_S = 0.1


class RoundJob:
    """Reports the phases of a round and obeys what it is asked for.

    Args:
        folder: of the round.
        is_stopped: set by a signal.
        listener: gets each event as it is written, in this thread.

    """

    def __init__(
        self,
        folder: Path,
        is_stopped: threading.Event,
        listener: Callable[[Event], None] | None = None,
    ) -> None:
        self.folder = RunFolder(folder)
        self.events = EventWriter(self.folder.events, listener=listener)
        self._is_stopped = is_stopped
        self._costs: dict[str, float] = {}
        self._phase, self._span = "", (0.0, 1.0)
        self._last_event_s = 0.0

    def start(self, costs: Mapping[str, float], **facts: Any) -> None:
        """Say which phases there are; `costs` are their shares of the time, in any unit."""
        self._costs = dict(costs)
        self.events.write("started", phases=list(costs), epoch=0, step=0, **facts)

    def begin(self, phase: str) -> None:
        """Begin a phase, or stop before it."""
        self.obey()
        names = list(self._costs)
        number, total = names.index(phase), sum(self._costs.values())
        before = sum(self._costs[name] for name in names[:number])
        self._phase = phase
        self._span = (before / total, (before + self._costs[phase]) / total)
        self._last_event_s = 0.0
        self.events.write(
            "phase",
            phase=phase,
            number=number + 1,
            num_phases=len(names),
            begin=round(self._span[0], 4),
            end=round(self._span[1], 4),
        )

    def pass_on(self, event: Event) -> None:
        """Report an event of a training in the round as one of the round."""
        kind = event["kind"]
        fields = {name: value for name, value in event.items() if name not in ("t", "kind")}
        if kind == "preview":
            self.events.write(kind, **{**fields, "file": f"{self._phase}/{event['file']}"})
        elif kind == "dry_run":
            share = max(self._span[1] - self._span[0], 1e-6)
            self.events.write(kind, **{**fields, "expected_s": event["expected_s"] / share})
        elif kind in _PASSED_ON:
            self.events.write(kind, **fields)

    def progress(self, done: int, total: int) -> None:
        """Report images done in this phase, not more often than four times a second; obey."""
        now_s = time.monotonic()
        if done in (0, total) or now_s - self._last_event_s >= _EVENT_EVERY_S:
            self._last_event_s = now_s
            self.events.write("progress", phase=self._phase, done=done, total=total)
        if done < total:
            self.obey()

    def warn(self, reason: str) -> None:
        """Tell the user of what is not as it should be."""
        self.events.write("warning", reason=reason)

    def is_cancelled(self) -> bool:
        """Say whether the round was asked to stop."""
        return self._is_stopped.is_set() or self.folder.cancel.exists()

    def obey(self) -> None:
        """Wait while there is a file `pause`; raise `RunCancelledError` if asked to stop."""
        self._check_cancelled()
        if not self.folder.pause.exists():
            return
        self.events.write("paused", phase=self._phase)
        while self.folder.pause.exists():
            time.sleep(_LOOK_AROUND_EVERY_S)
            self._check_cancelled()
        self.events.write("continued", phase=self._phase)

    def _check_cancelled(self) -> None:
        if self.is_cancelled():
            raise RunCancelledError
