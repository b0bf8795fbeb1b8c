import errno
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from trainers import checkpoint as checkpoints
from trainers.checkpoint import (
    load_checkpoint,
    load_tensors,
    load_weights,
    require_model,
    save_checkpoint,
    save_tensors,
)
from trainers.errors import CheckpointError, DataError


class Malicious:
    """A pickle that would make a file when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (f"touch {self.target}",))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoints" / "best.safetensors"
    save_checkpoint(path, nn.Linear(3, 2).state_dict(), {"model": "unet", "seed": 7})
    return path


def test_weights_and_facts_come_back(tmp_path: Path) -> None:
    weights = {"a": torch.randn(3, 4), "b": torch.arange(5), "c": torch.tensor(2.5)}
    path = tmp_path / "w.safetensors"
    save_checkpoint(path, weights, {"model": "unet", "metrics": {"iou": 0.5}})
    loaded = load_checkpoint(path)
    assert all(torch.equal(loaded.weights[name], weights[name]) for name in weights)
    assert loaded.meta["metrics"] == {"iou": 0.5}
    assert loaded.model == "unet"


def test_the_facts_never_part_from_the_weights(saved: Path) -> None:
    saved.with_suffix(".json").unlink()
    assert load_checkpoint(saved).meta["seed"] == 7


def test_a_strided_view_is_saved_as_it_looks(tmp_path: Path) -> None:
    weights = {"w": torch.arange(6).reshape(2, 3).T, "same": torch.zeros(1)}
    weights["alias"] = weights["same"]
    save_checkpoint(tmp_path / "w.safetensors", weights, {})
    assert torch.equal(load_checkpoint(tmp_path / "w.safetensors").weights["w"], weights["w"])


@pytest.mark.parametrize("suffix", [".pt", ".pth"])
def test_a_pickle_with_code_is_refused_and_runs_nothing(tmp_path: Path, suffix: str) -> None:
    victim = tmp_path / "victim"
    path = tmp_path / f"evil{suffix}"
    torch.save({"model": Malicious(victim)}, path)
    with pytest.raises(CheckpointError, match="could run code"):
        load_checkpoint(path)
    path.write_bytes(
        pickle.dumps(Malicious(victim), protocol=2)
    )  # an old-style file, without the zip
    with pytest.raises(CheckpointError):
        load_checkpoint(path)
    assert not victim.exists()
    with path.open("rb") as file:
        pickle.load(file)  # the pickle is a real one: loaded carelessly, it does its work
    assert victim.exists()


@pytest.mark.parametrize("wrapper", [None, "model", "state_dict"])
def test_a_plain_state_dict_in_a_pt_file_is_read(tmp_path: Path, wrapper: str | None) -> None:
    weights = nn.Linear(3, 2).state_dict()
    torch.save(weights if wrapper is None else {wrapper: weights}, tmp_path / "w.pt")
    loaded = load_checkpoint(tmp_path / "w.pt")
    assert torch.equal(loaded.weights["weight"], weights["weight"])


def test_a_pt_file_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": 3}, tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="no state dict"):
        load_checkpoint(tmp_path / "w.pt")


def test_a_missing_checkpoint_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        load_checkpoint(tmp_path / "none.safetensors")


@pytest.mark.parametrize("num_bytes", [0, 5, 40, -8])
def test_a_truncated_checkpoint_is_reported(saved: Path, num_bytes: int) -> None:
    saved.write_bytes(saved.read_bytes()[:num_bytes])
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(saved)


def test_a_truncated_state_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "last.state.pt"
    save_tensors(path, {"x": torch.zeros(100)})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CheckpointError):
        load_tensors(path)


def test_another_file_type_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"expected \.safetensors"):
        load_checkpoint(tmp_path / "weights.bin")


def test_a_newer_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "FORMAT", 99)
    save_checkpoint(tmp_path / "w.safetensors", {}, {})
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="newer version"):
        load_checkpoint(tmp_path / "w.safetensors")


def test_a_checkpoint_of_another_model_is_refused(saved: Path) -> None:
    with pytest.raises(CheckpointError, match="checkpoint of unet, but sam2-nano"):
        require_model(load_checkpoint(saved), "sam2-nano")


def test_weights_that_do_not_fit_are_refused(saved: Path) -> None:
    with pytest.raises(CheckpointError, match="does not fit"):
        load_weights(nn.Linear(4, 2), load_checkpoint(saved))


def test_a_full_disk_leaves_the_former_checkpoint(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match="No space left"):
        save_checkpoint(saved, nn.Linear(3, 2).state_dict(), {"model": "unet"})
    monkeypatch.undo()
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir() if ".part" in path.name] == []
