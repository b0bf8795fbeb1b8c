"""Failures that a training would otherwise hide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score

from trainers.config import TrainConfig
from trainers.errors import TrainingError
from trainers.health import MAX_ZERO_STEPS, PredictionWatch, ZeroLossWatch
from trainers.metrics.segmentation import SegmentationMetrics
from trainers.models.unet_task import UNetTask
from trainers.progress import RunState, read_status
from trainers.train import train

if TYPE_CHECKING:
    from tests.trainers.conftest import MakeConfig, MakeTiles


@pytest.fixture
def config() -> TrainConfig:
    return TrainConfig(model="unet", out=Path("run"), epochs=9, lr=1e-3)


def metrics_of(preds: Any, target: Any) -> dict[str, float]:
    metrics = SegmentationMetrics(["metal", "via"])
    metrics.update(preds.astype(np.uint8), target.astype(np.uint8), image=0)
    return metrics.compute()


@pytest.fixture
def target() -> Any:
    """A third metal, some vias, the rest background."""
    ids = np.zeros((12, 12), int)
    ids[:4], ids[:2, :2] = 1, 2
    return ids


def warnings(config: TrainConfig, metrics: dict[str, float], num_epochs: int) -> list[list[str]]:
    watch = PredictionWatch(config)
    return [watch.see(epoch, metrics) for epoch in range(1, num_epochs + 1)]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda ids: np.zeros_like(ids), "background everywhere"),
        (lambda ids: np.ones_like(ids), "foreground everywhere"),
        (lambda ids: (ids == 0).astype(int), "swapped"),
    ],
)
def test_each_fault_is_told_with_its_setting_and_once_more_after_three_epochs(
    config: TrainConfig, target: Any, fault: Any, words: str
) -> None:
    told = warnings(config, metrics_of(fault(target), target), 9)
    assert [len(reasons) for reasons in told] == [0, 1, 0, 1, 0, 0, 0, 0, 0]
    assert words in told[1][0]
    assert "lr (now 0.001)" in told[1][0]


def test_a_run_of_one_epoch_is_judged_by_it(config: TrainConfig, target: Any) -> None:
    metrics = metrics_of(np.zeros_like(target), target)
    assert len(warnings(config.replace(epochs=1), metrics, 1)[0]) == 1


def test_good_bad_and_blank_but_right_predictions_give_no_warning(
    config: TrainConfig, target: Any
) -> None:
    noise = np.random.default_rng(0).integers(0, 3, target.shape)
    blank = np.zeros_like(target)
    pairs = [(target, target), (noise, target), (blank, blank), (target * 0 + 1, target * 0 + 1)]
    for preds, truth in pairs:
        assert not any(warnings(config, metrics_of(preds, truth), 5))
    assert not any(warnings(config, {"loss": 1.0, "score": 0.0}, 5)), "not a segmentation"


def test_a_fault_that_went_away_is_counted_anew(config: TrainConfig, target: Any) -> None:
    watch = PredictionWatch(config)
    bad, good = metrics_of(np.zeros_like(target), target), metrics_of(target, target)
    told = [len(watch.see(2 + n, m)) for n, m in enumerate([bad, bad, good, bad, bad, bad])]
    assert told == [1, 0, 0, 0, 0, 1]


def test_foreground_scores_are_those_of_scikit_learn(target: Any) -> None:
    preds = np.random.default_rng(1).integers(0, 3, target.shape)
    found = metrics_of(preds, target)
    truth = target.ravel() > 0
    for name, positive in (
        ("foreground_iou_pooled", preds > 0),
        ("foreground_iou_inverted", preds == 0),
    ):
        assert found[name] == pytest.approx(jaccard_score(truth, positive.ravel()))


def zeros(count: int, value: float = 0.0) -> list[dict[str, torch.Tensor]]:
    return [{"loss": torch.tensor(0.0), "box": torch.tensor(value)}] * count


def test_losses_of_exactly_zero_stop_the_run_and_name_the_setting(config: TrainConfig) -> None:
    watch = ZeroLossWatch(config)
    for number, losses in enumerate(zeros(MAX_ZERO_STEPS - 1), 1):
        watch.see(losses, step=number)
    with pytest.raises(TrainingError, match=r"exactly 0.*step 5.*lower lr \(now 0\.001\)"):
        watch.see(*zeros(1), step=5)


def test_single_zeros_are_no_failure(config: TrainConfig) -> None:
    watch = ZeroLossWatch(config)
    steps = [*zeros(4), {"loss": torch.tensor(1e-9)}, *zeros(4), *zeros(20, value=0.1)]
    for number, losses in enumerate(steps):
        watch.see(losses, step=number)


def test_a_run_that_fails_this_way_says_so_in_its_folder(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def training_loss(self: UNetTask, model: Any, batch: Any) -> dict[str, torch.Tensor]:
        return {"loss": model(batch["image"]).sum() * 0.0, "class": torch.zeros(())}

    monkeypatch.setattr(UNetTask, "training_loss", training_loss)
    config = make_config(make_tiles(10), batch_size=1)
    with pytest.raises(TrainingError, match="exactly 0"):
        train(config)
    status = read_status(config.out)
    assert status.state is RunState.FAILED
    assert "lower lr" in status.reason


def test_inverted_masks_of_validation_tiles_are_noticed(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that has learned the opposite of what it is scored by."""
    validate = UNetTask.validate

    def inverted(self: UNetTask, model: Any, batches: Any) -> dict[str, float]:
        return validate(self, model, ({**b, "target": 1 - b["target"]} for b in batches))

    monkeypatch.setattr(UNetTask, "validate", inverted)
    status = train(make_config(make_tiles(16, blank=()), epochs=10, lr=1e-2))
    assert any("swapped" in reason for reason in status.warnings)
