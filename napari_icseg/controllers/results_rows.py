"""Rows of the Results dock: the project's own models, and those of experiments; no torch.

Files are read here: call it from a thread.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_icseg.controllers import training_words
from napari_icseg.jobs.watcher import list_runs
from napari_icseg.widgets.results_view import ResultRow
from trainers.experiments.results import RESULTS_NAME, RUNS, Results
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
        run_dir: of the model; it may be gone.
        is_oracle: its points were drawn from the truth, as the paper tests SAM-SEG.
        experiment: the folder that it belongs to; None for the project's own.

    """

    row: ResultRow
    run_dir: Path
    is_oracle: bool = False
    experiment: Path | None = None

    @property
    def can_be_shown(self) -> bool:
        """Whether its weights are there."""
        folder = self.run_dir / STUDENT if (self.run_dir / STUDENT).is_dir() else self.run_dir
        return RunFolder(folder).best.is_file()


def experiment_runs(out: Path) -> tuple[ResultRun, ...]:
    """Return what an experiment's folder holds; raise `DataError` if it is none."""
    return tuple(_of_result(result, out) for result in Results(out).read())


def project_runs(runs_dir: Path) -> tuple[ResultRun, ...]:
    """Return the models that a project has trained, as far as they have any score."""
    found = (_of_run(run) for run in list_runs(runs_dir) if training_words.can_prefill(run))
    return tuple(found)


def stamp(runs_dir: Path | None, experiments: tuple[Path, ...]) -> tuple[Any, ...]:
    """Return what changes whenever there may be other rows; costs a few file times."""
    files = [folder / RESULTS_NAME for folder in experiments]
    if runs_dir is not None and runs_dir.is_dir():
        files += [path / "metrics.json" for path in sorted(runs_dir.iterdir()) if path.is_dir()]
    return runs_dir, experiments, tuple(_modified_ns(path) for path in files)


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
        model=training_words.MODEL_LABELS.get(row.model, row.model),
        recipe=row.preset,
        source=out.name,
        tested_on=_TESTED_ON[row.protocol],
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


def _of_run(run: RunSnapshot) -> ResultRun:
    scores, config = training_words.scores_of(run), _json(run.run_dir / "config.json")
    config = config.get("training", config)
    row = ResultRow(
        key=str(run.run_dir),
        model=training_words.model_label(run),
        recipe=str(config.get("preset", "")),
        source=PROJECT,
        tested_on="validation",
        state=run.status.state.value,
        tone=training_words.TONES[run.status.state],
        reason=f"Started {training_words.moment(run.created_unix_s)}",
        lr=config.get("lr"),
        images=_num_images(run.run_dir),
        seed=config.get("seed"),
        accuracy=scores.get("pixel_accuracy"),
        iou=scores.get("iou"),
        dice=scores.get("dice"),
    )
    return ResultRun(row, run.run_dir)


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


def _modified_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
