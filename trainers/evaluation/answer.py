"""What a model answers for one image, under either protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trainers.errors import CheckpointError
from trainers.evaluation.data import Truth, components_of_ids
from trainers.models.base import Instance, PromptedTask
from trainers.predict import LoadedModel, Prediction, predict_image, predict_prompted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from trainers.evaluation.records import Protocol
    from trainers.io.rle import RleMask


class Answer(NamedTuple):
    """Class ids, uint8 (H, W), and the objects found."""

    labels: npt.NDArray[np.uint8]
    found: Sequence[Instance]


def check_protocol(loaded: LoadedModel, protocol: Protocol) -> None:
    """Raise `CheckpointError` if the model cannot be tested so."""
    if protocol == "oracle" and not isinstance(loaded.task, PromptedTask):
        raise CheckpointError(
            f"{loaded.config.model} takes no prompts, so there is nothing an oracle could give "
            "it. Leave out --protocol oracle, or choose a run of sam_seg."
        )


def answer(loaded: LoadedModel, truth: Truth, protocol: Protocol) -> Answer:
    """Segment the image of `truth`."""
    if protocol == "oracle":
        prediction = predict_prompted(loaded, truth.image, truth.ids)
        return Answer(prediction.labels, components_of(prediction))
    prediction = predict_image(loaded, truth.image)
    return Answer(prediction.labels, components_of(prediction))


def components_of(prediction: Prediction) -> list[Instance]:
    """Return the 8-connected components of each class; the score is the mean probability."""
    labels, probs = prediction
    return [
        Instance(class_id, _mean_prob(probs[class_id - 1], mask), mask)
        for class_id, mask in components_of_ids(labels)
    ]


def _mean_prob(prob: npt.NDArray[np.float32], mask: RleMask) -> float:
    rows, cols = slice(mask.row, mask.row + mask.height), slice(mask.col, mask.col + mask.width)
    return float(prob[rows, cols][mask.crop()].mean())
