"""What a round was asked to be: kept as `config.json` in its folder, so that it can go on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from trainers.config import TrainConfig, parse_config
from trainers.errors import TrainingError

Method = Literal["paper", "confidence", "mean_teacher"]
METHODS: tuple[Method, ...] = ("paper", "confidence", "mean_teacher")
PHASES = ("teacher", "labelling", "student", "proposing")


@dataclass(frozen=True)
class RoundConfig:
    """Everything that decides a round's result.

    Attributes:
        training: settings of both trainings; `out` is the round's folder.
        unlabelled: folder or manifest of the images to label.
        method: one of `METHODS`.
        teacher: a run to take in place of training a teacher; None trains one.
        propose: whether the student proposes for the unlabelled images.

    """

    training: TrainConfig
    unlabelled: Path
    method: Method = "confidence"
    teacher: Path | None = None
    propose: bool = True

    @property
    def phases(self) -> tuple[str, ...]:
        """Return the phases that the round has, in order."""
        left_out = {
            "teacher": self.teacher is not None,
            "labelling": self.method == "mean_teacher",
            "proposing": not self.propose,
        }
        return tuple(phase for phase in PHASES if not left_out.get(phase, False))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "kind": "round",
            "method": self.method,
            "unlabelled": str(self.unlabelled),
            "teacher": None if self.teacher is None else str(self.teacher),
            "propose": self.propose,
            "model": self.training.model,
            "class_names": list(self.training.class_names),
            "training": json.loads(self.training.to_json()),
        }

    def is_same_as(self, other: RoundConfig) -> bool:
        """Say whether both come to the same models; proposals may be made later."""
        mine, others = self.to_dict(), other.to_dict()
        return {**mine, "propose": True} == {**others, "propose": True}


def read_round_config(path: Path) -> RoundConfig:
    """Read a round's `config.json`; raise `TrainingError` if it is none, or damaged."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        is_missing = isinstance(error, FileNotFoundError)
        why = f"it has no {path.name}" if is_missing else str(error)
        raise TrainingError(
            f"{path.parent} is not the folder of a round: {why}. Give the folder that "
            "`icseg rounds run … --out` wrote."
        ) from error
    if not isinstance(fields, dict) or fields.get("kind") != "round":
        raise TrainingError(
            f"{path.parent} holds a single run, not a round. Go on with it by "
            f"`icseg train --resume {path.parent}`, or choose another folder for the round."
        )
    try:
        if fields["method"] not in METHODS:
            raise ValueError(f"unknown method {fields['method']!r}")
        return RoundConfig(
            # the folder may have been moved since
            parse_config({**fields["training"], "out": str(path.parent)}),
            Path(fields["unlabelled"]),
            fields["method"],
            None if fields["teacher"] is None else Path(fields["teacher"]),
            bool(fields["propose"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"{path} is damaged: {error}. Start the round anew.") from error
