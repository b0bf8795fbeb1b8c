from __future__ import annotations

import os
import stat

import numpy as np
import pytest
import torch

from napari_icseg.prompting.cache import EmbeddingCache, EmbeddingKey
from napari_icseg.prompting.disk_cache import DiskCache, default_folder
from napari_icseg.prompting.freed_memory import returning_memory
from napari_icseg.prompting.protocol import Embedding
from napari_icseg.prompting.windows import Window
from trainers.errors import DataError
from trainers.models.sam2.interface import ImageFeatures

WINDOW = Window(0, 0, 64, 96)


def key(number: int = 0, *, checkpoint: str = "nano", window: Window = WINDOW) -> EmbeddingKey:
    return EmbeddingKey(f"image {number}", checkpoint, window)


def embedding(number: int = 0) -> Embedding:
    random = torch.Generator().manual_seed(number)
    maps = [torch.randn(1, c, s, s, generator=random) for c, s in ((8, 4), (1, 16), (2, 8))]
    return Embedding(ImageFeatures(maps[0], (maps[1], maps[2]), (64, 96)), WINDOW, (70, 99), "nano")


NUM_BYTES = embedding().num_bytes


def equal(first: Embedding, second: Embedding) -> bool:
    pairs = zip(
        (first.features.embedding, *first.features.high_res),
        (second.features.embedding, *second.features.high_res),
        strict=True,
    )
    return (
        all(torch.equal(a, b) for a, b in pairs)
        and first.features.size_hw == second.features.size_hw
        and (first.window, first.image_hw, first.checkpoint_id)
        == (second.window, second.image_hw, second.checkpoint_id)
    )


@pytest.fixture
def disk(tmp_path) -> DiskCache:
    return DiskCache(tmp_path / "embeddings")


def test_memory_holds_no_more_than_its_bound_and_drops_what_was_used_longest_ago():
    cache = EmbeddingCache(max_bytes=3 * NUM_BYTES)
    for number in range(3):
        cache.put(key(number), embedding(number))
    assert cache.get(key(0)) is not None
    cache.put(key(3), embedding(3))
    assert [cache.get(key(n)) is not None for n in range(4)] == [True, False, True, True]
    assert cache.num_bytes == 3 * NUM_BYTES


def test_putting_the_same_again_does_not_count_twice():
    cache = EmbeddingCache(max_bytes=3 * NUM_BYTES)
    for _ in range(5):
        cache.put(key(), embedding())
    assert cache.num_bytes == NUM_BYTES


def test_an_embedding_larger_than_the_bound_is_not_kept():
    cache = EmbeddingCache(max_bytes=NUM_BYTES - 1)
    cache.put(key(), embedding())
    assert cache.get(key()) is None
    assert cache.num_bytes == 0


def test_pixels_weights_and_window_each_make_another_key():
    cache = EmbeddingCache()
    cache.put(key(), embedding())
    others = (key(1), key(checkpoint="tiny"), key(window=Window(0, 32, 64, 96)))
    assert all(cache.get(other) is None for other in others)


def test_what_was_saved_is_there_in_the_next_process(disk):
    cache = EmbeddingCache(disk=disk)
    cache.put(key(), embedding())
    assert not disk.folder.exists()
    assert cache.save_one()
    assert not cache.save_one()
    again = EmbeddingCache(disk=DiskCache(disk.folder))
    found = again.get(key())
    assert found is not None
    assert equal(found, embedding())
    assert again.num_bytes == NUM_BYTES
    assert not again.save_one()


def test_what_a_new_embedding_pushes_out_is_on_disk_before_it_is_forgotten(disk):
    cache = EmbeddingCache(max_bytes=NUM_BYTES, disk=disk)
    cache.put(key(0), embedding(0))
    cache.put(key(1), embedding(1))
    assert disk.read(key(0)) is not None
    assert disk.read(key(1)) is None
    assert cache.save_one()
    assert not cache.save_one()
    assert disk.read(key(1)) is not None


def test_a_disk_that_takes_nothing_keeps_nobody_from_going_on(tmp_path):
    (tmp_path / "embeddings").write_text("a file where the folder should be")
    cache = EmbeddingCache(max_bytes=NUM_BYTES, disk=DiskCache(tmp_path / "embeddings"))
    cache.put(key(0), embedding(0))
    cache.put(key(1), embedding(1))
    assert cache.get(key(1)) is not None


def test_memory_is_returned_meanwhile_also_when_something_fails():
    with pytest.raises(KeyError), returning_memory():
        raise KeyError
    with returning_memory():
        assert np.ones(8_000_000).sum() == 8_000_000


def test_the_disk_keeps_its_bound_and_removes_what_was_used_longest_ago(disk):
    disk.write(key(0), embedding(0))
    bound = int(disk.num_bytes * 3.5)
    disk = DiskCache(disk.folder, max_bytes=bound)
    for number in (1, 2):
        disk.write(key(number), embedding(number))
    for age, path in enumerate(sorted(disk.folder.iterdir(), key=lambda p: p.stat().st_mtime_ns)):
        os.utime(path, ns=(age, age))
    assert disk.read(key(0)) is not None
    disk.write(key(3), embedding(3))
    assert disk.num_bytes <= bound
    assert [disk.read(key(n)) is not None for n in range(4)] == [True, False, True, True]


def test_an_embedding_larger_than_the_disk_bound_is_not_written(tmp_path):
    disk = DiskCache(tmp_path / "embeddings", max_bytes=100)
    disk.write(key(), embedding())
    assert disk.num_bytes == 0


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped", "header", "renamed"])
def test_a_damaged_file_is_removed_and_counts_as_missing(disk, damage):
    disk.write(key(), embedding())
    path = next(disk.folder.iterdir())
    data = bytearray(path.read_bytes())
    if damage == "truncated":
        data = data[: len(data) // 2]
    elif damage == "empty":
        data = bytearray()
    elif damage == "flipped":
        data[-5] ^= 1
    elif damage == "header":
        data[0:8] = b"\xff" * 8
    else:
        disk.write(key(1), embedding(1))
        other = next(p for p in disk.folder.iterdir() if p != path)
        data = bytearray(other.read_bytes())
    path.write_bytes(data)
    assert disk.read(key()) is None
    assert not path.exists()
    disk.write(key(), embedding())
    assert equal(disk.read(key()), embedding())


def test_a_file_that_vanishes_or_a_missing_folder_is_no_error(disk):
    assert disk.read(key()) is None
    assert disk.num_bytes == 0
    disk.clear()


def test_clear_removes_embeddings_and_nothing_else(disk):
    disk.write(key(), embedding())
    (disk.folder / "notes.txt").write_text("mine")
    disk.clear()
    assert [path.name for path in disk.folder.iterdir()] == ["notes.txt"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="Cannot write"):
        DiskCache(tmp_path / "file" / "embeddings").write(key(), embedding())


def test_no_temporary_files_stay(disk):
    for number in range(3):
        disk.write(key(number), embedding(number))
    assert len(list(disk.folder.iterdir())) == 3
    assert all(stat.S_ISREG(path.stat().st_mode) for path in disk.folder.iterdir())


def test_the_default_folder_is_the_users_cache():
    assert default_folder().name == "embeddings"
    assert "napari-icseg" in default_folder().parts


def test_the_size_of_an_embedding_is_that_of_its_maps():
    assert NUM_BYTES == 4 * (8 * 16 + 256 + 2 * 64)


def test_a_smaller_bound_drops_from_memory_at_once():
    cache = EmbeddingCache(max_bytes=4 * NUM_BYTES)
    for number in range(4):
        cache.put(key(number), embedding(number))
    cache.set_max_bytes(2 * NUM_BYTES)
    assert cache.num_bytes == 2 * NUM_BYTES
    assert [cache.get(key(n)) is not None for n in range(4)] == [False, False, True, True]


def test_a_smaller_bound_removes_from_the_disk_at_once_and_nothing_keeps_none(disk):
    for number in range(4):
        disk.write(key(number), embedding(number))
    bound = disk.num_bytes // 2
    disk.set_max_bytes(bound)
    assert 0 < disk.num_bytes <= bound
    disk.set_max_bytes(0)
    disk.write(key(9), embedding(9))
    assert disk.num_bytes == 0


def test_two_processes_that_fill_one_folder_keep_its_bound(disk):
    disk.write(key(0), embedding(0))
    size = disk.num_bytes
    bound = 40 * size
    # objects share nothing but the folder, as processes do
    both = [DiskCache(disk.folder, max_bytes=bound) for _ in range(2)]
    for number in range(1, 121):
        both[number % 2].write(key(number), embedding(number))
    assert disk.num_bytes <= bound * (1 + 2 / 32) + size
    assert disk.num_bytes >= bound * 0.9
