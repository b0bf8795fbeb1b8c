"""One run from start to end, and everything that may go wrong meanwhile."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from trainers.checkpoint import load_checkpoint
from trainers.config import TrainConfig, read_config
from trainers.errors import DataError, TrainingError
from trainers.loop import Loop
from trainers.models.unet_task import UNetTask
from trainers.progress import RunState, read_events, read_status
from trainers.train import resume, train

if TYPE_CHECKING:
    from tests.trainers.conftest import MakeConfig, MakeTiles


def kinds(run_dir: Path) -> list[str]:
    return [event["kind"] for event in read_events(run_dir / "events.jsonl")[0]]


def weights(run_dir: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return load_checkpoint(run_dir / "checkpoints" / f"{name}.safetensors").weights


def assert_same_weights(first: Path, second: Path) -> None:
    for name in ("last", "best"):
        ours, theirs = weights(first, name), weights(second, name)
        assert ours.keys() == theirs.keys()
        for key, value in ours.items():
            assert torch.equal(value, theirs[key]), f"{name}: {key} differs"


def after_steps(monkeypatch: pytest.MonkeyPatch, number: int, action: Any) -> None:
    """Call `action(loop)` when optimiser step `number` is done, before the loop looks around."""
    original = Loop._after_step

    def after_step(self: Loop, losses: Any, **known: float) -> None:
        if self.position.step == number:
            action(self)
        original(self, losses, **known)

    monkeypatch.setattr(Loop, "_after_step", after_step)


def test_a_run_leaves_everything_in_its_folder(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    config = make_config(make_tiles(12), epochs=6)
    status = train(config)
    run = config.out
    assert status.state is RunState.FINISHED
    assert (status.epoch, status.step, status.fraction) == (6, status.num_steps, 1.0)
    losses = [point.train_loss for point in status.curves.epochs]
    assert losses[-1] < 0.9 * losses[0]
    metrics = json.loads((run / "metrics.json").read_text())
    assert {"pixel_accuracy", "iou", "dice"} <= metrics.keys()
    assert metrics["per_class"]["foreground"]["iou"] == metrics["iou"]
    best = status.curves.epochs[metrics["best_epoch"] - 1]
    assert best.val["iou"] == metrics["iou"]
    assert metrics["iou"] == max(point.val["iou"] for point in status.curves.epochs)
    assert (run / "log.txt").read_text().count("epoch") >= 6


def test_facts_that_repeat_a_result_stand_beside_each_checkpoint(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    config = make_config(make_tiles(4), seed=3, epochs=1)
    train(config)
    meta = json.loads((config.out / "checkpoints" / "best.json").read_text())
    assert meta["seed"] == 3
    assert meta["code"]["version"]
    assert len(meta["data_sha256"]) == 64
    assert meta["config"]["lr"] == config.lr
    assert meta["class_names"] == ["foreground"]
    assert read_config(config.out / "config.json").class_names == ("foreground",)


def test_the_same_seed_gives_the_same_weights_whoever_loads_the_data(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    data = make_tiles(6)
    runs = [make_config(data, out, num_workers=n) for out, n in (("a", 0), ("b", 2))]
    for config in runs:
        train(config)
    assert_same_weights(runs[0].out, runs[1].out)
    other = make_config(data, "c", seed=1)
    train(other)
    assert not torch.equal(weights(other.out)["head.weight"], weights(runs[0].out)["head.weight"])


@pytest.mark.parametrize(
    ("stop_after", "ema_decay"), [(1, None), (4, None), (6, None), (3, 0.9), (6, 0.9)]
)
def test_cancelled_and_resumed_equals_uninterrupted(
    make_tiles: MakeTiles,
    make_config: MakeConfig,
    monkeypatch: pytest.MonkeyPatch,
    stop_after: int,
    ema_decay: float | None,
) -> None:
    """4 steps an epoch: within the first, at its end, and within the second epoch."""
    data = make_tiles(8)
    settings: dict[str, Any] = {
        "ema_decay": ema_decay,
        "val_fraction": 0.1,
        "warmup_steps": 3,
    }
    whole = make_config(data, "whole", **settings)
    stopped = make_config(data, "stopped", **settings)
    train(whole)
    with monkeypatch.context() as patch:
        after_steps(patch, stop_after, lambda loop: loop.folder.cancel.touch())
        assert train(stopped).state is RunState.CANCELLED
    status = read_status(stopped.out)
    assert status.step == stop_after
    status = resume(stopped.out)
    assert status.state is RunState.FINISHED
    assert_same_weights(whole.out, stopped.out)
    assert [point.epoch for point in status.curves.epochs] == [1, 2]
    assert (whole.out / "metrics.json").read_text() == (stopped.out / "metrics.json").read_text()


def test_a_cancel_during_validation_is_obeyed(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_tiles(6)
    whole, stopped = make_config(data, "whole"), make_config(data, "stopped")
    train(whole)
    original = UNetTask.validate

    def validate(self: UNetTask, model: Any, batches: Any) -> dict[str, float]:
        (stopped.out / "cancel").touch()
        return original(self, model, batches)

    with monkeypatch.context() as patch:
        patch.setattr(UNetTask, "validate", validate)
        assert train(stopped).state is RunState.CANCELLED
    assert read_status(stopped.out).curves.epochs == ()
    resume(stopped.out)
    assert_same_weights(whole.out, stopped.out)


def test_a_cancel_before_the_first_step_is_obeyed(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    config = make_config(make_tiles(4), epochs=1)
    config.out.mkdir()
    (config.out / "cancel").touch()
    assert train(config).state is RunState.CANCELLED
    assert "step" not in kinds(config.out)
    assert resume(config.out).state is RunState.FINISHED


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run_and_names_the_setting(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    config = make_config(make_tiles(8), checkpoint_every_steps=1)
    original, calls = UNetTask.training_loss, []

    def training_loss(self: UNetTask, model: Any, batch: Any) -> dict[str, torch.Tensor]:
        calls.append(1)
        losses = original(self, model, batch)
        return {"loss": losses["loss"] * (value if len(calls) == 3 else 1.0)}

    monkeypatch.setattr(UNetTask, "training_loss", training_loss)
    with pytest.raises(TrainingError, match=r"Lower lr \(now"):
        train(config)
    status = read_status(config.out)
    assert status.state is RunState.FAILED
    assert "diverged" in status.reason
    last = load_checkpoint(config.out / "checkpoints" / "last.safetensors")
    assert last.meta["step"] == 2
    assert all(bool(torch.isfinite(value).all()) for value in last.weights.values())


def test_a_gradient_that_is_no_number_never_reaches_the_weights(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(make_tiles(4), checkpoint_every_steps=1)

    def training_loss(self: UNetTask, model: Any, batch: Any) -> dict[str, torch.Tensor]:
        logits = model(batch["image"])
        return {"loss": (logits * 0).sqrt().sum()}  # 0 with an infinite slope

    monkeypatch.setattr(UNetTask, "training_loss", training_loss)
    with pytest.raises(TrainingError, match="gradient"):
        train(config)
    assert not (config.out / "checkpoints" / "last.safetensors").exists()


def test_a_model_that_predicts_only_background_is_warned_of_once(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = UNetTask.build_model

    def build_model(self: UNetTask, config: TrainConfig) -> Any:
        model: Any = original(self, config)
        torch.nn.init.zeros_(model.head.weight)
        torch.nn.init.constant_(model.head.bias, -9.0)
        return model

    monkeypatch.setattr(UNetTask, "build_model", build_model)
    status = train(make_config(make_tiles(6), epochs=3, lr=1e-9))
    (reason,) = status.warnings
    assert "background everywhere" in reason
    assert "lr" in reason


def test_an_all_blank_data_set_trains_and_warns(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    config = make_config(make_tiles(4, blank=(0, 1, 2, 3)), epochs=1)
    status = train(config)
    assert status.state is RunState.FINISHED
    (reason,) = status.warnings
    assert "blank" in reason
    assert np.isfinite(status.curves.epochs[0].train_loss)


def test_several_classes_are_learned_and_scored_apart(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    data = make_tiles(8, num_classes=2)
    (data / "classes.txt").write_text("metal\nvia\n")
    config = make_config(data, epochs=1)
    train(config)
    metrics = json.loads((config.out / "metrics.json").read_text())
    assert set(metrics["per_class"]) == {"metal", "via"}


def test_one_labelled_tile_is_too_few(make_tiles: MakeTiles, make_config: MakeConfig) -> None:
    config = make_config(make_tiles(1))
    with pytest.raises(TrainingError, match="at least 2 labelled tiles"):
        train(config)
    status = read_status(config.out)
    assert status.state is RunState.FAILED
    assert "Label more tiles" in status.reason


def test_a_run_that_never_began_can_be_started_again_in_its_folder(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    config = make_config(make_tiles(1), epochs=1)
    with pytest.raises(TrainingError):
        train(config)
    status = train(config.replace(data=make_tiles(4, folder="more")))
    assert status.state is RunState.FINISHED
    assert kinds(config.out).count("started") == 1


def test_a_folder_with_a_run_is_not_overwritten(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    config = make_config(make_tiles(4), epochs=1)
    train(config)
    before = (config.out / "events.jsonl").read_bytes()
    with pytest.raises(TrainingError, match="already holds a run"):
        train(config)
    assert (config.out / "events.jsonl").read_bytes() == before


def test_a_run_folder_that_cannot_be_made_is_reported(
    make_tiles: MakeTiles, make_config: MakeConfig, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="Cannot write"):
        train(make_config(make_tiles(4), "file/run"))


def test_finished_and_running_runs_cannot_be_resumed(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(make_tiles(4), epochs=1)
    found: list[str] = []

    def try_resume(loop: Loop) -> None:
        # another process would see the run's process at work
        monkeypatch.setattr("trainers.train.os.getpid", lambda: -1)
        with pytest.raises(TrainingError) as error:
            resume(loop.folder.path)
        found.append(str(error.value))

    after_steps(monkeypatch, 1, try_resume)
    train(config)
    assert "running already" in found[0]
    with pytest.raises(TrainingError, match="nothing to resume"):
        resume(config.out)


def test_a_changed_image_is_noticed_on_resume(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_tiles(4)
    config = make_config(data)
    with monkeypatch.context() as patch:
        after_steps(patch, 1, lambda loop: loop.folder.cancel.touch())
        train(config)
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(data / "images" / "t01.png")
    with pytest.raises(DataError, match=r"t01\.png was changed"):
        resume(config.out)


def test_new_labels_do_not_change_a_run_that_has_begun(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_tiles(4)
    whole, stopped = make_config(data, "whole"), make_config(data, "stopped")
    train(whole)
    with monkeypatch.context() as patch:
        after_steps(patch, 1, lambda loop: loop.folder.cancel.touch())
        train(stopped)
    for mask in (data / "masks").iterdir():
        mask.unlink()
    resume(stopped.out)
    assert_same_weights(whole.out, stopped.out)


def test_a_full_disk_fails_the_run_and_keeps_the_last_checkpoint(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_tiles(8)
    whole, config = make_config(data, "whole"), make_config(data, checkpoint_every_steps=1)
    train(whole)

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        after_steps(patch, 3, lambda _loop: patch.setattr(Path, "write_bytes", full))
        with pytest.raises(DataError, match="No space left"):
            train(config)
    status = read_status(config.out)
    assert status.state is RunState.FAILED
    assert "Free some space" in status.reason
    resume(config.out)
    assert_same_weights(whole.out, config.out)


def test_a_crash_between_weights_and_state_does_not_mix_them(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state alone decides where a resume starts; the weights beside it may be older."""
    data = make_tiles(8)
    whole, config = make_config(data, "whole"), make_config(data, checkpoint_every_steps=1)
    train(whole)

    def crash(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        after_steps(patch, 4, lambda _loop: patch.setattr("trainers.loop.save_checkpoint", crash))
        with pytest.raises(KeyboardInterrupt):
            train(config)
    resume(config.out)
    assert_same_weights(whole.out, config.out)


def test_a_run_works_in_a_thread_where_signals_cannot_be_caught(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    config = make_config(make_tiles(4), epochs=1)
    thread = threading.Thread(target=train, args=(config,))
    thread.start()
    thread.join(60)
    assert read_status(config.out).state is RunState.FINISHED


def test_the_listener_hears_what_is_written(make_tiles: MakeTiles, make_config: MakeConfig) -> None:
    heard: list[str] = []
    config = make_config(make_tiles(4), epochs=1)
    train(config, on_event=lambda event: heard.append(event["kind"]))
    assert heard == kinds(config.out)
    assert heard[0] == "started"
    assert heard[-1] == "finished"


def test_a_run_that_gets_no_better_ends_early_and_is_finished(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.5, 0.6, 0.6, 0.1, 0.9])

    def validate(self: UNetTask, model: Any, batches: Any) -> dict[str, float]:
        return {"loss": 1.0, "iou": next(scores)}

    monkeypatch.setattr(UNetTask, "validate", validate)
    config = make_config(make_tiles(4), epochs=5, patience=2)
    status = train(config)
    assert (status.state, status.epoch) == (RunState.FINISHED, 4)
    events = read_events(config.out / "events.jsonl")[0]
    (told,) = [event for event in events if event["kind"] == "stopped_early"]
    assert "iou has not improved since epoch 2" in told["reason"]
    assert json.loads((config.out / "metrics.json").read_text())["best_epoch"] == 2
    with pytest.raises(TrainingError, match="nothing to resume"):
        resume(config.out)


def test_patience_counts_on_after_a_resume(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.6, 0.5, 0.4, 0.3])

    def validate(self: UNetTask, model: Any, batches: Any) -> dict[str, float]:
        return {"loss": 1.0, "iou": next(scores)}

    monkeypatch.setattr(UNetTask, "validate", validate)
    config = make_config(make_tiles(5), epochs=9, patience=2)  # 2 steps an epoch
    with monkeypatch.context() as patch:
        after_steps(patch, 4, lambda loop: loop.folder.cancel.touch())
        assert train(config).epoch == 1
    assert resume(config.out).epoch == 3


def test_out_of_memory_while_validating_makes_its_batches_smaller_and_the_scores_are_the_same(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_tiles(12)
    whole = make_config(data, "whole", epochs=1, batch_size=4, val_fraction=0.4)
    train(whole)
    validate = UNetTask.validate

    def short_of_memory(task: UNetTask, model: Any, batches: Any) -> dict[str, float]:
        kept = list(batches)
        if max(len(batch["image"]) for batch in kept) > 1:
            raise MemoryError
        return validate(task, model, kept)

    monkeypatch.setattr(UNetTask, "validate", short_of_memory)
    divided = whole.replace(out=whole.out.with_name("divided"))
    assert train(divided).state is RunState.FINISHED
    first, second = (read_status(run.out) for run in (whole, divided))
    assert [w for w in second.warnings if "while validating" in w]
    assert second.curves.epochs[0].val == pytest.approx(first.curves.epochs[0].val, abs=1e-5)
