"""Embeddings on disk, within a bound, those used longest ago removed first."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from napari_icseg.prompting.protocol import Embedding
from trainers.io.tensor_cache import TensorCache

if TYPE_CHECKING:
    from napari_icseg.prompting.cache import EmbeddingKey

DEFAULT_DISK_BYTES = 2 * 2**30
_FORMAT = 4
_EMBEDDING, _HIGH_RES = "embedding", "high_res_{}"


def default_folder() -> Path:
    """Return the user's cache folder for embeddings; it may not exist yet."""
    return Path(platformdirs.user_cache_dir("napari-icseg", appauthor=False)) / "embeddings"


class DiskCache:
    """A folder of embeddings; see `TensorCache`."""

    def __init__(self, folder: Path | None = None, *, max_bytes: int = DEFAULT_DISK_BYTES) -> None:
        self._files = TensorCache(folder or default_folder(), max_bytes=max_bytes)

    @property
    def folder(self) -> Path:
        """Where the embeddings lie."""
        return self._files.folder

    @property
    def num_bytes(self) -> int:
        """Size of all files, in bytes."""
        return self._files.num_bytes

    def read(self, key: EmbeddingKey) -> Embedding | None:
        """Return the embedding on the CPU, or None if there is none or it is damaged."""
        from trainers.models.sam2.interface import ImageFeatures

        found = self._files.read(_name(key), key=repr(key))
        if found is None:
            return None
        tensors, about = found
        (height, width), (rows, columns) = about["size_hw"], about["image_hw"]
        embedding = tensors.pop(_EMBEDDING)
        high_res = tuple(tensors[_HIGH_RES.format(i)] for i in range(len(tensors)))
        features = ImageFeatures(embedding, high_res, (height, width))
        return Embedding(features, key.window, (rows, columns), key.checkpoint_id)

    def write(self, key: EmbeddingKey, embedding: Embedding) -> None:
        """Store an embedding; raise `DataError` if the disk does not take it."""
        features = embedding.features
        maps = {_HIGH_RES.format(i): level for i, level in enumerate(features.high_res)}
        about = {"image_hw": embedding.image_hw, "size_hw": features.size_hw}
        maps[_EMBEDDING] = features.embedding
        self._files.write(_name(key), maps, about, key=repr(key))

    def set_max_bytes(self, max_bytes: int) -> None:
        """Another bound; what is then too much is removed at once."""
        self._files.set_max_bytes(max_bytes)

    def clear(self) -> None:
        """Remove all embeddings."""
        self._files.clear()


def _name(key: EmbeddingKey) -> str:
    return hashlib.sha256(repr((_FORMAT, key)).encode()).hexdigest()[:40]
