"""Score a trained model on labelled images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trainers.errors import DataError
from trainers.evaluation.answer import answer, check_protocol
from trainers.evaluation.collect import ScoreCollector
from trainers.evaluation.data import EvaluationData, labelled_images, read_truth
from trainers.evaluation.records import Evaluation, ImageScore, Protocol
from trainers.io.atomic import write_text_atomic
from trainers.io.table import write_table
from trainers.metrics.boundary import TOLERANCE_PX

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from trainers.evaluation.answer import Answer
    from trainers.evaluation.data import Truth
    from trainers.predict import LoadedModel

__all__ = ["Evaluation", "ImageScore", "Protocol", "evaluate", "write_csv", "write_evaluation"]


def evaluate(
    loaded: LoadedModel,
    data: Path | EvaluationData,
    *,
    protocol: Protocol = "automatic",
    limit: int | None = None,
    tolerance_px: float = TOLERANCE_PX,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    on_answer: Callable[[str, Truth, Answer], None] = lambda _name, _truth, _answer: None,
) -> Evaluation:
    """Predict every labelled image of the test split (all, if the data have none) and score it.

    Args:
        loaded: the model.
        data: a data folder, or images chosen before.
        protocol: "oracle" gives the model prompts from the ground truth, as the paper does.
        limit: score only the first images.
        tolerance_px: of the boundary F-score.
        progress: called with images done and in all; may raise to stop.
        on_answer: called with each image's name, its truth and what the model says.

    Raises:
        DataError: no labelled image, a file that cannot be read, or classes that the model
            does not know.
        CheckpointError: an oracle was asked for, but the model takes no prompts.

    """
    chosen = data if isinstance(data, EvaluationData) else labelled_images(data, limit=limit)
    check_protocol(loaded, protocol)
    _check_classes(loaded, chosen)
    collector = ScoreCollector(loaded.class_names, tolerance_px=tolerance_px)
    for number, (name, item) in enumerate(zip(chosen.names, chosen.items, strict=True)):
        progress(number, len(chosen.items))
        truth = read_truth(item, loaded.class_names)
        said = answer(loaded, truth, protocol)
        collector.update(name, said.labels, truth.ids, found=said.found, wanted=truth.objects)
        on_answer(name, truth, said)
    progress(len(chosen.items), len(chosen.items))
    return Evaluation(
        metrics=collector.defined_scores(),
        images=collector.image_scores(),
        split=chosen.split,
        intervals=collector.intervals(),
        protocol=protocol,
        tolerance_px=tolerance_px,
        class_names=loaded.class_names,
        data_name=chosen.root.absolute().name,
        data_sha256=chosen.sha256(),
    )


def _check_classes(loaded: LoadedModel, data: EvaluationData) -> None:
    if data.class_names and data.class_names != loaded.class_names:
        raise DataError(
            f"The data have the classes {', '.join(data.class_names)}, the model knows "
            f"{', '.join(loaded.class_names)}. Use data with the same classes in the same order."
        )


def write_evaluation(path: Path, loaded: LoadedModel, evaluation: Evaluation) -> None:
    """Write the scores and what is known of the model as JSON, atomically."""
    content = {**evaluation.to_dict(), "trained": trained(loaded)}
    write_text_atomic(path, json.dumps(content, indent=2) + "\n")


def trained(loaded: LoadedModel) -> dict[str, Any]:
    """Return what the checkpoint tells of the model."""
    names = ("model", "class_names", "epoch", "seed", "code", "data_sha256", "parent")
    return {name: loaded.meta.get(name) for name in names}


def write_csv(path: Path, evaluation: Evaluation) -> None:
    """Write a row for each image, worst IoU first, atomically; undefined scores are empty."""
    write_table(path, [_row(score) for score in evaluation.images])


def _row(score: ImageScore) -> dict[str, Any]:
    row = {name: value for name, value in vars(score).items() if name != "per_class"}
    of_classes = {
        f"{metric}/{name}": value
        for name, metrics in score.per_class.items()
        for metric, value in metrics.items()
    }
    return row | of_classes
