"""Embeddings that were made before, in memory and on disk, each within a bound."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from trainers.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_icseg.prompting.protocol import Embedding
    from napari_icseg.prompting.windows import Window

    _Entry = tuple["EmbeddingKey", Embedding]

DEFAULT_MEMORY_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class EmbeddingKey:
    """What an embedding depends on: the pixels, the weights and the part of the image."""

    content_hash: str
    checkpoint_id: str
    window: Window


class EmbeddingStore(Protocol):
    """Where embeddings outlive the process: `disk_cache.DiskCache`."""

    def read(self, key: EmbeddingKey) -> Embedding | None:
        """Return a stored embedding, or None."""

    def write(self, key: EmbeddingKey, embedding: Embedding) -> None:
        """Store an embedding."""

    @property
    def folder(self) -> Path:
        """Where the embeddings lie."""

    @property
    def num_bytes(self) -> int:
        """Size of all of them; slow, for it is counted."""

    def set_max_bytes(self, max_bytes: int) -> None:
        """Another bound; what is then too much is removed at once."""

    def clear(self) -> None:
        """Remove all."""


class EmbeddingCache:
    """The embeddings used last, up to a number of bytes; safe to use from several threads.

    Writing to disk takes longer than a click may, so `put` only remembers what is to be
    written and the worker calls `save_one` when it has nothing else to do. Only what a new
    embedding pushes out before that is written at once: a mask that is followed over more
    windows than memory holds comes back to them.
    """

    def __init__(
        self, *, max_bytes: int = DEFAULT_MEMORY_BYTES, disk: EmbeddingStore | None = None
    ) -> None:
        self.max_bytes = max_bytes
        self._disk = disk
        self._entries: OrderedDict[EmbeddingKey, Embedding] = OrderedDict()
        self._unsaved: OrderedDict[EmbeddingKey, None] = OrderedDict()
        self._num_bytes = 0
        self._lock = threading.Lock()

    @property
    def disk(self) -> EmbeddingStore | None:
        """Where embeddings outlive the process, if anywhere."""
        return self._disk

    def set_max_bytes(self, max_bytes: int) -> None:
        """Another bound; what is then too much is dropped at once."""
        with self._lock:
            self.max_bytes = max_bytes
            self._shrink()

    @property
    def num_bytes(self) -> int:
        """Memory taken now."""
        return self._num_bytes

    def get(self, key: EmbeddingKey) -> Embedding | None:
        """Return an embedding from memory, else from disk, else None."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        embedding = self._disk.read(key) if self._disk is not None else None
        if embedding is not None:
            self._write(self._keep(key, embedding))
        return embedding

    def peek(self, key: EmbeddingKey) -> Embedding | None:
        """Return an embedding if it is in memory."""
        with self._lock:
            return self._entries.get(key)

    def put(self, key: EmbeddingKey, embedding: Embedding) -> None:
        """Keep a new embedding; one larger than the whole bound is not kept."""
        pushed_out = self._keep(key, embedding)
        with self._lock:
            if self._disk is not None and key in self._entries:
                self._unsaved[key] = None
        self._write(pushed_out)

    def save_one(self) -> bool:
        """Write the oldest unsaved embedding to disk; return whether there was one.

        Raises `DataError` if the disk does not take it; it is then not tried again.
        """
        with self._lock:
            if not self._unsaved or self._disk is None:
                return False
            key, _ = self._unsaved.popitem(last=False)
            embedding = self._entries.get(key)
        if embedding is not None:
            self._disk.write(key, embedding)
        return True

    def _write(self, pushed_out: list[_Entry]) -> None:
        for key, embedding in pushed_out:
            # that the disk takes nothing is told by `save_one`
            with contextlib.suppress(DataError):
                if self._disk is not None:
                    self._disk.write(key, embedding)

    def _keep(self, key: EmbeddingKey, embedding: Embedding) -> list[_Entry]:
        """Return what was pushed out and is not on disk, except the new one itself."""
        with self._lock:
            self._forget(key)
            self._entries[key] = embedding
            self._num_bytes += embedding.num_bytes
            return self._shrink()

    def _shrink(self) -> list[_Entry]:
        unsaved = []
        while self._num_bytes > self.max_bytes:
            key, embedding = next(iter(self._entries.items()))
            if key in self._unsaved:
                unsaved.append((key, embedding))
            self._forget(key)
        return unsaved

    def _forget(self, key: EmbeddingKey) -> None:
        former = self._entries.pop(key, None)
        if former is not None:
            self._num_bytes -= former.num_bytes
            self._unsaved.pop(key, None)
