"""A model's confidence set right on its own validation tiles, and the threshold to trust it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.confidence import confidence_of, predict_sure
from trainers.data.labels import IGNORE, labels_from_probs
from trainers.errors import DataError
from trainers.io.images import read_image
from trainers.metrics.calibration import expected_calibration_error
from trainers.metrics.temperature import fit_temperature, tempered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from trainers.confidence import SurePrediction
    from trainers.data.snapshot import SnapshotItem
    from trainers.predict import LoadedModel

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
KEPT_ACCURACY = 0.995
"""Share of the kept pixels, of objects and of background each, that shall be right."""
_MAX_PIXELS = 200_000


@dataclass(frozen=True)
class Calibration:
    """What was measured on validation tiles.

    Attributes:
        temperature: for `predict_sure`.
        threshold: the lowest of `THRESHOLDS` from which `KEPT_ACCURACY` holds, else the last.
        kept: share of the pixels that reach the threshold.
        kept_foreground: the same of the pixels called foreground; None where none is.
        ece: expected calibration error of the pixels, tempered; `ece_before` without.
        num_looks: in how many rotations and flips each tile was predicted.

    """

    temperature: float
    threshold: float
    kept: float
    kept_foreground: float | None
    ece: float
    ece_before: float
    num_looks: int

    def to_dict(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class SeenTile:
    """A labelled tile and what a model says of it, with no temperature.

    `image` is uint8 or uint16 (H, W), `target` uint8 (H, W) of class ids and `IGNORE`.
    """

    image: npt.NDArray[Any]
    target: npt.NDArray[np.uint8]
    sure: SurePrediction


def calibrate(
    loaded: LoadedModel,
    items: Iterable[SnapshotItem],
    *,
    num_looks: int,
    see: Callable[[SeenTile], None] = lambda _tile: None,
) -> Calibration:
    """Measure a model's confidence on labelled tiles that it was not trained on.

    At most 200,000 pixels are drawn, evenly over the tiles, always the same. `see` is called
    with each tile that holds a labelled pixel.

    Raises:
        DataError: a tile cannot be read, or there is no labelled pixel.

    """
    probs, target = _pixels(loaded, list(items), num_looks, see)
    temperature = fit_temperature(probs, target)
    scaled = tempered(probs, temperature)
    before, after = confidence_of(probs), confidence_of(scaled)
    found = labels_from_probs(scaled)
    right, foreground = found == target, found > 0
    threshold = _threshold(after, right, foreground)
    kept = after >= threshold
    return Calibration(
        temperature,
        threshold,
        float(kept.mean()),
        float(kept[foreground].mean()) if foreground.any() else None,
        expected_calibration_error(after, right.astype(float)),
        expected_calibration_error(before, (labels_from_probs(probs) == target).astype(float)),
        num_looks,
    )


def _threshold(
    confidence: npt.NDArray[np.float32],
    right: npt.NDArray[np.bool_],
    foreground: npt.NDArray[np.bool_],
) -> float:
    for threshold in THRESHOLDS:
        kept = confidence >= threshold
        parts = [right[kept & part] for part in (foreground, ~foreground)]
        if all(part.mean() >= KEPT_ACCURACY for part in parts if part.size):
            return threshold
    return THRESHOLDS[-1]


def _pixels(
    loaded: LoadedModel,
    items: list[SnapshotItem],
    num_looks: int,
    see: Callable[[SeenTile], None],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return the probabilities (C, N) and the class ids (N,) of some pixels of all tiles."""
    rng = np.random.default_rng(0)
    per_tile = max(1, _MAX_PIXELS // max(1, len(items)))
    probs, target = [], []
    for item in items:
        image = read_image(item.image)
        known = item.target((image.shape[0], image.shape[1])).ravel()
        places = np.flatnonzero(known != IGNORE)
        places = rng.choice(places, min(per_tile, len(places)), replace=False)
        sure = predict_sure(loaded, image, num_looks=num_looks)
        if len(places):
            see(SeenTile(image, known.reshape(image.shape), sure))
        found = sure.probs
        probs.append(found.reshape(len(found), -1)[:, places])
        target.append(known[places])
    if not sum(map(len, target)):
        raise DataError("No labelled pixel to measure the confidence on: label validation tiles.")
    return np.concatenate(probs, axis=1), np.concatenate(target)
