"""Real processes that train one model together, started by the standard launcher."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.trainers import tiny_task
from tests.trainers.test_train import after_steps, kinds, weights
from trainers import registry
from trainers.config import TrainConfig
from trainers.data.batches import num_batches, share_of
from trainers.errors import TrainingError
from trainers.parallel import Alone, build_fabric, with_shared_statistics
from trainers.progress import RunState, read_events, read_status
from trainers.train import train

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.trainers.conftest import MakeTiles

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available() or os.name == "nt", reason="torch has no gloo here"
)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.MODELS, "tiny", tiny_task.TinyTask)


def tiny_config(tmp_path: Path, out: str, **changes: Any) -> TrainConfig:
    fields: dict[str, Any] = {
        "model": "tiny",
        "out": tmp_path / out,
        "epochs": 2,
        "batch_size": 5,
        "lr": 1e-2,
        "grad_clip": 1.0,
        "device": "cpu",
        "num_threads": 1,
        "tensorboard": False,
    }
    return TrainConfig(**{**fields, **changes})


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    module = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return launched([sys.executable, *module, *arguments])


def fabric_run(*arguments: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("click", reason="`fabric` needs it")
    program = Path(sys.executable).with_name("fabric")
    port = ["--main-port", str(29_000 + os.getpid() % 1000)]
    options = ["--accelerator", "cpu", "--devices", "2", "--strategy", "ddp", *port]
    return launched([str(program), "run", *options, *arguments])


def launched(command: list[str]) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=200, check=False
    )


def train_tiny_in_two(
    config: TrainConfig, *options: str, by: Callable[..., Any] = torchrun
) -> subprocess.CompletedProcess[str]:
    path = config.out.with_suffix(".json")
    path.write_text(config.to_json())
    done: subprocess.CompletedProcess[str] = by(str(Path(tiny_task.__file__)), str(path), *options)
    return done


def step_losses(config: TrainConfig) -> list[tuple[int, float]]:
    """Return the losses that were told (of each epoch the last step is always told)."""
    return [(point.step, point.loss) for point in read_status(config.out).curves.steps]


def assert_equal_runs(one: TrainConfig, two: TrainConfig) -> None:
    epochs = [read_status(config.out).curves.epochs for config in (one, two)]
    assert len(epochs[0]) == len(epochs[1]) == one.epochs
    for ours, theirs in zip(*epochs, strict=True):
        assert theirs.train_loss == pytest.approx(ours.train_loss, rel=1e-5)
        assert theirs.val_loss == pytest.approx(ours.val_loss, rel=1e-4)
    expected = weights(one.out)
    for name, value in weights(two.out).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)


def test_two_processes_equal_one_at_the_same_global_batch(tmp_path: Path) -> None:
    """Batches of 5 are shared as 3 and 2; an average of averages would be wrong."""
    one, two = (tiny_config(tmp_path, out, accumulate=1) for out in ("one", "two"))
    train(one)
    done = train_tiny_in_two(two)
    assert done.returncode == 0, done.stderr[-3000:]
    assert read_status(two.out).state is RunState.FINISHED
    assert_equal_runs(one, two)
    ours, theirs = dict(step_losses(one)), dict(step_losses(two))
    shared = ours.keys() & theirs.keys()
    assert {4, 8} <= shared
    for step in shared:
        assert theirs[step] == pytest.approx(ours[step], rel=1e-5)
    (started,) = [e for e in read_events(two.out / "events.jsonl")[0] if e["kind"] == "started"]
    assert started["num_processes"] == 2
    assert kinds(two.out).count("epoch") == 2, "only the first process writes"
    assert (two.out / "log.txt").read_text().count("finished") == 1


def test_dropout_in_two_processes_is_that_of_one_in_two_parts(tmp_path: Path) -> None:
    """Also when one process alone runs out of memory: both then go on in more parts."""
    options = {"dropout": 0.3}
    one = tiny_config(tmp_path, "one", batch_size=4, model_options=options, accumulate=4)
    two = tiny_config(tmp_path, "two", batch_size=4, model_options=options)
    train(one)
    done = train_tiny_in_two(two, "--memory")
    assert done.returncode == 0, done.stderr[-3000:]
    assert_equal_runs(one, two)
    (warning,) = read_status(two.out).warnings
    assert "Out of memory" in warning


def test_a_run_of_one_process_is_finished_by_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = (tiny_config(tmp_path, out, ema_decay=0.9) for out in ("whole", "stopped"))
    train(whole)
    with monkeypatch.context() as patch:
        after_steps(patch, 3, lambda loop: loop.folder.cancel.touch())
        assert train(stopped).state is RunState.CANCELLED
    done = train_tiny_in_two(stopped, "--resume", by=fabric_run)
    assert done.returncode == 0, done.stderr[-3000:]
    assert_equal_runs(whole, stopped)


def test_the_failure_of_another_process_is_told_in_the_run_folder(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "run")
    done = train_tiny_in_two(config, "--fail-in-rank-1")
    assert done.returncode != 0
    status = read_status(config.out)
    assert status.state is RunState.FAILED
    assert "process 1: ValueError: the second process is out of order" in status.reason


def test_the_command_line_works_under_the_launcher(make_tiles: MakeTiles, tmp_path: Path) -> None:
    """Cancelled from the start, it stops in both processes; resumed, it is finished."""
    out = tmp_path / "run"
    out.mkdir()
    (out / "cancel").touch()
    train_it = ["-m", "trainers", "train"]
    options = ["--epochs", "1", "--batch-size", "4", "--image-size", "64", "--num-threads", "1"]
    options += ["--set", "option.widths=[4,8]", "--set", "option.min_crops=0", "--device", "cpu"]
    data = ["--data", str(make_tiles(8)), "--out", str(out)]
    stopped = torchrun(*train_it, "unet", *data, *options)
    assert stopped.returncode != 0
    assert read_status(out).state is RunState.CANCELLED
    done = torchrun(*train_it, "--resume", str(out))
    assert done.returncode == 0, done.stderr[-3000:]
    status = read_status(out)
    assert (status.state, status.step) == (RunState.FINISHED, status.num_steps)


def test_all_stop_where_one_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a second process had got the launcher's SIGTERM; its pause file does not count."""
    config = tiny_config(tmp_path, "run")

    def gather(_self: Alone, value: Any) -> list[Any]:
        return [value, (True, True)] if isinstance(value, tuple) else [value]

    monkeypatch.setattr(Alone, "gather", gather)
    assert train(config).state is RunState.CANCELLED
    assert "paused" not in kinds(config.out)
    assert (config.out / "checkpoints" / "last.state.pt").exists()


def test_shares_are_even_and_lose_nothing() -> None:
    shares = [share_of(11, rank=rank, num_ranks=4) for rank in range(4)]
    items = [list(range(11))[where] for where in shares]
    assert list(itertools.chain(*items)) == list(range(11))
    assert [len(part) for part in items] == [3, 3, 3, 2]


def test_a_batch_too_small_for_the_processes_is_refused(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "run", batch_size=3)
    assert num_batches(20, config, num_ranks=2) == 7
    with pytest.raises(TrainingError, match="Raise batch_size"):
        num_batches(20, config, num_ranks=3)


def test_a_device_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("the device is there")
    with pytest.raises(TrainingError, match="cannot be started"):
        build_fabric(tiny_config(tmp_path, "run", device="cuda"))


def test_one_process_keeps_its_model_and_its_gradients(tmp_path: Path) -> None:
    model = torch.nn.BatchNorm1d(2)
    fabric = build_fabric(tiny_config(tmp_path, "run"))
    assert with_shared_statistics(model, fabric) is model
    assert Alone().gather(3) == [3]
