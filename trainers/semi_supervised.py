"""Training with unlabelled images: rounds in which a model labels them for its successor.

A round is a folder, and one job to whoever watches it (see `round_job`):

    dataset/ images.json    what is labelled and what is not, fixed before the first step
    teacher/                a run, on true labels alone (absent where an earlier run teaches)
    pseudo/                 its labels, see `pseudo_labels` (absent for `mean_teacher`)
    student/                a run, on both; the round's folder stands for it wherever a run does
    proposals/              what the student says of the unlabelled images, see `proposals`
    round.json              which images, which masks, which models, which numbers

Called again, a round goes on where it was stopped, also where it was killed.
"""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.calibration import Calibration, calibrate
from trainers.confidence import NUM_LOOKS
from trainers.errors import IcsegError, TrainingError
from trainers.interrupts import RunCancelledError
from trainers.io.atomic import write_error, write_text_atomic
from trainers.io.manifest import (
    MANIFEST_NAME,
    DatasetIndex,
    write_manifest,
)
from trainers.predict import load_run
from trainers.progress import WORKING, RunState, read_status
from trainers.propose import judge_of, propose, refuse_other_classes
from trainers.pseudo_labels import LabelRecord, LabelRule, write_pseudo_labels
from trainers.round_config import METHODS, Method, RoundConfig, read_round_config
from trainers.round_data import IMAGES_NAME, RoundData, fix_data
from trainers.round_job import RoundJob
from trainers.round_record import RoundReport, costs_of, read_round, write_record
from trainers.run_folder import STUDENT, TEACHER, code_version, read_metrics
from trainers.surroundings import log_to, set_up_torch, stopped_by_signals
from trainers.train import Listener, ensure_trained, is_ours
from trainers.validation import known_tiles, validated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trainers.config import TrainConfig
    from trainers.data.snapshot import Snapshot, SnapshotItem
    from trainers.io.manifest import DatasetItem
    from trainers.predict import LoadedModel

__all__ = ["METHODS", "Method", "RoundReport", "read_round", "resume_round", "run_round"]

log = logging.getLogger("trainers")


def run_round(
    config: TrainConfig,
    *,
    unlabelled: Path,
    method: Method = "confidence",
    teacher: Path | None = None,
    make_proposals: bool = True,
    on_event: Listener | None = None,
) -> RoundReport:
    """Train on `config.data`, then on that and on what is not labelled in `unlabelled`.

    `paper` (part 2 of the paper): the teacher's masks are taken whatever its confidence. It is
    not said there whether the second training starts from the first one's weights; here it
    starts afresh. `confidence`: the mean of 8 looks labels, and pixels below a threshold that
    is chosen on the validation tiles do not count. `mean_teacher`: no masks are kept, the
    averaged model labels as it goes (see `trainers.mean_teacher`).

    Args:
        config: of both trainings; `out` is the round's folder.
        unlabelled: folder whose images outside the test split are labelled by the model, unless
            they are labelled in `config.data` (whatever the file is called there).
        method: one of `METHODS`.
        teacher: a run that labels in place of a newly trained one: the last round, for instance.
        make_proposals: whether the student proposes for the unlabelled images.
        on_event: gets the events of the round, see `round_job`.

    Raises:
        TrainingError: cancelled, a training failed, too little is labelled, or the teacher
            knows other classes.
        DataError: labelled tiles cannot be read, nothing is unlabelled, or the disk is full.

    """
    teacher = None if teacher is None else teacher.expanduser().absolute()
    unlabelled = unlabelled.expanduser().absolute()
    wanted = RoundConfig(config, unlabelled, method, teacher, make_proposals)
    return _carry_out(wanted, on_event)


def resume_round(folder: Path, *, on_event: Listener | None = None) -> RoundReport:
    """Go on with a round that was stopped; see `run_round`."""
    folder = folder.expanduser().absolute()
    return _carry_out(read_round_config(folder / "config.json"), on_event)


def _carry_out(config: RoundConfig, on_event: Listener | None) -> RoundReport:
    """Run the round, and leave a last event whatever happens."""
    folder, is_stopped = config.training.out, threading.Event()
    _claim(config)
    job = RoundJob(folder, is_stopped, on_event)
    with log_to(job.folder.log), stopped_by_signals(is_stopped):
        try:
            job.folder.write_process()
            report = _Round(config, job).carry_out()
            job.events.write("finished", metrics=_flat(report.student))
        except (RunCancelledError, KeyboardInterrupt) as stop:
            job.events.write("cancelled")
            if isinstance(stop, KeyboardInterrupt):
                raise
            raise TrainingError(
                f"{folder} was cancelled. Go on with `icseg rounds run --resume {folder}`."
            ) from None
        except OSError as error:
            explained = write_error(folder, error)
            _tell_failure(job, explained)
            raise explained from error
        except BaseException as error:
            _tell_failure(job, error)
            raise
    return report


def _claim(config: RoundConfig) -> None:
    """Write the settings, or refuse a folder that holds something else."""
    folder = config.training.out
    file = folder / "config.json"
    if file.exists():
        is_begun = (folder / IMAGES_NAME).exists()  # else it failed before it did anything
        if not read_round_config(file).is_same_as(config) and is_begun:
            raise TrainingError(
                f"{folder} holds a round with other settings. Choose another folder, or remove it."
            )
        if read_status(folder).state in WORKING and not is_ours(folder):
            raise TrainingError(f"{folder} is running already. Cancel it before going on with it.")
        for name in ("cancel", "pause"):  # to go on is to forget them
            (folder / name).unlink(missing_ok=True)
    write_text_atomic(file, json.dumps(config.to_dict(), indent=1) + "\n")


def _tell_failure(job: RoundJob, error: BaseException) -> None:
    reason = str(error) if isinstance(error, IcsegError) else f"{type(error).__name__}: {error}"
    log.error("failed: %s", reason, exc_info=error)
    try:
        job.events.write("failed", reason=reason)
    except OSError as second:
        log.error("the failure could not be written to %s: %s", job.folder.events, second)


class _Round:
    """One process working on one round."""

    def __init__(self, config: RoundConfig, job: RoundJob) -> None:
        self.config, self.training, self.job = config, config.training, job
        self.out = config.training.out

    def carry_out(self) -> RoundReport:
        set_up_torch(self.training)
        self._announce({})
        data = fix_data(
            self.training, self.config.unlabelled, self.out, is_cancelled=self.job.is_cancelled
        )
        if self.config.teacher is not None:  # before hours are spent
            refuse_other_classes(self._load(self.config.teacher), data.snapshot.class_names)
        self._announce({"num_unlabelled": len(data.images)}, data)
        self._warn_of(data)
        teacher = self._teacher(data.snapshot)
        student, calibration, records = self._student_config(teacher, data)
        self.job.begin("student")
        self._train(student)
        proposals = self._propose(teacher, data)
        report = RoundReport(
            self.config.method,
            len(data.snapshot.items),
            len(data.images),
            self._teacher_metrics(data.snapshot),
            read_metrics(self.out / STUDENT),
            calibration,
            float(np.mean([record.confidence for record in records])) if records else None,
            _kept_foreground(records),
            proposals,
            len(data.left_out),
        )
        write_record(self.config, report, data, records)
        return report

    def _announce(self, facts: dict[str, Any], data: RoundData | None = None) -> None:
        costs = costs_of(self.config, data)
        self.job.start(
            costs,
            model=self.training.model,
            method=self.config.method,
            code=code_version(),
            **facts,
            **({} if data is None else {"num_labelled": len(data.snapshot.items)}),
        )

    def _warn_of(self, data: RoundData) -> None:
        for reason in data.snapshot.warnings():
            self.job.warn(reason)
        for each in data.left_out:
            self.job.warn(f"Left out, because it cannot be read: {each.image}. {each.reason}")
        if self.config.teacher is None:
            return
        known = known_tiles(self.config.teacher)
        val = data.snapshot.of("val")
        seen = sum(item.image_sha256 in known for item in val)
        if seen:
            self.job.warn(
                f"The teacher was trained on {seen} of the {len(val)} validation tiles: its own "
                "score is too good. Keep the same validation tiles from round to round."
            )

    def _load(self, run: Path) -> LoadedModel:
        return load_run(run, device=self.training.device)

    def _teacher(self, snapshot: Snapshot) -> Path:
        """Return the run that teaches, trained now if need be."""
        if self.config.teacher is not None:
            return self.config.teacher
        self.job.begin("teacher")
        names = snapshot.class_names
        config = self.training.replace(
            out=self.out / TEACHER, data=self.out / "dataset", class_names=names
        )
        self._train(config)
        return config.out

    def _student_config(
        self, teacher: Path, data: RoundData
    ) -> tuple[TrainConfig, Calibration | None, list[LabelRecord]]:
        """Return what the student is to be, after the labels for it were made."""
        snapshot, pseudo = data.snapshot, self.out / "pseudo"
        student = self.training.replace(
            out=self.out / STUDENT, data=pseudo, class_names=snapshot.class_names
        )
        if self.config.method == "mean_teacher":
            items = [item.listed() for item in snapshot.items]
            index = DatasetIndex((*items, *self._present(data.images)), snapshot.class_names)
            write_manifest(pseudo / MANIFEST_NAME, index)
            return student.replace(unlabelled=True), None, []
        self.job.begin("labelling")
        model = self._load(teacher)
        rule, calibration = _rule(model, self._fair_tiles(snapshot), self.config.method)
        records = write_pseudo_labels(
            model,
            snapshot,
            [item.image for item in data.images],
            pseudo,
            rule=rule,
            progress=self.job.progress,
            unreadable=lambda path, reason: self.job.warn(f"Left out: {path}. {reason}"),
        )
        return student, calibration, records

    def _present(self, images: Iterable[DatasetItem]) -> Iterator[DatasetItem]:
        for item in images:
            if item.image.is_file():
                yield item
            else:
                self.job.warn(f"Left out, because it is gone: {item.image}")

    def _fair_tiles(self, snapshot: Snapshot) -> tuple[SnapshotItem, ...]:
        """Return the validation tiles that the teacher has not learned, or all if it has them."""
        tiles = snapshot.of("val")
        if self.config.teacher is None:
            return tiles
        known = known_tiles(self.config.teacher)
        return tuple(tile for tile in tiles if tile.image_sha256 not in known) or tiles

    def _train(self, config: TrainConfig) -> None:
        status = ensure_trained(config, on_event=self.job.pass_on, control=self.out)
        if status.state is not RunState.FINISHED:
            raise RunCancelledError

    def _propose(self, teacher: Path, data: RoundData) -> int | None:
        if not self.config.propose:
            return None
        self.job.begin("proposing")
        student = self._load(self.out / STUDENT)
        judge = judge_of(student, data.snapshot.of("val"), self._load(teacher))
        found = propose(
            judge,
            data.images,
            self.out / "proposals",
            run=self.out / STUDENT,
            left_out=data.left_out,
            progress=self.job.progress,
        )
        return len(found.images)

    def _teacher_metrics(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return the teacher's metrics on the round's validation tiles."""
        if self.config.teacher is None:
            return read_metrics(self.out / TEACHER)
        return validated(self._load(self.config.teacher), self.out, self.training)


def _rule(
    model: LoadedModel, tiles: Iterable[SnapshotItem], method: Method
) -> tuple[LabelRule, Calibration | None]:
    """Return how the teacher's masks are made, and what was measured for that."""
    if method == "paper":
        return LabelRule(), None
    calibration = calibrate(model, tiles, num_looks=NUM_LOOKS)
    rule = LabelRule(calibration.num_looks, calibration.temperature, calibration.threshold)
    return rule, calibration


def _kept_foreground(records: Iterable[LabelRecord]) -> float | None:
    known = [record.kept_foreground for record in records if record.kept_foreground is not None]
    return float(np.mean(known)) if known else None


def _flat(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if isinstance(value, (int, float))}
