"""Logits are remembered within a bound, those used last the longest."""

from __future__ import annotations

import numpy as np
import torch

from napari_icseg.prompting.protocol import Embedding
from napari_icseg.prompting.remembered import MAX_EACH, RememberedLogits
from napari_icseg.prompting.sparse_memory import sparse_zeros
from napari_icseg.prompting.windows import Window
from trainers.models.sam2.interface import ImageFeatures

LOGITS = torch.zeros(1, 1, 16, 16)
SIZE = 16 * 16 * 4


def embedding() -> Embedding:
    features = ImageFeatures(torch.zeros(1), (), (16, 16))
    return Embedding(features, Window(0, 0, 16, 16), (16, 16), "x")


def test_the_bound_holds_over_all_embeddings_and_the_least_used_goes_first():
    memory, first, second = RememberedLogits(max_bytes=3 * SIZE), embedding(), embedding()
    memory.put(first, b"a", LOGITS)
    memory.put(first, b"b", LOGITS)
    memory.put(second, b"c", LOGITS)
    memory.get(first, b"a")
    memory.put(second, b"d", LOGITS)
    assert memory.num_bytes == 3 * SIZE
    assert memory.has(first, b"a")
    assert not memory.has(first, b"b")
    assert memory.has(second, b"c")
    assert memory.has(second, b"d")


def test_one_answer_larger_than_the_bound_is_remembered_alone():
    memory, only = RememberedLogits(max_bytes=1), embedding()
    memory.put(only, b"a", LOGITS)
    memory.put(only, b"b", LOGITS)
    assert len(memory) == 1
    assert memory.has(only, b"b")


def test_no_embedding_remembers_more_than_its_number():
    memory, only = RememberedLogits(max_bytes=10**9), embedding()
    for number in range(MAX_EACH + 10):
        memory.put(only, str(number).encode(), LOGITS)
    assert len(memory) == MAX_EACH
    assert not memory.has(only, b"0")


def test_sparse_zeros_take_what_is_written():
    for order in ("C", "F"):
        found = sparse_zeros((7, 5), order=order)
        assert found.shape == (7, 5)
        assert found.dtype == np.bool_
        assert not found.any()
        found[2:4, 1:3] = True
        found[2:4, 1:3] |= False
        assert found.sum() == 4
        assert found.flags.f_contiguous == (order == "F")
    assert sparse_zeros((0, 5)).shape == (0, 5)
