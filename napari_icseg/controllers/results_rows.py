"""Rows of the Results dock: the project's own models, and those of experiments; no torch.

Files are read here: call it from a thread.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_icseg.controllers import training_words
from napari_icseg.widgets.results_view import ResultRow
from trainers.experiments.results import RUNS, Results
from trainers.io.manifest import MANIFEST_NAME
from trainers.progress import read_status
from trainers.run_folder import STUDENT, RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    from napari_icseg.jobs.watcher import RunSnapshot
    from trainers.experiments.results import Result, Scores

PROJECT = "this project"
_LEARNED = ("train", "val")
_TESTED_ON = {"automatic": "test", "paper": "test, oracle prompts"}


@dataclass(frozen=True, slots=True)
class ResultRun:
    """A row and the model behind it.

    Attributes:
        row: what the table shows.
        run_dir: of the model; it may be gone, or never have come to any weights.
        is_oracle: its points were drawn from the truth, as the paper tests SAM-SEG.
        experiment: the folder that it belongs to; None for the project's own.

    """

    row: ResultRow
    run_dir: Path
    is_oracle: bool = False
    experiment: Path | None = None


def experiment_runs(out: Path) -> tuple[ResultRun, ...]:
    """Return what an experiment's folder holds; raise `DataError` if it is none."""
    return tuple(_of_result(result, out) for result in Results(out).read())


def project_run(run: RunSnapshot) -> ResultRun:
    """Return the row of a model that a project has trained."""
    scores, config = training_words.scores_of(run), _config(run.run_dir)
    names = config.get("class_names")
    is_mean = isinstance(names, list) and len(names) > 1
    row = ResultRow(
        key=str(run.run_dir),
        model=training_words.model_label(run),
        recipe=str(config.get("preset", "")),
        source=PROJECT,
        tested_on="validation, mean over classes" if is_mean else "validation",
        state=run.status.state.value,
        tone=training_words.TONES[run.status.state],
        reason=f"Started {training_words.moment(run.created_unix_s)}",
        lr=_number(config.get("lr")),
        images=_num_images(run.run_dir),
        seed=_count(config.get("seed")),
        accuracy=scores.get("pixel_accuracy"),
        iou=scores.get("iou"),
        dice=scores.get("dice"),
    )
    return ResultRun(row, run.run_dir)


def learning_curve(run: ResultRun, metric: str) -> tuple[tuple[int, float], ...]:
    """Return (epoch, score on the validation tiles) of a model; empty if nothing is left of it."""
    student = run.run_dir / STUDENT
    status = read_status(student if student.is_dir() else run.run_dir)
    points = status.curves.epochs
    return tuple((p.epoch, p.val[metric]) for p in points if metric in p.val)


def _of_result(result: Result, out: Path) -> ResultRun:
    row = result.row
    shown = ResultRow(
        key=f"{out}|{row.name}|{result.settings}|{result.data_sha256}",
        setup=f"{result.settings} data {result.data_sha256[:8]}, scale {row.scale:g}".strip(),
        epochs=row.epochs,
        model=training_words.MODEL_LABELS.get(row.model, row.model),
        recipe=row.preset,
        source=out.name,
        tested_on=_TESTED_ON.get(row.protocol, row.protocol),
        state=result.state,
        tone="good" if result.state == "done" else "bad",
        reason=result.reason,
        lr=row.lr,
        images=row.num_images,
        unlabelled=row.num_unlabelled,
        seed=row.seed,
        minutes=None if result.cost is None else result.cost.train_s / 60,
        **({} if result.scores is None else _fields(result.scores)),
    )
    is_oracle = row.protocol == "paper"
    return ResultRun(shown, out / RUNS / result.run, is_oracle=is_oracle, experiment=out)


def _fields(scores: Scores) -> dict[str, Any]:
    return {
        "accuracy": scores.pixel_accuracy,
        "iou": scores.foreground_iou,
        "dice": scores.foreground_dice,
        "opens": scores.opens,
        "shorts": scores.shorts,
        "false_tracks": scores.false_tracks,
        "missing_tracks": scores.missing_tracks,
    }


def _config(run_dir: Path) -> dict[str, Any]:
    """Return the settings of a run, or of the trainings of a round."""
    config = _json(run_dir / "config.json")
    training = config.get("training")
    return training if isinstance(training, dict) else config


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _num_images(run_dir: Path) -> int | None:
    items = _json(RunFolder(run_dir).dataset / MANIFEST_NAME).get("items")
    if not isinstance(items, list):
        return None
    return len([item for item in items if isinstance(item, dict) and item.get("split") in _LEARNED])


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
