"""Several runs scored on the same images; what was scored before is not scored again.

`RUN/evaluations/<key>.json` keeps a result. The key is made of the weights, the settings that
a prediction depends on, the images with their masks, and the protocol: if any of them changes,
the key does. Copying a run to another machine changes none.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.errors import DataError
from trainers.evaluate import evaluate, trained
from trainers.evaluation.data import labelled_images
from trainers.evaluation.records import MAIN_METRICS, PROTOCOLS, Evaluation, Protocol
from trainers.io.atomic import write_text_atomic
from trainers.io.table import write_table
from trainers.io.weights_file import weights_sha256
from trainers.metrics.bootstrap import Interval, percentile_interval, resamples
from trainers.predict import load_run
from trainers.run_folder import checkpoint_file
from trainers.run_registry import EVALUATIONS, checkpoint_meta
from trainers.settings_paths import without_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trainers.evaluation.data import EvaluationData

EVALUATION_VERSION = 1
"""Raised when a metric changes its meaning: older results are then not used again."""
_DECIDING = ("model", "model_options", "image_size", "class_names", "preset")
"""Settings that a stored result says or depends on."""


@dataclass(frozen=True)
class ComparedRun:
    """One run's scores; `is_stored` where they were made before."""

    path: Path
    name: str
    model: str
    preset: str
    evaluation: Evaluation
    is_stored: bool


@dataclass(frozen=True)
class Comparison:
    """Runs scored on the same images, in the order they were given."""

    runs: tuple[ComparedRun, ...]

    @property
    def protocol(self) -> Protocol:
        """What the models were given beside the images."""
        return self.runs[0].evaluation.protocol

    def difference(self, run: ComparedRun, metric: str = "iou") -> Interval | None:
        """Return the 95 % interval of how much better `run` is than the first one.

        The same images are drawn for both, so that what makes an image hard for both cancels
        out: the two intervals may overlap although one run is surely better. `metric` is a
        mean over images. None for a single image.
        """
        first, own = (
            {score.image: getattr(score, metric) for score in one.evaluation.images}
            for one in (self.runs[0], run)
        )
        if len(first) < 2:
            return None
        gains = np.array([own[image] - first[image] for image in sorted(first)])
        return percentile_interval(resamples(len(gains)) @ gains / len(gains))

    def to_dict(self) -> dict[str, Any]:
        """Return what `icseg models compare --json` writes."""
        first = self.runs[0].evaluation
        return {
            "data": {"name": first.data_name, "sha256": first.data_sha256},
            "split": first.split,
            "num_images": len(first.images),
            "protocol": self.protocol,
            "protocol_note": PROTOCOLS[self.protocol],
            "runs": [
                {
                    "run": run.name,
                    "model": run.model,
                    "preset": run.preset,
                    "iou_gain_over_first": self.difference(run),
                    **{k: v for k, v in run.evaluation.to_dict().items() if k != "images"},
                }
                for run in self.runs
            ],
        }


def compare(
    runs: Sequence[Path],
    data: Path,
    *,
    protocol: Protocol = "automatic",
    limit: int | None = None,
    device: str = "auto",
    progress: Callable[[str, int, int], None] = lambda _run, _done, _total: None,
) -> Comparison:
    """Score runs on the same images, reusing stored results.

    Args:
        runs: run folders or checkpoint files.
        data: labelled images; the test split, if there is one.
        protocol: see `evaluate`.
        limit: score only the first images.
        device: "auto", "cpu", "cuda" or "mps".
        progress: called with a run's name, images done and in all; may raise to stop.

    Raises:
        DataError: no run, no labelled image, or a run knows other classes.
        CheckpointError: a run has no checkpoint, or one that does not segment.

    """
    if not runs:
        raise DataError("There is no run to compare. Give at least one run folder.")
    images = labelled_images(data, limit=limit)
    data_sha256 = images.sha256()
    names = _names(runs)
    return Comparison(
        tuple(
            _compared(
                run,
                name,
                images,
                protocol,
                data_sha256=data_sha256,
                device=device,
                progress=partial(progress, name),
            )
            for run, name in zip(runs, names, strict=True)
        )
    )


def _names(runs: Sequence[Path]) -> list[str]:
    """Return the folders' names, or their paths where two are alike."""
    names = [run.absolute().name for run in runs]
    return names if len(set(names)) == len(names) else [str(run) for run in runs]


def _compared(
    run: Path,
    name: str,
    images: EvaluationData,
    protocol: Protocol,
    *,
    data_sha256: str,
    device: str,
    progress: Callable[[int, int], None],
) -> ComparedRun:
    store = _store(run, data_sha256, protocol)
    stored = read_stored(store) if store is not None else None
    if stored is not None:
        config = checkpoint_meta(run)["config"]
        return ComparedRun(run, name, config["model"], config["preset"], stored, is_stored=True)
    loaded = load_run(run, device=device)
    evaluation = evaluate(loaded, images, protocol=protocol, progress=progress)
    if store is not None:
        content = {**evaluation.to_dict(), "trained": trained(loaded)}
        write_text_atomic(store, json.dumps(content, indent=1) + "\n")
    config = loaded.config
    return ComparedRun(run, name, config.model, config.preset, evaluation, is_stored=False)


def _store(run: Path, data_sha256: str, protocol: Protocol) -> Path | None:
    """Return the file for this result; None for a checkpoint that cannot keep or name one."""
    config = checkpoint_meta(run).get("config")
    if not run.is_dir() or not isinstance(config, dict):
        return None
    settings = without_paths(config)
    parts = {
        "version": EVALUATION_VERSION,
        "weights": weights_sha256(checkpoint_file(run)),
        **{name: settings.get(name) for name in _DECIDING},
        "data": data_sha256,
        "protocol": protocol,
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return run / EVALUATIONS / f"{key[:16]}.json"


def read_stored(path: Path) -> Evaluation | None:
    """Return a stored result; None where there is none, or it is damaged and must be made anew."""
    try:
        return Evaluation.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, DataError):
        return None


def write_comparison_csv(path: Path, comparison: Comparison) -> None:
    """Write a row for each run with scores and interval ends, atomically."""
    write_table(path, [_row(run) for run in comparison.runs])


def _row(run: ComparedRun) -> dict[str, Any]:
    evaluation = run.evaluation
    row: dict[str, Any] = {
        "run": run.name,
        "model": run.model,
        "preset": run.preset,
        "protocol": evaluation.protocol,
        "num_images": len(evaluation.images),
    }
    for metric in MAIN_METRICS:
        low, high = evaluation.intervals.get(metric, ("", ""))
        row |= {
            metric: evaluation.metrics.get(metric, ""),
            f"{metric}_low": low,
            f"{metric}_high": high,
        }
    return row
