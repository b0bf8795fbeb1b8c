"""The training configuration of a row; no torch is needed until one is made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainers.errors import CheckpointError
from trainers.models.sam2.sources import MODELS, checkpoint_path
from trainers.registry import build_task, make_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from trainers.config import TrainConfig
    from trainers.experiments.matrix import Row

_HOW = (
    "device",
    "devices",
    "num_nodes",
    "num_threads",
    "num_workers",
    "accumulate",
    "tensorboard",
    "checkpoint_every_s",
    "checkpoint_every_steps",
)
"""Settings that say how a training is run, and not what comes out."""
_DECAY_OF_LR = 1e-4
"""Weight decay of the paper's SAM-SEG, and here of its U-NET, as a share of the learning rate."""
_MIN_BATCH = {"rsprompter": 2}
"""Batch norm wants more than one tile; one is enough for the others."""


@dataclass(frozen=True)
class Changes:
    """What a command changes of the recipes.

    Attributes:
        sam: kind of SAM-2 in the paper's recipes, in place of the paper's own.
        fields: settings of `TrainConfig`, of all rows.

    """

    sam: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All that decides the result, as sorted JSON; empty for nothing."""
        deciding = {name: value for name, value in self.fields.items() if name not in _HOW}
        deciding |= {} if self.sam is None else {"sam": self.sam}
        return json.dumps(deciding, sort_keys=True) if deciding else ""


def config_of(row: Row, changes: Changes, *, data: Path, out: Path) -> TrainConfig:
    """Return the configuration of a row's training (of both, for a round).

    The paper's recipes at scale F: the batch is F times as large, at least 1 (RSPrompter: 2).
    The weight decay of U-NET and SAM-SEG follows the learning rate. `changes` come last.

    Raises:
        TrainingError: a setting that does not exist, or makes no sense.

    """
    own: dict[str, Any] = {"seed": row.seed, "lr": row.lr, "epochs": row.epochs}
    if row.preset == "paper":
        batch_size = int(build_task(row.model).defaults("paper")["batch_size"])
        own["batch_size"] = max(_MIN_BATCH.get(row.model, 1), round(batch_size * row.scale))
        if row.lr is not None and row.model in ("unet", "sam_seg"):
            own["weight_decay"] = row.lr * _DECAY_OF_LR
    fields = {**own, **changes.fields}
    sam = sam_of(row, changes)
    if sam is not None:
        fields["model_options"] = {"sam": sam, **fields.get("model_options", {})}
    return make_config(row.model, out=out, data=data, preset=row.preset, **fields)


def sam_of(row: Row, changes: Changes) -> str | None:
    """Return the kind of SAM-2 that a row of the paper's recipes uses; None for the others."""
    if row.preset != "paper" or row.model == "unet":
        return None
    options = build_task(row.model).defaults("paper")["model_options"]
    return changes.sam or str(options["sam"])


def require_weights(rows: Iterable[Row], changes: Changes) -> None:
    """Raise `CheckpointError` if a SAM-2 that the rows need is not on this machine."""
    if "sam_weights" in changes.fields.get("model_options", {}):
        return
    for sam in sorted({sam for row in rows if (sam := sam_of(row, changes)) is not None}):
        if sam not in MODELS:
            raise CheckpointError(
                f"There is no SAM-2 named {sam!r}. Choose one of {', '.join(MODELS)} by --sam."
            )
        if not checkpoint_path(sam).is_file():
            raise CheckpointError(
                f"The paper's recipes need {MODELS[sam].title} ({MODELS[sam].num_mib} MiB), whose "
                "weights are not on this machine. Download or import them, or take the model "
                "that is built in, which the results then say: --sam sam2-nano."
            )
