"""Training with unlabelled images: a model labels them for its successor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from trainers.data.snapshot import read_snapshot
from trainers.errors import DataError, TrainingError
from trainers.io.folders import discover
from trainers.io.images import read_image
from trainers.io.manifest import MANIFEST_NAME, DatasetIndex, DatasetItem, write_manifest
from trainers.io.masks import write_semantic
from trainers.predict import LoadedModel, load_run, predict_image
from trainers.progress import RunState
from trainers.run_folder import RunFolder, read_metrics
from trainers.train import Listener, ensure_trained

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trainers.config import TrainConfig


@dataclass(frozen=True)
class PseudoLabel:
    """What a model says of an unlabelled image.

    `labels` is uint8 (H, W) of class ids; `confidence` the mean over the pixels of the
    probability of the chosen class (background included), 0..1.
    """

    image: Path
    labels: npt.NDArray[np.uint8]
    confidence: float


@dataclass(frozen=True)
class RoundReport:
    """Validation metrics of both trainings, on the same tiles, and what lay between."""

    teacher: dict[str, Any]
    student: dict[str, Any]
    num_pseudo_labels: int
    mean_confidence: float


def pseudo_label(model: LoadedModel, images: Iterable[Path]) -> Iterator[PseudoLabel]:
    """Yield a label for each image, one at a time; raise `DataError` for an unreadable one."""
    for path in images:
        labels, probs = predict_image(model, read_image(path))
        yield PseudoLabel(path, labels, _confidence(probs))


def _confidence(probs: npt.NDArray[np.float32]) -> float:
    background = 1.0 - probs.sum(axis=0)
    return float(np.maximum(probs.max(axis=0), background).mean())


def paper_round(
    config: TrainConfig, *, unlabelled: Path, on_event: Listener | None = None
) -> RoundReport:
    """Train on `config.data`, label the rest, and train anew on both, as the paper does.

    The paper (part 2) keeps every pseudo-mask whatever its confidence, and does not say
    whether its second training starts from the first one's weights; here it starts afresh.
    Both trainings are validated on the same true labels. `config.out` gets `teacher/`,
    `pseudo/` and `student/`; called again, it goes on where it was stopped.

    Raises:
        TrainingError: a training was cancelled or failed.
        DataError: images or masks cannot be read, or nothing is unlabelled.

    """
    teacher = config.replace(out=config.out / "teacher")
    _train(teacher, on_event)
    pseudo = config.out / "pseudo"
    confidences = _write_pseudo_labels(teacher.out, unlabelled, pseudo)
    student = config.replace(
        out=config.out / "student",
        data=pseudo,
        class_names=read_snapshot(RunFolder(teacher.out).dataset).class_names,
    )
    _train(student, on_event)
    return RoundReport(
        teacher=read_metrics(teacher.out),
        student=read_metrics(student.out),
        num_pseudo_labels=len(confidences),
        mean_confidence=float(np.mean(confidences)),
    )


def _train(config: TrainConfig, on_event: Listener | None) -> None:
    if ensure_trained(config, on_event=on_event).state is not RunState.FINISHED:
        raise TrainingError(f"{config.out} was cancelled. Call the round again to go on.")


def _write_pseudo_labels(teacher: Path, unlabelled: Path, folder: Path) -> list[float]:
    """Write masks, and a manifest of true and pseudo-labels; return the confidences."""
    snapshot = read_snapshot(RunFolder(teacher).dataset)
    images = _unlabelled(unlabelled, {item.image for item in snapshot.items})
    items = [DatasetItem(i.image, i.mask, i.split, i.image_sha256) for i in snapshot.items]
    confidences = []
    for number, label in enumerate(pseudo_label(load_run(teacher), images)):
        mask = folder / "masks" / f"{number:06d}.png"
        write_semantic(mask, label.labels)
        confidences.append(label.confidence)
        items.append(DatasetItem(label.image, mask, "train"))
    write_manifest(folder / MANIFEST_NAME, DatasetIndex(tuple(items), snapshot.class_names))
    return confidences


def _unlabelled(folder: Path, labelled: set[Path]) -> list[Path]:
    index = discover(folder)
    images = [item.image for item in index.items if item.split != "test"]
    images = [image for image in images if image not in labelled]
    if not images:
        raise DataError(f"{folder} has no image that is not labelled already.")
    return images
