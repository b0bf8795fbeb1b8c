"""What a model answers for one image, under either protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trainers.errors import CheckpointError
from trainers.models.base import Instance, InstanceTask, PromptedTask
from trainers.predict import LoadedModel, predict_image, predict_prompted
from trainers.predict_instances import components, predict_instances

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from trainers.evaluation.data import Truth
    from trainers.evaluation.records import Protocol


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
    """Segment the image of `truth`, and find its objects.

    The objects of a model that does not look for them one by one, and of any model with oracle
    prompts, are the connected components of its class ids.
    """
    if protocol == "oracle":
        prediction = predict_prompted(loaded, truth.image, truth.ids)
    else:
        prediction = predict_image(loaded, truth.image)
        if isinstance(loaded.task, InstanceTask):
            return Answer(prediction.labels, predict_instances(loaded, truth.image))
    return Answer(prediction.labels, components(prediction))
