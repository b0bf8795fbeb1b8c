"""The configuration of one training run: everything that decides its result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from trainers.errors import TrainingError

Preset = Literal["best", "paper"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
Augment = Literal["none", "orientation", "full"]
Schedule = Literal["constant", "cosine", "divide10"]
Balance = Literal["none", "blank", "class"]
TEACHER_DECAY = 0.996
"""Of the averaged model that labels the unlabelled images, where `ema_decay` says nothing."""


class TrainConfig(BaseModel):
    """One training run; frozen, and stored as `config.json` in the run folder.

    Paths become absolute, so that a run can be resumed from any working directory.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """Name in `trainers.registry.MODELS`."""
    out: Path
    """The run folder; must be new or empty."""
    data: Path | None = None
    """Folder with labelled images; None only for a model that trains on synthetic data."""
    parent: Path | None = None
    """Checkpoint or run whose weights the training starts from, where names and shapes agree."""
    preset: Preset = "best"
    class_names: tuple[str, ...] = ()
    """Foreground classes, in the order of their ids 1, 2, …; filled in from the data if empty."""

    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=8, ge=1)
    """Tiles of one optimiser step, over all processes and parts together."""
    accumulate: int = Field(default=1, ge=1)
    """Parts in which a process computes its share of a batch, to need less memory."""
    patience: int | None = Field(default=None, ge=1)
    """Epochs without a better selection metric after which the training ends; None for never."""
    image_size: int = Field(default=256, ge=32)
    """Side of the square training crop, px."""
    augment: Augment = "full"
    """Turns and flips (`orientation`), also warps, contrast and noise (`full`), or `none`.

    The models with a frozen SAM-2 refuse `full`: their features are kept.
    """
    rotation_rate: float = Field(default=0.2, ge=0.0, le=1.0)
    """Share of the crops that `full` turns by a small angle."""
    rotation_deg: float = Field(default=5.0, ge=0.0, le=45.0)
    """Largest small angle, degrees."""
    elastic_rate: float = Field(default=0.2, ge=0.0, le=1.0)
    """Share of the crops that `full` deforms smoothly."""
    elastic_px: float = Field(default=3.0, ge=0.0)
    """Standard deviation of a deformed crop's shifts, px."""
    cutmix: float = Field(default=0.0, ge=0.0, le=1.0)
    """Probability that the tiles of a batch swap a rectangle with one another."""
    balance: Balance = "none"
    """Fewer blank tiles (`blank`), or rare classes more often (`class`), in each epoch."""
    blank_share: float = Field(default=0.25, ge=0.0, le=1.0)
    """Largest share of an epoch's crops from blank tiles, where `balance` is `blank`."""
    unlabelled: bool = False
    """Learn from the images without a mask, too: an averaged model labels them as it goes."""
    pseudo_threshold: float = Field(default=0.95, ge=0.5, lt=1.0)
    """Confidence from which a pixel that the averaged model labelled counts."""
    pseudo_start: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of the steps before the first unlabelled tile is used."""
    pseudo_cutmix: float = Field(default=0.5, ge=0.0, le=1.0)
    """Probability that the unlabelled tiles of a batch swap a rectangle with one another."""
    val_fraction: float = Field(default=0.15, gt=0.0, lt=1.0)

    optimizer: Literal["adamw", "adam"] = "adamw"
    lr: float = Field(default=1e-3, gt=0.0)
    weight_decay: float = Field(default=1e-2, ge=0.0)
    schedule: Schedule = "cosine"
    warmup_steps: int = Field(default=0, ge=0)
    min_lr_ratio: float = Field(default=0.01, ge=0.0, le=1.0)
    """Where the cosine ends, as a share of `lr`."""
    grad_clip: float | None = Field(default=None, gt=0.0)
    """Largest L2 norm of the gradient; None for no clipping."""
    ema_decay: float | None = Field(default=None, gt=0.0, lt=1.0)
    """Decay of the averaged weights that are validated and kept; None for no averaging."""

    seed: int = Field(default=0, ge=0)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int = Field(default=1, ge=1)
    """Processes on this machine, each with a device; a launcher (torchrun) decides instead."""
    num_nodes: int = Field(default=1, ge=1)
    """Machines, each with `devices` processes; they share the run folder."""
    precision: Precision = "32-true"
    num_workers: int = Field(default=0, ge=0)
    """Processes that load data; 0 loads in the training process."""
    num_threads: int | None = Field(default=None, ge=1)
    """CPU threads of torch; None leaves torch's choice."""

    checkpoint_every_s: float = Field(default=60.0, gt=0.0)
    checkpoint_every_steps: int | None = Field(default=None, ge=1)
    tensorboard: bool = True
    """Write TensorBoard files beside the events."""
    model_options: dict[str, Any] = Field(default_factory=dict)
    """Settings that only this model knows."""

    @field_validator("augment", mode="before")
    @classmethod
    def _named_augment(cls, value: object) -> object:
        """The first runs knew only yes and no."""
        return {True: "full", False: "none"}[value] if isinstance(value, bool) else value

    @property
    def num_classes(self) -> int:
        """Number of foreground classes; background is not counted."""
        return len(self.class_names)

    def model_post_init(self, _context: Any) -> None:
        """Make the paths absolute."""
        object.__setattr__(self, "out", self.out.expanduser().absolute())
        for name in ("data", "parent"):
            path = getattr(self, name)
            if path is not None:
                object.__setattr__(self, name, path.expanduser().absolute())

    @property
    def averaging(self) -> float | None:
        """Decay of the averaged weights; unlabelled images are always labelled by an average."""
        return TEACHER_DECAY if self.unlabelled and self.ema_decay is None else self.ema_decay

    def replace(self, **changes: Any) -> TrainConfig:
        """Return a validated copy with `changes`."""
        return parse_config({**self.model_dump(), **changes})

    def to_json(self) -> str:
        """Return the text of `config.json`."""
        return self.model_dump_json(indent=2) + "\n"


def parse_config(fields: dict[str, Any]) -> TrainConfig:
    """Return the configuration, or raise `TrainingError` naming each wrong setting."""
    try:
        return TrainConfig.model_validate(fields)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'config'}: {item['msg']}"
            for item in error.errors()
        )
        raise TrainingError(f"The training settings are not valid: {problems}.") from error


def read_config(path: Path) -> TrainConfig:
    """Read a `config.json`; raise `TrainingError` if it is missing or damaged."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TrainingError(
            f"{path.parent} is not a run folder: it has no {path.name}. "
            "Give the folder that `icseg train … --out` wrote."
        ) from error
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read: {error}. Start the run anew.") from error
    if isinstance(fields, dict) and fields.get("kind") == "round":
        raise TrainingError(
            f"{path.parent} is a round, not a single run. Go on with it by "
            f"`icseg rounds run --resume {path.parent}`; its model is {path.parent / 'student'}."
        )
    return parse_config(fields)
