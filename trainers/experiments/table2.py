"""The paper's Table 2: pixel accuracy over learning rates."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trainers.errors import IcsegError, TrainingError
from trainers.evaluate import evaluate
from trainers.experiments.results import FAILED, FINISHED, ResultTable, Row
from trainers.predict import load_run
from trainers.progress import RunState
from trainers.registry import make_config
from trainers.run_folder import code_version
from trainers.train import Listener, ensure_trained

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trainers.config import TrainConfig

LRS = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
_PRINTED: dict[str, tuple[float | None, ...]] = {
    "unet": (0.8814, 0.9312, 0.9060, 0.6609, 0.6291),
    "sam_seg": (0.9407, 0.8562, 0.6231, 0.4682, 0.4679),
    "sam_det": (0.7259, 0.6096, 0.3871, 0.4321, 0.4443),
    "rsprompter": (None, 0.8166, 0.6537, 0.6405, 0.5743),
}
PAPER: dict[tuple[str, float], float] = {
    (model, lr): accuracy
    for model, row in _PRINTED.items()
    for lr, accuracy in zip(LRS, row, strict=True)
    if accuracy is not None
}
"""Pixel accuracy (model, learning rate) as printed in the paper, on its own data."""

KEYS = ("model", "lr", "preset", "epochs", "seed", "data")
VALUES = (
    "split",
    "pixel_accuracy",
    "iou",
    "dice",
    "paper_pixel_accuracy",
    "seconds",
    "commit",
    "data_sha256",
    "reason",
)


def run_table2(
    *,
    data: Path,
    out: Path,
    models: Sequence[str],
    lrs: Sequence[float],
    epochs: int | None = None,
    preset: str = "paper",
    changes: dict[str, Any] | None = None,
    on_row: Callable[[Row], None] = lambda _row: None,
    on_event: Listener | None = None,
) -> list[Row]:
    """Train and evaluate each model at each learning rate; return the rows of `results.csv`.

    Rows that finished before are skipped, a stopped run is resumed, a failed one is tried
    again. A run that fails leaves a row that says so, without figures, and the others go on.

    Raises:
        TrainingError: a run was cancelled.
        DataError: the table belongs to something else, or cannot be written.

    """
    table = ResultTable(out / "results.csv", keys=KEYS, values=VALUES)
    fixed = {"data": data, "preset": preset, "epochs": epochs, **(changes or {})}
    for model in models:
        for lr in lrs:
            config = make_config(model, out=out, lr=lr, **fixed)
            config = config.replace(out=out / _run_name(config))
            if not table.is_finished(_key(config)):
                table.put(_result(config, on_event))
            on_row(_row_of(table, config))
    return table.rows


def _run_name(config: TrainConfig) -> str:
    return f"{config.model}-{config.preset}-lr{config.lr:g}-e{config.epochs}-s{config.seed}"


def _key(config: TrainConfig) -> dict[str, object]:
    known = {name: getattr(config, name) for name in KEYS}
    return {**known, "lr": f"{config.lr:g}"}


def _row_of(table: ResultTable, config: TrainConfig) -> Row:
    key = {name: str(value) for name, value in _key(config).items()}
    return next(row for row in table.rows if key.items() <= row.items())


def _result(config: TrainConfig, on_event: Listener | None) -> dict[str, object]:
    row = {
        **_key(config),
        "paper_pixel_accuracy": PAPER.get((config.model, config.lr)),
        "commit": code_version()["commit"],
    }
    started_s = time.monotonic()
    try:
        status = ensure_trained(config, on_event=on_event)
        if status.state is RunState.FINISHED:
            measured = _measured(config)
            return {**row, "state": FINISHED, **measured, "seconds": _since(started_s)}
    except IcsegError as error:
        return {**row, "state": FAILED, "reason": str(error), "seconds": _since(started_s)}
    raise TrainingError(f"{config.out} was cancelled. Start the experiment again to go on.")


def _measured(config: TrainConfig) -> dict[str, object]:
    assert config.data is not None
    loaded = load_run(config.out, device=config.device)
    evaluation = evaluate(loaded, config.data)
    scores = {
        name: round(evaluation.metrics[name], 6) for name in ("pixel_accuracy", "iou", "dice")
    }
    return {**scores, "split": evaluation.split, "data_sha256": loaded.meta["data_sha256"]}


def _since(started_s: float) -> float:
    return round(time.monotonic() - started_s, 1)
