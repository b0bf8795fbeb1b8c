"""Batches in parts, and steps that the memory is not enough for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.trainers import tiny_task
from tests.trainers.test_parallel import assert_equal_runs, tiny_config
from tests.trainers.test_train import after_steps, assert_same_weights
from trainers import registry
from trainers.accumulate import is_out_of_memory, parts_of
from trainers.errors import TrainingError
from trainers.progress import RunState, read_status
from trainers.train import resume, train

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from trainers.models.base import Batch

ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB)"),
    MemoryError(),
]


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.MODELS, "tiny", tiny_task.TinyTask)


def limit_memory(monkeypatch: pytest.MonkeyPatch, most: int, error: Exception) -> list[int]:
    """Let the loss fail for batches of more than `most` items; return the sizes tried."""
    original, sizes = tiny_task.TinyTask.training_loss, []

    def training_loss(task: Any, model: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        sizes.append(len(batch["x"]))
        if sizes[-1] > most:
            raise error
        return original(task, model, batch)

    monkeypatch.setattr(tiny_task.TinyTask, "training_loss", training_loss)
    return sizes


@pytest.mark.parametrize("accumulate", [2, 3, 99])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(tmp_path: Path, accumulate: int) -> None:
    whole = tiny_config(tmp_path, "whole")
    parts = tiny_config(tmp_path, "parts", accumulate=accumulate)
    train(whole)
    train(parts)
    assert_equal_runs(whole, parts)


def test_parts_differ_by_one_item_at_most() -> None:
    batch = {"x": torch.arange(7), "y": torch.arange(7) * 2}
    parts = list(parts_of(batch, 3, first=10))
    assert [(part.first, part.size) for part in parts] == [(10, 3), (13, 2), (15, 2)]
    assert torch.equal(torch.cat([part.batch["y"] for part in parts]), batch["y"])
    assert len(list(parts_of(batch, 99))) == 7


@pytest.mark.parametrize("error", ERRORS)
def test_out_of_memory_goes_on_in_parts_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    whole, short = tiny_config(tmp_path, "whole"), tiny_config(tmp_path, "short")
    train(whole)
    sizes = limit_memory(monkeypatch, 3, error)
    status = train(short)
    assert status.state is RunState.FINISHED
    (warning,) = status.warnings
    assert "Out of memory" in warning
    assert "accumulate to 2" in warning
    assert sizes[:3] == [5, 3, 2]
    assert sizes.count(5) == 1, "the next steps begin with what was enough"
    assert_equal_runs(whole, short)


def test_a_failed_attempt_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropout included: the same step is repeated with the same random state."""
    options = {"dropout": 0.5}
    planned = tiny_config(tmp_path, "planned", accumulate=2, model_options=options)
    short = tiny_config(tmp_path, "short", model_options=options)
    train(planned)
    limit_memory(monkeypatch, 3, ERRORS[0])
    train(short)
    assert_same_weights(planned.out, short.out)


def test_the_number_of_parts_is_kept_on_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(tmp_path, "run")
    sizes = limit_memory(monkeypatch, 3, ERRORS[0])
    with monkeypatch.context() as patch:
        after_steps(patch, 2, lambda loop: loop.folder.cancel.touch())
        assert train(config).state is RunState.CANCELLED
    sizes.clear()
    assert resume(config.out).state is RunState.FINISHED
    assert max(sizes) == 3


def test_memory_that_is_not_enough_for_one_tile_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(tmp_path, "run", batch_size=3)
    sizes = limit_memory(monkeypatch, 0, ERRORS[0])
    with pytest.raises(TrainingError, match=r"single tile.*image_size"):
        train(config)
    assert [size for size in sizes if size > 1] == [3, 2]
    status = read_status(config.out)
    assert status.state is RunState.FAILED
    assert "single tile" in status.reason


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    assert all(is_out_of_memory(error) for error in ERRORS)
    assert not is_out_of_memory(RuntimeError("shape '[2]' is invalid for input of size 3"))
    assert not is_out_of_memory(ValueError("out of memory"))
