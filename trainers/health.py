"""Trainings that fail in silence: recognised, and explained with the setting to change."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainers.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from trainers.config import TrainConfig

MAX_ZERO_STEPS = 5
"""So many steps in a row may have losses of exactly 0."""
_REPEAT_AFTER = 3
"""A warning is given once more when it has held for so many epochs in a row."""
_NEARLY_ALL = 0.999


@dataclass
class ZeroLossWatch:
    """Counts the steps in a row in which nothing was left to learn from."""

    config: TrainConfig
    num_steps: int = 0

    def see(self, losses: Mapping[str, Tensor], *, step: int) -> None:
        """Raise `TrainingError` if all losses are 0 for the fifth step in a row.

        That is how the paper's SAM-DET fails at lr 1e-3: every loss 0, every accuracy 100 %.
        `step` is the 1-based optimiser step.
        """
        if float(losses["loss"]) != 0.0 or any(float(value) != 0.0 for value in losses.values()):
            self.num_steps = 0
            return
        self.num_steps += 1
        if self.num_steps < MAX_ZERO_STEPS:
            return
        raise TrainingError(
            f"All losses were exactly 0 in {MAX_ZERO_STEPS} steps in a row, up to step {step}: "
            "the model learns nothing any more. Most often lr is too high and has driven the "
            f"outputs to their limits: lower lr (now {self.config.lr:g}), to a tenth for "
            "instance, and start again. Otherwise no training tile has an object: label some."
        )


@dataclass
class PredictionWatch:
    """Finds in an epoch's validation metrics what no loss curve shows."""

    config: TrainConfig
    _in_a_row: Counter[str] = field(default_factory=Counter)
    _told: Counter[str] = field(default_factory=Counter)

    def see(self, epoch: int, metrics: Mapping[str, float]) -> list[str]:
        """Return the warnings that 1-based `epoch` gives cause for.

        The first epoch of several is not judged. A fault is told when it appears, and once
        more when it has held for three epochs in a row.
        """
        if epoch < min(2, self.config.epochs):
            return []
        found = {name for name, is_faulty in _FAULTS.items() if is_faulty(metrics)}
        for name in _FAULTS:
            self._in_a_row[name] = self._in_a_row[name] + 1 if name in found else 0
        due = [name for name in _FAULTS if name in found and self._is_due(name)]
        self._told.update(due)
        return [_reason(name, self.config) for name in due]

    def _is_due(self, name: str) -> bool:
        told, in_a_row = self._told[name], self._in_a_row[name]
        return told == 0 or (told == 1 and in_a_row == _REPEAT_AFTER)


def _is_blank(metrics: Mapping[str, float]) -> bool:
    found, true = _shares(metrics)
    return found == 0.0 and true > 0.0


def _is_full(metrics: Mapping[str, float]) -> bool:
    found, true = _shares(metrics)
    return found >= _NEARLY_ALL > true


def _is_swapped(metrics: Mapping[str, float]) -> bool:
    """The inverted prediction would be the better one; known of RSPrompter in the paper."""
    inverted = metrics.get("foreground_iou_inverted", 0.0)
    better = inverted > metrics.get("foreground_iou_pooled", 1.0)
    return better and metrics.get("pixel_accuracy", 1.0) < 0.5


def _shares(metrics: Mapping[str, float]) -> tuple[float, float]:
    """Return predicted and true share of foreground; those of no fault if they are not known."""
    return metrics.get("foreground_predicted", 0.5), metrics.get("foreground_true", 0.5)


_FAULTS: dict[str, Callable[[Mapping[str, float]], bool]] = {
    "blank": _is_blank,
    "full": _is_full,
    "swapped": _is_swapped,
}


def _reason(name: str, config: TrainConfig) -> str:
    lr = f"lr (now {config.lr:g})"
    return {
        "blank": (
            "The model predicts background everywhere, but the validation tiles have "
            f"foreground. Raise {lr} or epochs, set balance to blank if most tiles have no "
            "objects, or label more tiles with objects."
        ),
        "full": (
            "The model predicts foreground everywhere, but the validation tiles have "
            f"background too. Lower {lr} or train for more epochs; if that does not help, "
            "see whether the masks are inverted, and label some tiles without objects."
        ),
        "swapped": (
            "The model has swapped foreground and background: its inverted prediction would "
            "be the better one. See whether some masks are inverted (the validation tiles' or "
            f"the training tiles'); if not, lower {lr} or set grad_clip to 1, and start again."
        ),
    }[name]
