"""What a round came to: `round.json`, which images, which masks, which models, which numbers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trainers.confidence import NUM_LOOKS
from trainers.errors import DataError
from trainers.io.atomic import write_text_atomic
from trainers.io.manifest import DatasetItem, file_sha256
from trainers.run_folder import STUDENT, TEACHER, RunFolder, checkpoint_file, code_version

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trainers.calibration import Calibration
    from trainers.pseudo_labels import LabelRecord
    from trainers.round_config import Method, RoundConfig
    from trainers.round_data import RoundData

RECORD_NAME = "round.json"


@dataclass(frozen=True)
class RoundReport:
    """What a round came to; the metrics are of both models, on the same validation tiles.

    Attributes:
        method: see `run_round`.
        num_labelled: tiles with true labels in training and validation.
        num_unlabelled: images that were labelled by the model.
        teacher: metrics of the model that was trained on true labels alone, or of the earlier
            run that took its place.
        student: of that trained on both.
        calibration: of the teacher; None where no threshold was used.
        mean_confidence: of all pseudo-labels, 0..1; None for `mean_teacher`, which keeps none.
        kept_foreground: share of their foreground pixels that counted; None as above.
        num_proposals: images for which the student proposes; None if it was not asked to.
        num_left_out: unlabelled images that could not be read.

    """

    method: Method
    num_labelled: int
    num_unlabelled: int
    teacher: dict[str, Any]
    student: dict[str, Any]
    calibration: Calibration | None = None
    mean_confidence: float | None = None
    kept_foreground: float | None = None
    num_proposals: int | None = None
    num_left_out: int = 0


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


def write_record(
    config: RoundConfig, report: RoundReport, data: RoundData, records: Iterable[LabelRecord]
) -> None:
    """Write `round.json`, and the student's metrics as those of the round, atomically.

    Args:
        config: of the round.
        report: its numbers.
        data: its images.
        records: of the pseudo-labels, none where none were kept.

    Raises:
        DataError: a file cannot be written.

    """
    labels, out = {record.image: record for record in records}, config.training.out
    known = {
        **asdict(report),
        "model": config.training.model,
        "seed": config.training.seed,
        "code": code_version(),
        "settings": config.to_dict(),
        "class_names": list(data.snapshot.class_names),
        "teacher_run": _run_entry(config.teacher or out / TEACHER),
        "student_run": _run_entry(out / STUDENT),
        "labelled": [
            {
                "image": str(item.image),
                "sha256": item.image_sha256,
                "ids_sha256": item.ids_sha256,
                "split": item.split,
            }
            for item in data.snapshot.items
        ],
        "unlabelled": [_image_entry(item, labels) for item in data.images],
        "left_out": [{"image": str(each.image), "reason": each.reason} for each in data.left_out],
    }
    write_text_atomic(RunFolder(out).metrics, json.dumps(report.student, indent=1) + "\n")
    write_text_atomic(out / RECORD_NAME, json.dumps(known, indent=1) + "\n")


def costs_of(config: RoundConfig, data: RoundData | None) -> dict[str, float]:
    """Guess the cost of each phase, in predictions of a tile; a training step costs three."""
    train, val, other = 1, 1, 1
    if data is not None:
        train, val = len(data.snapshot.of("train")), len(data.snapshot.of("val"))
        other = len(data.images)
    epochs = config.training.epochs
    learned = 7 * train if config.method == "mean_teacher" else 3 * (train + other)
    looked = NUM_LOOKS * other + (0 if config.method == "paper" else NUM_LOOKS * val)
    costs = {
        "teacher": epochs * (3.0 * train + val),
        "labelling": float(looked),
        "student": epochs * (learned + float(val)),
        "proposing": (NUM_LOOKS + 1.0) * (other + val),
    }
    return {phase: costs[phase] for phase in config.phases}


def _run_entry(run: Path) -> dict[str, str]:
    return {"path": str(run), "sha256": file_sha256(checkpoint_file(run))}


def _image_entry(item: DatasetItem, labels: dict[str, LabelRecord]) -> dict[str, Any]:
    label = labels.get(str(item.image))
    entry: dict[str, Any] = {"image": str(item.image), "sha256": item.sha256}
    return entry if label is None else {**entry, "label": asdict(label)}
