"""A run that waits while there is a file `pause` in its folder."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.trainers.test_train import after_steps, assert_same_weights, kinds
from tests.trainers.test_train_processes import TIMEOUT_S, start
from trainers.errors import TrainingError
from trainers.loop import Loop
from trainers.progress import RunState, read_status
from trainers.train import resume, train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.trainers.conftest import MakeConfig, MakeTiles


def wait_for(run: Path, state: RunState) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while read_status(run).state is not state:
        assert time.monotonic() < deadline, f"the run never was {state.value}"
        time.sleep(0.01)


def when_paused(run: Path, action: Callable[[], object]) -> threading.Thread:
    """Do `action` as soon as the run is paused, from another thread."""

    def work() -> None:
        wait_for(run, RunState.PAUSED)
        action()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def pause_after(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    after_steps(monkeypatch, step, lambda loop: loop.folder.pause.touch())


def test_a_pause_leaves_a_checkpoint_and_changes_nothing(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_tiles(8)
    whole, paused = make_config(data, "whole"), make_config(data, "paused")
    train(whole)
    found: list[tuple[bool, RunState]] = []

    def look_and_go_on() -> None:
        status = read_status(paused.out)
        has_state = (paused.out / "checkpoints" / "last.state.pt").exists()
        found.append((has_state and status.step == 2, status.state))
        (paused.out / "pause").unlink()

    helper = when_paused(paused.out, look_and_go_on)
    pause_after(monkeypatch, 2)
    assert train(paused).state is RunState.FINISHED
    helper.join()
    assert found == [(True, RunState.PAUSED)]
    told = kinds(paused.out)
    assert told.index("paused") < told.index("continued") < told.index("finished")
    assert_same_weights(whole.out, paused.out)


def test_waiting_does_not_count_as_training_time(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(make_tiles(4), epochs=1)
    waited_s = 3.0

    def go_on_later() -> None:
        time.sleep(waited_s)
        (config.out / "pause").unlink()

    helper = when_paused(config.out, go_on_later)
    pause_after(monkeypatch, 1)
    seconds: list[float] = []
    started_s = time.monotonic()
    train(config, on_event=lambda e: seconds.append(e["seconds"]) if e["kind"] == "epoch" else None)
    helper.join()
    assert seconds[0] < time.monotonic() - started_s - waited_s + 0.2


def test_a_paused_run_can_be_cancelled_and_then_resumed(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_tiles(8)
    whole, stopped = make_config(data, "whole"), make_config(data, "stopped")
    train(whole)
    helper = when_paused(stopped.out, (stopped.out / "cancel").touch)
    with monkeypatch.context() as patch:
        pause_after(patch, 3)
        assert train(stopped).state is RunState.CANCELLED
    helper.join()
    assert read_status(stopped.out).step == 3
    assert "continued" not in kinds(stopped.out)
    assert resume(stopped.out).state is RunState.FINISHED, "the pause file must be gone"
    assert_same_weights(whole.out, stopped.out)


def test_a_paused_run_is_not_resumed_or_overwritten_by_another_process(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(make_tiles(4), epochs=1)
    process = start(config)
    try:
        config.out.mkdir(exist_ok=True)
        (config.out / "pause").touch()
        wait_for(config.out, RunState.PAUSED)
        with pytest.raises(TrainingError, match="running already"):
            resume(config.out)
        with pytest.raises(TrainingError, match="already holds a run"):
            train(config)
    finally:
        process.kill()
        process.wait()


def test_killed_while_paused_and_resumed_equals_uninterrupted(
    make_tiles: MakeTiles, make_config: MakeConfig
) -> None:
    data = make_tiles(12)
    whole, killed = (make_config(data, out, val_fraction=0.2) for out in ("whole", "killed"))
    killed.out.mkdir()
    (killed.out / "pause").touch()  # before the first step
    process = start(killed)
    wait_for(killed.out, RunState.PAUSED)
    process.kill()
    process.wait()
    assert read_status(killed.out).state is RunState.INTERRUPTED
    train(whole)
    assert resume(killed.out).state is RunState.FINISHED
    assert_same_weights(whole.out, killed.out)


def test_a_pause_during_validation_is_obeyed_after_it(
    make_tiles: MakeTiles, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(make_tiles(4), epochs=2)
    original = Loop._validate

    def validate(self: Loop) -> dict[str, float]:
        if self.position.epoch == 0:
            self.folder.pause.touch()
        return original(self)

    monkeypatch.setattr(Loop, "_validate", validate)
    helper = when_paused(config.out, lambda: (config.out / "pause").unlink())
    assert train(config).state is RunState.FINISHED
    helper.join()
    told = kinds(config.out)
    assert told.index("epoch") < told.index("paused")
