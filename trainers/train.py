"""Start or resume a training run; everything it does is written to its run folder."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.checkpoint import load_checkpoint
from trainers.config import TrainConfig, read_config
from trainers.data.snapshot import Snapshot, ensure_snapshot
from trainers.errors import IcsegError, TrainingError
from trainers.events import SilentEvents
from trainers.interrupts import RunCancelledError
from trainers.io.atomic import write_error, write_text_atomic
from trainers.io.manifest import file_sha256
from trainers.loop import Loop
from trainers.metrics.segmentation import nested
from trainers.parallel import joined
from trainers.progress import (
    WORKING,
    Event,
    EventWriter,
    RunState,
    RunStatus,
    read_process,
    read_status,
)
from trainers.registry import build_task
from trainers.run_folder import RunFolder, checkpoint_file, code_version
from trainers.surroundings import deterministic, log_to, set_up_torch, stopped_by_signals
from trainers.tensorboard import TensorBoardLog

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from trainers.parallel import Ranks

log = logging.getLogger("trainers")


Listener = Callable[[Event], None]


def train(
    config: TrainConfig, *, on_event: Listener | None = None, control: Path | None = None
) -> RunStatus:
    """Run a training to its end and return how it ended (finished or cancelled).

    `on_event` is called with each event as it is written, in this thread. `control` is the
    folder whose files `cancel` and `pause` are obeyed, in place of those of `config.out`.

    Raises:
        TrainingError: it cannot start, or diverged; the run folder then says "failed" and why.
        DataError: data cannot be read, or the run folder cannot be written.

    """
    folder = RunFolder(config.out, control)
    with joined(config) as (fabric, ranks):
        ranks.on_main(folder.make_new)
        return _Run(folder, fabric, ranks, on_event).carry_out(config)


def resume(
    run_dir: Path, *, on_event: Listener | None = None, control: Path | None = None
) -> RunStatus:
    """Go on from the last checkpoint (or the start if there is none); see `train`.

    The result is that of an uninterrupted run (bit by bit on the CPU).
    """
    folder = RunFolder(Path(run_dir).expanduser().absolute(), control)
    config = read_config(folder.config)
    with joined(config) as (fabric, ranks):
        ranks.on_main(lambda: _prepare_resume(folder))
        # the folder may have been moved since
        config = config.replace(out=folder.path)
        return _Run(folder, fabric, ranks, on_event).carry_out(config, is_resume=True)


def _prepare_resume(folder: RunFolder) -> None:
    status = read_status(folder.path)
    if status.state in WORKING and not is_ours(folder.path):
        raise TrainingError(f"{folder.path} is running already. Cancel it before resuming.")
    if status.state is RunState.FINISHED:
        raise TrainingError(f"{folder.path} has finished: there is nothing to resume.")
    folder.forget_wishes()


def is_ours(run_dir: Path) -> bool:
    """Say whether the run's process is this one: its launcher may have written so already."""
    process = read_process(run_dir)
    # on Windows a virtual environment's python.exe is a parent of the real one
    return process is not None and process[0] in (os.getpid(), os.getppid())


def ensure_trained(
    config: TrainConfig, *, on_event: Listener | None = None, control: Path | None = None
) -> RunStatus:
    """Start the run, go on with it, or do nothing if `config.out` has finished already.

    Raises as `train`; also `TrainingError` if the folder holds a run with other settings.
    """
    folder = RunFolder(config.out)
    if not folder.state.exists():
        return train(config, on_event=on_event, control=control)
    begun = read_config(folder.config)
    # as text, because JSON turns tuples of model options into lists
    if begun.replace(class_names=config.class_names).to_json() != config.to_json():
        raise TrainingError(
            f"{folder.path} holds a run with other settings. Choose another folder or remove it."
        )
    status = read_status(folder.path)
    if status.state is RunState.FINISHED:
        return status
    return resume(folder.path, on_event=on_event, control=control)


class _Run:
    """One process working on one run folder."""

    def __init__(
        self, folder: RunFolder, fabric: Fabric, ranks: Ranks, on_event: Listener | None
    ) -> None:
        self.folder, self.fabric, self.ranks = folder, fabric, ranks
        self._listeners: list[Listener] = [] if on_event is None else [on_event]
        writer = EventWriter if ranks.is_main else SilentEvents
        self.events = writer(folder.events, listener=self._tell_listeners)
        self._stop = threading.Event()

    def carry_out(self, config: TrainConfig, *, is_resume: bool = False) -> RunStatus:
        """Train, and leave a last event whatever happens."""
        with self._logging(), stopped_by_signals(self._stop):
            try:
                self.ranks.on_main(self.folder.write_process)
                self._train(config, is_resume=is_resume)
            except RunCancelledError as cancelled:
                log.info("cancelled at step %d", cancelled.step)
                self.events.write("cancelled", epoch=cancelled.epoch, step=cancelled.step)
            except KeyboardInterrupt:  # the second one: as it stands, without a checkpoint
                self.events.write("cancelled")
                raise
            except OSError as error:  # events and log; other files explain it themselves
                explained = write_error(self.folder.path, error)
                self._tell_failure(explained)
                raise explained from error
            except BaseException as error:
                self._tell_failure(error)
                raise
        return read_status(self.folder.path)

    def _train(self, config: TrainConfig, *, is_resume: bool) -> None:
        set_up_torch(config)
        if config.tensorboard:
            self._listeners.append(TensorBoardLog(self.folder.tensorboard))
        config, meta = self.ranks.on_main(lambda: self._prepare(config))
        task = build_task(config.model)
        loop = Loop(
            task,
            task.build_data(config, self.folder.path),
            config,
            self.folder,
            fabric=self.fabric,
            ranks=self.ranks,
            events=self.events,
            meta=meta,
            is_cancelled=self._is_cancelled,
        )
        self._announce(loop, meta, is_resume=is_resume)
        with deterministic(self.fabric.device):
            loop.run()
        self.ranks.on_main(lambda: self._finish(loop))

    def _prepare(self, config: TrainConfig) -> tuple[TrainConfig, dict[str, Any]]:
        """Fix the data and the configuration in the run folder, once."""
        write_text_atomic(self.folder.config, config.to_json())  # resume needs it from now on
        snapshot = self._snapshot(config)
        if snapshot is not None:
            config = config.replace(class_names=snapshot.class_names)
            write_text_atomic(self.folder.config, config.to_json())
        return config, {
            "model": config.model,
            "class_names": list(config.class_names),
            "seed": config.seed,
            "code": code_version(),
            "data_sha256": snapshot.sha256 if snapshot is not None else None,
            "parent": self._parent(config),
            "config": json.loads(config.model_dump_json()),
        }

    def _parent(self, config: TrainConfig) -> dict[str, str] | None:
        """Return name and hash of the checkpoint to start from; remembered where it is gone."""
        if config.parent is None:
            return None
        if self.folder.state.exists():
            return dict(load_checkpoint(self.folder.last).meta.get("parent") or {})
        file = checkpoint_file(config.parent)
        return {"name": config.parent.name, "sha256": file_sha256(file)}

    def _snapshot(self, config: TrainConfig) -> Snapshot | None:
        """Return the fixed data; None for a model that trains without."""
        if config.data is None:
            return None
        is_new = not self.folder.dataset.exists()
        snapshot = ensure_snapshot(config, self.folder.dataset, is_cancelled=self._is_cancelled)
        if snapshot is None:
            raise RunCancelledError
        for reason in snapshot.warnings() if is_new else ():
            log.warning("%s", reason)
            self.events.write("warning", reason=reason)
        return snapshot

    def _announce(self, loop: Loop, meta: dict[str, Any], *, is_resume: bool) -> None:
        num_train, num_val = len(loop.data.train), len(loop.data.val)
        log.info(
            "training %s on %d tiles (%s), validating on %d",
            *(loop.config.model, num_train, loop.fabric.device, num_val),
        )
        self.events.write(
            "started",
            model=loop.config.model,
            num_epochs=loop.config.epochs,
            num_steps=loop.num_steps,
            num_train=num_train,
            num_val=num_val,
            device=str(loop.fabric.device),
            num_processes=self.ranks.size,
            code=meta["code"],
            data_sha256=meta["data_sha256"],
        )
        if is_resume:
            if self.folder.state.exists():
                loop.load_state()
            position = loop.position
            log.info("resumed at epoch %d, step %d", position.epoch, position.step)
            self.events.write("resumed", epoch=position.epoch, step=position.step)

    def _finish(self, loop: Loop) -> None:
        report = {
            "model": loop.config.model,
            "selection_metric": loop.task.selection_metric,
            "best_epoch": loop.position.best_epoch,
            "num_epochs": loop.config.epochs,
            "num_train": len(loop.data.train),
            "num_val": len(loop.data.val),
            **nested(loop.position.best_metrics),
            "last": nested(loop.position.last_metrics),
        }
        write_text_atomic(self.folder.metrics, json.dumps(report, indent=2) + "\n")
        self.events.write("finished", metrics=loop.position.best_metrics)
        log.info("finished: %s", json.dumps(loop.position.best_metrics))

    def _tell_listeners(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    def _is_cancelled(self) -> bool:
        return self._stop.is_set() or self.folder.cancel.exists()

    def _logging(self) -> AbstractContextManager[None]:
        return log_to(self.folder.log) if self.ranks.is_main else nullcontext()

    def _tell_failure(self, error: BaseException) -> None:
        """Leave the reason in the run folder; a full disk may refuse even that."""
        reason = str(error) if isinstance(error, IcsegError) else f"{type(error).__name__}: {error}"
        log.error("failed: %s", reason, exc_info=error)
        try:
            self.events.write("failed", reason=reason)
        except OSError as second:
            log.error("the failure could not be written to %s: %s", self.folder.events, second)
