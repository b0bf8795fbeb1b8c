"""`icseg bench calibrate`: scores that mean what they say.

The score of a candidate is the IoU that the model expects of it, and decides which candidate is
shown first. What comes of a click is more than one mask of the model (a net is cut out of its
layer), so the curve from score to IoU is measured at the end of it all, and kept with the weights.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.bench.session import EmbeddedTile, ScoredCandidate, first_candidates
from napari_icseg.prompting.loading import SCORE_CURVES
from trainers.checkpoint import load_checkpoint, save_checkpoint
from trainers.errors import DataError
from trainers.metrics.calibration import fit_curve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from napari_icseg.bench.tiles import BenchData
    from napari_icseg.prompting.protocol import PromptPredictor
    from trainers.metrics.calibration import ScoreCurve

MIN_CANDIDATES = 50
"""Of a kind; a curve through fewer says little."""


def collect(
    predictor: PromptPredictor,
    data: BenchData,
    *,
    jitter: float,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[ScoredCandidate]:
    """Click once on every target and return the candidates with their true IoU.

    Raises `DataError` if a file cannot be read.
    """
    found: list[ScoredCandidate] = []
    for number, tile in enumerate(data.tiles):
        progress(number, len(data.tiles))
        image, targets = tile.read()
        embedded, rng = EmbeddedTile(predictor, image), np.random.default_rng([seed, number])
        for target in targets:
            found += first_candidates(embedded, target, targets, rng, jitter=jitter)
    progress(len(data.tiles), len(data.tiles))
    return found


def fit_curves(found: Iterable[ScoredCandidate]) -> dict[str, ScoreCurve]:
    """Return a curve for each kind; raise `DataError` if a kind has too few candidates."""
    pairs: dict[str, list[tuple[float, float]]] = {"net": [], "layer": []}
    for each in found:
        pairs[each.kind].append((each.score, each.iou))
    for kind, values in pairs.items():
        if len(values) < MIN_CANDIDATES:
            raise DataError(
                f"There are only {len(values)} candidates of the kind {kind}; "
                f"{MIN_CANDIDATES} are needed. Give more tiles, with masks."
            )
    return {kind: fit_curve(*zip(*values, strict=True)) for kind, values in pairs.items()}


def store_curves(path: Path, curves: dict[str, ScoreCurve], about: dict[str, Any]) -> None:
    """Put curves into the header of a checkpoint; the weights stay bit by bit as they are.

    Args:
        path: of a .safetensors file of ours.
        curves: by kind.
        about: what they were measured on, kept beside them.

    Raises:
        CheckpointError: missing or damaged.
        DataError: the file cannot be written; it is then as it was.

    """
    checkpoint = load_checkpoint(path)
    stored = {kind: asdict(curve) for kind, curve in curves.items()}
    meta = {**checkpoint.meta, SCORE_CURVES: stored, f"{SCORE_CURVES}_from": about}
    save_checkpoint(path, checkpoint.weights, meta)
