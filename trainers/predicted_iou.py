"""The IoU that a model's labelling of an image will have with the truth, guessed without it.

Several signs of trouble are measured on an image: looks that disagree, a long rim for the area,
another model (the teacher) or the model's own IoU head that says otherwise. (Unsure pixels, as a
sum of probabilities, made the order of validation tiles worse beside these.) How they add up is
fitted on validation tiles, in the logarithm of the error 1 - IoU. A prior (all signs count alike)
keeps a handful of tiles from saying too much.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from trainers.confidence import agreement_of
from trainers.data.labels import IGNORE
from trainers.io.images import to_unit
from trainers.models.base import SelfScoredTask
from trainers.predict import as_batch, windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.confidence import Labels, SurePrediction
    from trainers.predict import LoadedModel

FEW_PX = 50
"""Added to areas: a handful of pixels on a blank tile says little of anything."""
_EPSILON = 0.002
_PRIOR_TILES = 5.0
"""Weight of the prior, about that of so many tiles."""


@dataclass(frozen=True)
class Evidence:
    """Signs of how good a labelling is, each a share 0..1, 1 for no trouble.

    Attributes:
        agreement: IoU of the looks with their mean, see `confidence.SurePrediction`.
        rim: 1 - rim pixels / (4 area): the IoU of thin things suffers most from a shifted edge.
        teacher: IoU with the labels of another model; None without one.
        head: what the model's own IoU head says; None without one.

    """

    agreement: float
    rim: float
    teacher: float | None = None
    head: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the signs that there are."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name) is not None)

    def errors(self, names: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return log(1 - sign), float64 (K,), of the signs `names`."""
        return np.array([_log_error(getattr(self, name)) for name in names])


def evidence_of(
    sure: SurePrediction, *, teacher: Labels | None = None, head: float | None = None
) -> Evidence:
    """Return the signs of one prediction.

    Args:
        sure: the prediction, made with temperature 1.
        teacher: uint8 (H, W), what another model says of the image.
        head: what the model's IoU head says, 0..1.

    """
    found = sure.labels > 0
    area = float(np.count_nonzero(found)) + FEW_PX
    rim = np.count_nonzero(found[1:] != found[:-1]) + np.count_nonzero(
        found[:, 1:] != found[:, :-1]
    )
    return Evidence(
        agreement=sure.agreement,
        rim=max(0.0, 1.0 - rim / (4 * area)),
        teacher=None if teacher is None else agreement_of(sure.labels, teacher),
        head=head,
    )


@dataclass(frozen=True)
class IouFit:
    """From signs to the IoU that is to be expected.

    Attributes:
        names: of the signs, see `Evidence`.
        weights: of their log errors, none below 0.
        bias: added to their weighted sum.
        num_tiles: on which it was fitted.

    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    bias: float
    num_tiles: int

    def __call__(self, evidence: Evidence) -> float:
        """Return the expected IoU, 0..1."""
        log_error = self.bias + float(evidence.errors(self.names) @ np.array(self.weights))
        return float(np.clip(1.0 + _EPSILON - np.exp(log_error), 0.0, 1.0))

    def to_dict(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        lists = {"names": list(self.names), "weights": list(self.weights)}
        return {**asdict(self), **lists}


def fit_iou(
    evidence: Sequence[Evidence], ious: Sequence[float], *, names: Sequence[str] = ()
) -> IouFit:
    """Fit the expected IoU to labelled tiles: ridge regression towards the prior.

    The signs can only lower the IoU: a weight below 0 would be chance, and is taken out.

    Args:
        evidence: of each tile; with none of them, the prior alone is returned.
        ious: of the same tiles with the truth, 0..1.
        names: of the signs; those of the first tile if empty.

    Raises:
        ValueError: as many IoUs as there are not tiles, or neither tiles nor names.

    """
    if len(evidence) != len(ious) or not (evidence or names):
        raise ValueError(f"Expected an IoU for each tile, got {len(ious)} for {len(evidence)}.")
    chosen = tuple(names) or evidence[0].names
    signs = np.array([each.errors(chosen) for each in evidence]).reshape(-1, len(chosen))
    target = np.array([_log_error(iou) for iou in ious])
    used, weights, bias = list(range(len(chosen))), np.zeros(len(chosen)), 0.0
    while used:
        solved, bias = _ridge(signs[:, used], target)
        if (solved >= 0).all():
            weights[used] = solved
            break
        used = [index for index, weight in zip(used, solved, strict=True) if weight >= 0]
    return IouFit(chosen, tuple(float(w) for w in weights), float(bias), len(ious))


def true_iou(labels: Labels, target: Labels) -> float:
    """Return the foreground IoU with class ids, uint8 (H, W); unknown pixels do not count."""
    known = target != IGNORE
    return agreement_of(np.where(known, labels, 0), np.where(known, target, 0))


def head_iou(loaded: LoadedModel, image: npt.NDArray[Any]) -> float | None:
    """Return what the model's IoU head says of an image, mean over classes and windows.

    None for a model that has no such head.
    """
    if not isinstance(loaded.task, SelfScoredTask):
        return None
    unit, size_px, said = to_unit(image), loaded.window_px, []
    for window in windows((unit.shape[0], unit.shape[1]), size_px):
        with torch.no_grad():
            said.append(loaded.task.predict_iou(loaded.model, as_batch(loaded, unit[window])))
    return float(torch.stack([each.float().mean() for each in said]).mean().clamp(0.0, 1.0))


def _ridge(
    signs: npt.NDArray[np.float64], target: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], float]:
    """Return weights (K,) and bias: least squares, drawn to equal weights that sum to 1."""
    num_tiles, num = signs.shape
    prior = np.full(num, 1.0 / num)
    if not num_tiles:
        return prior, 0.0
    centre, level = signs.mean(axis=0), float(target.mean())
    design = signs - centre
    residual = target - level - design @ prior
    penalty = _PRIOR_TILES * np.eye(num)
    weights = prior + np.linalg.solve(design.T @ design + penalty, design.T @ residual)
    # the level is learned first: it has a prior of one tile
    return weights, float((level - centre @ weights) * num_tiles / (num_tiles + 1))


def _log_error(share: float) -> float:
    return float(np.log(1.0 - min(1.0, share) + _EPSILON))
