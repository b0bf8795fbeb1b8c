"""What the training engine needs to know of a model: the `Task` Protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from trainers.config import TrainConfig
    from trainers.io.rle import RleMask

Batch = dict[str, "Tensor"]
PROPOSAL_SCORE = 0.5
"""Score from which an object is proposed, where its model does not say another."""


class EpochDataset(Protocol):
    """A map-style dataset whose items depend only on (seed, epoch, index).

    That alone makes shuffling, augmentation and synthetic data resume exactly:
    no random state has to be stored.
    """

    def __len__(self) -> int:
        """Return the number of items of one epoch."""

    def __getitem__(self, index: int) -> Batch:
        """Return one item; the default collation stacks items to a batch."""

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch (0-based) whose random draws `__getitem__` uses."""


@dataclass(frozen=True)
class Instance:
    """One object that a model has found.

    Attributes:
        class_id: 1, 2, … as in `TrainConfig.class_names`.
        score: how sure the model is, 0..1.
        mask: its pixels.
    """

    class_id: int
    score: float
    mask: RleMask


@dataclass(frozen=True)
class TaskData:
    """Training and validation data of one run; neither is ever empty.

    `unlabelled`, where the run learns from such: its items have an "image" that the averaged
    model labels, perhaps a "strong" view of the same pixels from which is learned, and what
    the items of `train` have besides.
    """

    train: EpochDataset
    val: EpochDataset
    unlabelled: EpochDataset | None = None


@runtime_checkable
class Task(Protocol):
    """One model kind: how to build, feed, train and score it."""

    name: ClassVar[str]
    selection_metric: ClassVar[str]
    """Key of `validate`'s result by which `checkpoints/best` is chosen; higher is better."""
    needs_data: ClassVar[bool]
    """False for a model that can train on the synthetic generator alone (sam2-nano)."""

    def defaults(self, preset: str) -> Mapping[str, Any]:
        """Return the fields of `TrainConfig` that this preset sets."""

    def build_model(self, config: TrainConfig) -> nn.Module:
        """Return the model on the CPU, initialised from `config.seed`."""

    def build_data(self, config: TrainConfig, run_dir: Path) -> TaskData:
        """Return the data; called again, with the same result, on resume."""

    def training_loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return scalar tensors: `loss`, which is minimised, and its parts for the log.

        torch's global random state is a function of (seed, step) on entry: draws from it
        (dropout, sampled prompts) are repeated exactly by a resumed run.
        """

    def validate(self, model: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        """Return validation metrics of a model in eval mode; `loss` among them."""


@runtime_checkable
class PretrainedTask(Task, Protocol):
    """A task whose model does not start from nothing, or keeps something between runs."""

    def prepare(self, model: nn.Module, config: TrainConfig, *, is_new: bool) -> None:
        """Make a model of `build_model` ready for training.

        `is_new` is false where a run is resumed, whose weights come from its own state.
        Raises `CheckpointError` where the weights to start from are missing.
        """


@runtime_checkable
class SegmentationTask(Task, Protocol):
    """A task whose model segments an image without any prompt."""

    def window_px(self, config: TrainConfig) -> int:
        """Return the side of the largest image that is predicted in one piece."""

    def predict_probs(self, model: nn.Module, image: Tensor) -> Tensor:
        """Return the probability of each foreground class, float32 (B, C, H, W), 0..1.

        `image` is float32 (B, 1, H, W), 0..1, of any H and W; the model is in eval mode.
        """


@runtime_checkable
class InstanceTask(SegmentationTask, Protocol):
    """A task whose model finds objects one by one; of other models they are the components."""

    def predict_instances(self, model: nn.Module, image: Tensor) -> list[Instance]:
        """Return the objects of one image, float32 (1, 1, H, W), 0..1, of any H and W."""


@runtime_checkable
class ScoredTask(InstanceTask, Protocol):
    """A task whose scores are on a scale of their own; of others `PROPOSAL_SCORE` is right."""

    def proposal_score(self, config: TrainConfig) -> float:
        """Return the score, 0..1, from which an object is proposed to a person."""


@runtime_checkable
class SelfScoredTask(SegmentationTask, Protocol):
    """A task whose model says itself how good its masks are."""

    def predict_iou(self, model: nn.Module, image: Tensor) -> Tensor:
        """Return the IoU that the model expects of each class's mask, float32 (B, C), 0..1.

        `image` is float32 (B, 1, H, W), 0..1, of any H and W; no prompt is given.
        """


@runtime_checkable
class PromptedTask(SegmentationTask, Protocol):
    """A task whose model can also be given prompts from the ground truth.

    That is the paper's way of testing SAM-SEG: an oracle, which no unlabelled image has.
    """

    def predict_probs_prompted(self, model: nn.Module, image: Tensor, target: Tensor) -> Tensor:
        """Return probabilities as `predict_probs`, with prompts drawn from the truth.

        `target` is uint8 (B, H, W) of class ids. The prompts depend on the pixels alone.
        """
