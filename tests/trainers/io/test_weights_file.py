from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors import safe_open

from trainers.checkpoint import save_checkpoint
from trainers.errors import CheckpointError
from trainers.io.weights_file import read_header, weights_sha256

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.float16)}


def saved(path: Path, weights: dict[str, torch.Tensor] = WEIGHTS, **meta: str) -> Path:
    save_checkpoint(path, weights, meta)
    return path


def test_the_header_is_what_the_library_reads(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.safetensors", model="unet")
    header = read_header(path)
    assert header.meta["model"] == "unet"
    with safe_open(path, framework="pt") as file:
        assert header.texts == file.metadata()
        assert set(header.tensors) == set(file.keys())


def test_the_hash_is_of_the_weights_alone(tmp_path: Path) -> None:
    here = saved(tmp_path / "a.safetensors", out="/home/me/run")
    there = saved(tmp_path / "b.safetensors", out="C:/run", note="longer than before")
    assert here.read_bytes() != there.read_bytes()
    assert weights_sha256(here) == weights_sha256(there)


@pytest.mark.parametrize(
    "changed",
    [
        {**WEIGHTS, "a": WEIGHTS["a"] + 1},
        {**WEIGHTS, "a": WEIGHTS["a"].reshape(3, 2)},
        {"a": WEIGHTS["a"]},
        {"a": WEIGHTS["a"], "c": WEIGHTS["b"]},
    ],
)
def test_any_other_weights_have_another_hash(
    changed: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    before = weights_sha256(saved(tmp_path / "a.safetensors"))
    assert weights_sha256(saved(tmp_path / "b.safetensors", changed)) != before


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 8, b"\xff" * 64, b"PK\x03\x04" + b"x" * 60, b"\x04" + b"\x00" * 7 + b"null"],
)
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="not a whole safetensors"):
        read_header(path)


def test_a_file_cut_off_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="length"):
        weights_sha256(path)
