"""TensorBoard's own reader must find what the run's events tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.trainers.test_train import after_steps
from trainers.models.unet_task import UNetTask
from trainers.progress import RunState, read_status
from trainers.train import resume, train

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainers.conftest import MakeConfig, MakeTiles
    from trainers.config import TrainConfig


def scalars(run: Path) -> dict[str, list[tuple[int, float]]]:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    reader = accumulator.EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    reader.Reload()
    return {
        tag: [(event.step, event.value) for event in reader.Scalars(tag)]
        for tag in reader.Tags()["scalars"]
    }


def assert_told(config: TrainConfig, steps_per_epoch: int) -> None:
    found, curves = scalars(config.out), read_status(config.out).curves
    losses = [(p.step, p.loss) for p in curves.steps]
    assert found["train/loss"] == [(step, pytest.approx(loss)) for step, loss in losses]
    assert found["val/iou"] == [
        (p.epoch * steps_per_epoch, pytest.approx(p.val["iou"])) for p in curves.epochs
    ]
    assert [step for step, _ in found["val/loss"]] == [4, 8]
    assert {"train/lr", "train/epoch_loss", "train/dice_loss", "val/iou/foreground"} <= found.keys()


@pytest.fixture
def config(make_tiles: MakeTiles, make_config: MakeConfig) -> TrainConfig:
    """Return a run of 2 epochs with 4 steps each, every one of which is told."""
    return make_config(make_tiles(8), val_fraction=0.1, num_threads=1)


@pytest.fixture(autouse=True)
def _tell_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainers.report._STEP_EVENT_EVERY_S", 0.0)


def test_the_curves_are_those_of_the_run(config: TrainConfig) -> None:
    train(config)
    assert_told(config, 4)


@pytest.mark.parametrize("stop_after", [3, 4, 6])
def test_a_killed_and_resumed_run_is_told_once(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    """The run dies two steps (or a validation) after its last checkpoint."""
    config = config.replace(checkpoint_every_steps=2)

    def die(_loop: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        after_steps(patch, stop_after, die)
        with pytest.raises(KeyboardInterrupt):
            train(config)
    assert resume(config.out).state is RunState.FINISHED
    assert_told(config, 4)


def test_an_epoch_whose_last_checkpoint_was_not_written_is_told_once(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config.replace(checkpoint_every_steps=4)
    original = UNetTask.predict_probs

    def die(*_args: object) -> None:
        raise KeyboardInterrupt  # while the preview is drawn, after the epoch was told

    monkeypatch.setattr(UNetTask, "predict_probs", die)
    with pytest.raises(KeyboardInterrupt):
        train(config)
    monkeypatch.setattr(UNetTask, "predict_probs", original)
    resume(config.out)
    found: dict[str, Any] = scalars(config.out)
    assert [step for step, _ in found["val/loss"]] == [4, 8]
    assert [step for step, _ in found["train/loss"]] == [1, 2, 3, 5, 6, 7, 8]


def test_it_can_be_switched_off(config: TrainConfig) -> None:
    train(config.replace(tensorboard=False, epochs=1))
    assert not (config.out / "tensorboard").exists()
