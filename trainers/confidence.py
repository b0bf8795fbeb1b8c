"""How sure a model is of what it predicts: of each pixel, and of a whole image.

An image is predicted in its rotations and flips. What a model has understood does not depend on
how the image lies; where the looks disagree, it guesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from trainers.data.labels import labels_from_probs
from trainers.metrics.temperature import tempered
from trainers.predict import predict_image

if TYPE_CHECKING:
    from trainers.predict import LoadedModel

NUM_LOOKS = 8
Probs = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class SurePrediction:
    """A prediction with its confidence.

    Attributes:
        labels: uint8 (H, W), 0 background.
        probs: float32 (C, H, W) of the foreground classes, mean of all looks, tempered.
        confidence: float32 (H, W), probability of the label, background included, 0..1.
        agreement: mean IoU of the looks' foreground with the foreground of `labels`, 0..1; a
            guess at the IoU with the truth. 1 where all looks find nothing.

    """

    labels: Labels
    probs: Probs
    confidence: npt.NDArray[np.float32]
    agreement: float


def predict_sure(
    loaded: LoadedModel,
    image: npt.NDArray[Any],
    *,
    num_looks: int = NUM_LOOKS,
    temperature: float = 1.0,
) -> SurePrediction:
    """Predict a grey image, uint8 or uint16 (H, W), in `num_looks` (1..8) rotations and flips.

    `temperature` is that of `metrics.temperature.fit_temperature`, for the mean of the looks.
    """
    looks = [_predict_turned(loaded, image, number) for number in range(num_looks)]
    probs = tempered(np.mean(looks, axis=0, dtype=np.float32), temperature)
    labels = labels_from_probs(probs)
    agreement = float(np.mean([agreement_of(labels_from_probs(look), labels) for look in looks]))
    return SurePrediction(labels, probs, confidence_of(probs), agreement)


def confidence_of(probs: Probs) -> npt.NDArray[np.float32]:
    """Return the probability of each pixel's label, float32 (H, W), background included."""
    return np.asarray(np.maximum(probs.max(axis=0), 1.0 - probs.sum(axis=0)), np.float32)


def _predict_turned(loaded: LoadedModel, image: npt.NDArray[Any], number: int) -> Probs:
    """Return the probabilities (C, H, W), turned back, of the image in look `number`, 0..7."""
    turned = np.rot90(image, number % 4)
    turned = turned[:, ::-1] if number >= 4 else turned
    probs = predict_image(loaded, np.ascontiguousarray(turned)).probs
    probs = probs[..., ::-1] if number >= 4 else probs
    return np.rot90(probs, -(number % 4), axes=(1, 2))


def agreement_of(labels: Labels, other: Labels) -> float:
    """Return the IoU of two labellings' foreground, a pixel of another class not in common."""
    union = np.count_nonzero((labels > 0) | (other > 0))
    return 1.0 if union == 0 else np.count_nonzero((labels == other) & (labels > 0)) / union
