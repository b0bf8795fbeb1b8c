"""Training with unlabelled images: rounds in which a model labels them for its successor.

A round is a folder: `teacher/` and `student/` (runs), `pseudo/` (see `pseudo_labels`) and, last
of all, `round.json`: which images, which masks, which model, which numbers. Called again, a
round goes on where it was stopped.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from trainers.calibration import Calibration, calibrate
from trainers.confidence import NUM_LOOKS
from trainers.data.snapshot import Snapshot, read_snapshot
from trainers.errors import DataError, TrainingError
from trainers.io.atomic import write_text_atomic
from trainers.io.folders import discover
from trainers.io.manifest import (
    MANIFEST_NAME,
    DatasetIndex,
    DatasetItem,
    file_sha256,
    write_manifest,
)
from trainers.predict import load_run
from trainers.progress import RunState
from trainers.pseudo_labels import LabelRecord, LabelRule, write_pseudo_labels
from trainers.run_folder import RunFolder, code_version, read_metrics
from trainers.train import Listener, ensure_trained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from trainers.config import TrainConfig
    from trainers.predict import LoadedModel

Method = Literal["paper", "confidence", "mean_teacher"]
METHODS: tuple[Method, ...] = ("paper", "confidence", "mean_teacher")
RECORD_NAME = "round.json"


@dataclass(frozen=True)
class RoundReport:
    """What a round came to; the metrics are of both trainings, on the same validation tiles.

    Attributes:
        method: see `run_round`.
        num_labelled: tiles with true labels in training and validation.
        num_unlabelled: images that were labelled by the model.
        teacher: metrics of the training on true labels alone.
        student: of that on both.
        calibration: of the teacher; None where no threshold was used.
        mean_confidence: of all pseudo-labels, 0..1; None for `mean_teacher`, which keeps none.
        kept_foreground: share of their foreground pixels that counted; None as above.

    """

    method: Method
    num_labelled: int
    num_unlabelled: int
    teacher: dict[str, Any]
    student: dict[str, Any]
    calibration: Calibration | None = None
    mean_confidence: float | None = None
    kept_foreground: float | None = None


def run_round(
    config: TrainConfig,
    *,
    unlabelled: Path,
    method: Method = "confidence",
    on_event: Listener | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
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
        on_event: gets the events of both trainings.
        progress: gets the number of images labelled, and their total.

    Raises:
        TrainingError: a training was cancelled or failed.
        DataError: images or masks cannot be read, or nothing is unlabelled.

    """
    teacher = config.replace(out=config.out / "teacher")
    images = _unlabelled(unlabelled, config)  # before hours are spent
    _train(teacher, on_event)
    snapshot = read_snapshot(RunFolder(teacher.out).dataset)
    pseudo = config.out / "pseudo"
    student = config.replace(
        out=config.out / "student", data=pseudo, class_names=snapshot.class_names
    )
    calibration, records = None, list[LabelRecord]()
    if method == "mean_teacher":
        _write_unlabelled(snapshot, images, pseudo)
        student = student.replace(unlabelled=True)
    else:
        model = load_run(teacher.out, device=config.device)
        rule, calibration = _rule(model, snapshot, method)
        records = write_pseudo_labels(model, snapshot, images, pseudo, rule=rule, progress=progress)
    _train(student, on_event)
    report = RoundReport(
        method,
        len(snapshot.items),
        len(images),
        read_metrics(teacher.out),
        read_metrics(student.out),
        calibration,
        float(np.mean([record.confidence for record in records])) if records else None,
        _kept_foreground(records),
    )
    _write_record(config, report, images)
    return report


def read_round(folder: Path) -> dict[str, Any]:
    """Return the `round.json` of a finished round; raise `DataError` if there is none."""
    try:
        found = json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder} holds no finished round: {error}. Run the round again to go on with it."
        ) from error
    if not isinstance(found, dict):
        raise DataError(f"{folder / RECORD_NAME} is damaged. Run the round again.")
    return found


def _rule(
    model: LoadedModel, snapshot: Snapshot, method: Method
) -> tuple[LabelRule, Calibration | None]:
    """Return how the teacher's masks are made, and what was measured for that."""
    if method == "paper":
        return LabelRule(), None
    calibration = calibrate(model, snapshot.of("val"), num_looks=NUM_LOOKS)
    rule = LabelRule(calibration.num_looks, calibration.temperature, calibration.threshold)
    return rule, calibration


def _train(config: TrainConfig, on_event: Listener | None) -> None:
    if ensure_trained(config, on_event=on_event).state is not RunState.FINISHED:
        raise TrainingError(f"{config.out} was cancelled. Call the round again to go on.")


def _write_unlabelled(snapshot: Snapshot, images: Iterable[Path], folder: Path) -> None:
    """Write a data set of the labelled images and those without a mask."""
    items = [item.listed() for item in snapshot.items]
    items += [DatasetItem(image, None, "train") for image in images]
    write_manifest(folder / MANIFEST_NAME, DatasetIndex(tuple(items), snapshot.class_names))


def _unlabelled(folder: Path, config: TrainConfig) -> list[Path]:
    """Return the images of a folder that are not labelled in `config.data`, by their content."""
    if config.data is None:
        raise TrainingError(f"{config.model} needs labelled images: give a data folder.")
    known = (item for item in discover(config.data).items if item.mask is not None)
    labelled = {file_sha256(item.image) for item in known}
    images = [item.image for item in discover(folder).items if item.split != "test"]
    images = [image for image in images if file_sha256(image) not in labelled]
    if not images:
        raise DataError(
            f"{folder} has no image that is not labelled already: there is nothing to propose. "
            "Add images, or train on what is labelled."
        )
    return images


def _kept_foreground(records: Iterable[LabelRecord]) -> float | None:
    known = [record.kept_foreground for record in records if record.kept_foreground is not None]
    return float(np.mean(known)) if known else None


def _write_record(config: TrainConfig, report: RoundReport, images: Iterable[Path]) -> None:
    known = {
        **asdict(report),
        "model": config.model,
        "seed": config.seed,
        "code": code_version(),
        "unlabelled": [str(image) for image in images],
    }
    write_text_atomic(config.out / RECORD_NAME, json.dumps(known, indent=1) + "\n")
