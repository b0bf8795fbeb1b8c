"""The logits that further clicks correct, remembered within a bound."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from torch import Tensor

    from napari_icseg.prompting.protocol import Embedding

MAX_BYTES = 16 * 2**20
"""Of all embeddings together: four answers in windows of 1024 px at full resolution.

The next click needs one, taking a click back the one before.
"""
MAX_EACH = 32
"""Of one embedding."""


class RememberedLogits:
    """Logits by embedding and by what was asked; those not used for longest are forgotten.

    What is remembered of an embedding goes with it. For one thread.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        # the order of use is kept among embeddings, and in each among its answers
        self._of: WeakKeyDictionary[Embedding, OrderedDict[bytes, Tensor]] = WeakKeyDictionary()

    def __len__(self) -> int:
        return sum(len(answers) for answers in self._of.values())

    @property
    def num_bytes(self) -> int:
        """Memory taken now."""
        return sum(_size(logits) for answers in self._of.values() for logits in answers.values())

    def has(self, embedding: Embedding, key: bytes) -> bool:
        """Return whether an answer is remembered."""
        return key in self._of.get(embedding, ())

    def get(self, embedding: Embedding, key: bytes) -> Tensor:
        """Return the logits of an answer that is remembered; it was used now."""
        answers = self._used(embedding)
        answers.move_to_end(key)
        return answers[key]

    def put(self, embedding: Embedding, key: bytes, logits: Tensor) -> None:
        """Remember an answer; one larger than the bound is remembered alone."""
        answers = self._used(embedding)
        answers.pop(key, None)
        answers[key] = logits
        while len(answers) > MAX_EACH:
            answers.popitem(last=False)
        while self.num_bytes > self._max_bytes and len(self) > 1:
            self._forget_oldest()

    def clear(self) -> None:
        """Forget all."""
        self._of.clear()

    def _used(self, embedding: Embedding) -> OrderedDict[bytes, Tensor]:
        answers = self._of.pop(embedding, None)
        if answers is None:
            answers = OrderedDict()
        self._of[embedding] = answers
        return answers

    def _forget_oldest(self) -> None:
        embedding = next(iter(self._of))
        self._of[embedding].popitem(last=False)
        if not self._of[embedding]:
            del self._of[embedding]


def _size(logits: Tensor) -> int:
    return logits.numel() * logits.element_size()
