"""A bounded folder of tensors: nothing damaged is believed, and what is in use is not removed."""

import os

import pytest
import torch

from trainers.io.tensor_cache import TensorCache


def entry(value: float) -> dict[str, torch.Tensor]:
    return {"a": torch.full((64,), value, dtype=torch.float16), "b": torch.zeros(3, 4)}


@pytest.fixture
def num_bytes(tmp_path):
    cache = TensorCache(tmp_path / "one", max_bytes=10**6)
    cache.write("x", entry(1.0), {})
    return cache.num_bytes


def test_what_was_stored_comes_back_with_its_types_and_what_was_said(tmp_path):
    cache = TensorCache(tmp_path, max_bytes=10**6)
    assert cache.write("x", entry(2.5), {"size": [3, 4]})
    found = TensorCache(tmp_path, max_bytes=10**6).read("x")
    assert found is not None
    tensors, about = found
    assert about == {"size": [3, 4]}
    assert all(torch.equal(tensors[name], value) for name, value in entry(2.5).items())
    assert tensors["a"].dtype == torch.float16


def test_a_name_without_entry_is_none(tmp_path):
    assert TensorCache(tmp_path / "nowhere", max_bytes=10).read("x") is None


def test_an_entry_of_another_key_is_removed(tmp_path):
    cache = TensorCache(tmp_path, max_bytes=10**6)
    cache.write("x", entry(1.0), {}, key="mine")
    assert cache.read("x", key="yours") is None
    assert not list(tmp_path.iterdir())


def test_the_entry_used_longest_ago_makes_room(tmp_path, num_bytes):
    cache = TensorCache(tmp_path, max_bytes=int(2.5 * num_bytes))
    for age, name in enumerate("ab"):
        cache.write(name, entry(1.0), {})
        os.utime(tmp_path / f"{name}.safetensors", ns=(age, age))
    assert cache.read("a") is not None
    assert cache.write("c", entry(1.0), {})
    assert [cache.read(name) is not None for name in "abc"] == [True, False, True]
    assert cache.num_bytes <= cache.max_bytes


def test_entries_in_use_stay_and_a_new_one_is_not_stored(tmp_path, num_bytes):
    cache = TensorCache(tmp_path, max_bytes=int(2.5 * num_bytes), keep_used=True)
    assert [cache.write(name, entry(1.0), {}) for name in "abc"] == [True, True, False]
    assert [cache.read(name) is not None for name in "abc"] == [True, True, False]


def test_entries_of_former_runs_make_room_for_those_in_use(tmp_path, num_bytes):
    old = TensorCache(tmp_path, max_bytes=10**6)
    for name in "ab":
        old.write(name, entry(1.0), {})
        os.utime(tmp_path / f"{name}.safetensors", ns=(1, 1))
    cache = TensorCache(tmp_path, max_bytes=int(2.5 * num_bytes), keep_used=True)
    assert [cache.write(name, entry(1.0), {}) for name in "cd"] == [True, True]
    assert [cache.read(name) is not None for name in "abcd"] == [False, False, True, True]


def test_several_writers_at_once_keep_the_bound(tmp_path, num_bytes):
    writers = [TensorCache(tmp_path, max_bytes=96 * num_bytes) for _ in range(3)]
    for number in range(90):
        for writer, cache in enumerate(writers):
            cache.write(f"{writer}-{number}", entry(1.0), {})
    assert writers[0].num_bytes <= (96 + 3 * 4) * num_bytes


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped"])
def test_a_damaged_entry_is_removed_and_computed_again(tmp_path, damage, caplog):
    cache = TensorCache(tmp_path, max_bytes=10**6)
    cache.write("x", entry(1.0), {})
    path = tmp_path / "x.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 0xFF
    path.write_bytes({"cut": data[:-9], "empty": b"", "flipped": data}[damage])
    assert TensorCache(tmp_path, max_bytes=10**6).read("x") is None
    assert "computed again" in caplog.text
    assert not path.exists()
