"""Trainings in processes of their own, killed and stopped as users and systems do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.trainers.test_train import assert_same_weights
from trainers.checkpoint import load_checkpoint
from trainers.progress import RunState, read_status
from trainers.train import resume, train

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainers.conftest import MakeConfig, MakeTiles
    from trainers.config import TrainConfig

TIMEOUT_S = 60.0


@pytest.fixture
def configs(make_tiles: MakeTiles, make_config: MakeConfig) -> tuple[TrainConfig, TrainConfig]:
    """Settings of an uninterrupted run and of one that is stopped; 64 steps of some ms."""
    data = make_tiles(20)
    whole, stopped = (
        make_config(data, out, epochs=8, val_fraction=0.2) for out in ("whole", "stopped")
    )
    return whole, stopped.replace(checkpoint_every_steps=3)


def start(config: TrainConfig, stdout: Any = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Start the run by the command line, as the GUI does."""
    assert config.data is not None
    command = [sys.executable, "-m", "trainers.cli", "train", "unet"]
    command += ["--data", str(config.data), "--out", str(config.out), "--device", "cpu"]
    for name in ("epochs", "batch_size", "image_size", "lr", "num_threads", "val_fraction"):
        command += [f"--{name.replace('_', '-')}", str(getattr(config, name))]
    command += ["--checkpoint-every-steps", "3"]
    for name in ("warmup_steps", "grad_clip"):
        value = getattr(config, name)
        command += ["--set", f"{name}={'null' if value is None else value}"]
    command += ["--set", "option.widths=[4,8]", "--set", "option.min_crops=0"]
    return subprocess.Popen(command, stdout=stdout)


def wait_for_step(process: subprocess.Popen[bytes], run: Path, step: int) -> None:
    """Return as soon as the run's checkpoints have reached `step`."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        if (run / "checkpoints" / "last.state.pt").exists() and read_status(run).step >= step:
            return
        assert process.poll() is None, "the run ended before it could be stopped"
        time.sleep(0.005)
    raise AssertionError("the run did not start in time")


def test_killed_in_mid_epoch_and_resumed_equals_uninterrupted(
    configs: tuple[TrainConfig, TrainConfig],
) -> None:
    whole, stopped = configs
    process = start(stopped)
    wait_for_step(process, stopped.out, 10)
    assert read_status(stopped.out).state is RunState.RUNNING
    process.kill()
    process.wait()
    status = read_status(stopped.out)
    assert status.state is RunState.INTERRUPTED
    assert 10 <= status.step < status.num_steps
    assert resume(stopped.out).state is RunState.FINISHED
    train(whole)
    assert_same_weights(whole.out, stopped.out)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to catch")
def test_a_terminated_run_leaves_a_checkpoint_and_says_cancelled(
    configs: tuple[TrainConfig, TrainConfig],
) -> None:
    _, stopped = configs
    process = start(stopped)
    wait_for_step(process, stopped.out, 5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(TIMEOUT_S) == 1
    status = read_status(stopped.out)
    assert status.state is RunState.CANCELLED
    last = load_checkpoint(stopped.out / "checkpoints" / "last.safetensors")
    assert 5 <= status.step == last.meta["step"] < status.num_steps


def test_the_log_says_everything_once_even_if_stdout_goes_there_too(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    """That is how the GUI starts a run: what a crash prints must not be lost."""
    config = make_config(make_tiles(6), epochs=2)
    config.out.mkdir()
    with (config.out / "log.txt").open("ab") as log:
        assert start(config, stdout=log).wait(TIMEOUT_S) == 0
    text = (config.out / "log.txt").read_text()
    assert [text.lower().count(f"epoch {number}") for number in (1, 2)] == [1, 1]
    assert text.count("Finished: ") == 1
