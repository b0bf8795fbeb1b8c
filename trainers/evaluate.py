"""Score a trained model on labelled images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainers.data.labels import read_class_ids
from trainers.errors import DataError
from trainers.io.atomic import write_text_atomic
from trainers.io.folders import DatasetIndex, DatasetItem, discover
from trainers.io.images import read_image
from trainers.metrics.segmentation import SegmentationMetrics, dice, iou, nested, pixel_accuracy
from trainers.predict import LoadedModel, predict_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class ImageScore:
    """Scores of one image, each 0..1; IoU and Dice are means over the classes."""

    image: str
    pixel_accuracy: float
    iou: float
    dice: float


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model on a data set; `images` has the worst IoU first."""

    metrics: dict[str, float]
    images: tuple[ImageScore, ...]
    split: str

    def to_dict(self) -> dict[str, Any]:
        """Return what `icseg evaluate --json` writes, less what is known of the model."""
        return {
            **nested(self.metrics),
            "split": self.split,
            "num_images": len(self.images),
            "images": [vars(score) for score in self.images],
        }


def evaluate(
    loaded: LoadedModel,
    data: Path,
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Evaluation:
    """Predict every labelled image of the test split (all, if the data have none) and score it.

    Raises:
        DataError: no labelled image, a file that cannot be read, or classes that the model
            does not know.

    """
    index = discover(data)
    split, items = _labelled(index, data)
    _check_classes(loaded, index)
    metrics = SegmentationMetrics(loaded.class_names)
    for number, item in enumerate(items):
        progress(number, len(items))
        _score(loaded, item, metrics)
    progress(len(items), len(items))
    return Evaluation(metrics.compute(), _image_scores(metrics), split)


def _labelled(index: DatasetIndex, data: Path) -> tuple[str, list[DatasetItem]]:
    labelled = [item for item in index.items if item.mask is not None]
    test = [item for item in labelled if item.split == "test"]
    if not labelled:
        raise DataError(
            f"{data} has {len(index.items)} images but no masks: there is nothing to compare "
            "with. Put masks named like the images into masks/."
        )
    return ("test", test) if test else ("all", labelled)


def _check_classes(loaded: LoadedModel, index: DatasetIndex) -> None:
    if index.class_names and index.class_names != loaded.class_names:
        raise DataError(
            f"The data have the classes {', '.join(index.class_names)}, the model knows "
            f"{', '.join(loaded.class_names)}. Use data with the same classes in the same order."
        )


def _score(loaded: LoadedModel, item: DatasetItem, metrics: SegmentationMetrics) -> None:
    assert item.mask is not None
    image = read_image(item.image)
    target = read_class_ids(item.mask, (image.shape[0], image.shape[1]))
    if int(target.max()) > len(loaded.class_names):
        raise DataError(
            f"{item.mask} holds class id {int(target.max())}, but the model knows only "
            f"{len(loaded.class_names)} ({', '.join(loaded.class_names)})."
        )
    metrics.update(predict_image(loaded, image).labels, target, image=str(item.image))


def _image_scores(metrics: SegmentationMetrics) -> tuple[ImageScore, ...]:
    scores = [
        ImageScore(
            str(image),
            pixel_accuracy(counts),
            float(iou(counts).mean()),
            float(dice(counts).mean()),
        )
        for image, counts in metrics.per_image.items()
    ]
    return tuple(sorted(scores, key=lambda score: (score.iou, score.image)))


def write_evaluation(path: Path, loaded: LoadedModel, evaluation: Evaluation) -> None:
    """Write the scores and what is known of the model as JSON, atomically."""
    about = {
        key: loaded.meta.get(key)
        for key in ("model", "class_names", "epoch", "seed", "code", "data_sha256")
    }
    content = {**evaluation.to_dict(), "trained": about}
    write_text_atomic(path, json.dumps(content, indent=2) + "\n")
