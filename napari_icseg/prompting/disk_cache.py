"""Embeddings on disk: one safetensors file each, within a bound, the oldest removed first."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from napari_icseg.prompting.protocol import Embedding
from trainers.io.atomic import write_bytes_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from napari_icseg.prompting.cache import EmbeddingKey

DEFAULT_DISK_BYTES = 2 * 2**30
_SUFFIX = ".safetensors"
_FORMAT = 2
_EMBEDDING, _HIGH_RES = "embedding", "high_res_{}"
_log = logging.getLogger(__name__)


def default_folder() -> Path:
    """Return the user's cache folder for embeddings; it may not exist yet."""
    return Path(platformdirs.user_cache_dir("napari-icseg", appauthor=False)) / "embeddings"


class DiskCache:
    """A folder of embeddings. A damaged file is removed and counts as missing.

    torch and safetensors are imported on first use: the program's window opens before that.
    """

    def __init__(self, folder: Path | None = None, *, max_bytes: int = DEFAULT_DISK_BYTES) -> None:
        self.folder = folder or default_folder()
        self.max_bytes = max_bytes

    @property
    def num_bytes(self) -> int:
        """Size of all files, in bytes."""
        return sum(size for _, size, _ in self._files())

    def read(self, key: EmbeddingKey) -> Embedding | None:
        """Return the embedding on the CPU, or None if there is none or it is damaged."""
        path = self.folder / _file_name(key)
        if not path.is_file():
            return None
        try:
            embedding = _decode(path, key)
        except (OSError, ValueError, KeyError) as error:
            _log.warning("%s is damaged (%s): the image is embedded again", path, error)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            # the time of use decides what is removed first
            os.utime(path)
        return embedding

    def write(self, key: EmbeddingKey, embedding: Embedding) -> None:
        """Store an embedding and remove the files used longest ago until the bound is kept.

        Raises `DataError` if the disk does not take it.
        """
        data = _encode(key, embedding)
        if len(data) <= self.max_bytes:
            write_bytes_atomic(self.folder / _file_name(key), data)
            self._shrink()

    def clear(self) -> None:
        """Remove all embeddings."""
        for path, _, _ in self._files():
            path.unlink(missing_ok=True)

    def _shrink(self) -> None:
        files = sorted(self._files(), key=lambda file: file[2])
        total = sum(size for _, size, _ in files)
        for path, size, _ in files:
            if total <= self.max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _files(self) -> list[tuple[Path, int, int]]:
        """Return path, bytes and time of use in ns; another process may remove files."""
        found = []
        for path in self.folder.glob(f"*{_SUFFIX}") if self.folder.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                found.append((path, stat.st_size, stat.st_mtime_ns))
        return found


def _file_name(key: EmbeddingKey) -> str:
    return hashlib.sha256(repr((_FORMAT, key)).encode()).hexdigest()[:40] + _SUFFIX


def _encode(key: EmbeddingKey, embedding: Embedding) -> bytes:
    from safetensors.torch import save

    features = embedding.features
    maps = {_HIGH_RES.format(i): level for i, level in enumerate(features.high_res)}
    maps[_EMBEDDING] = features.embedding
    tensors = {name: level.detach().cpu().contiguous() for name, level in maps.items()}
    about = {
        "key": repr(key),
        "image_hw": embedding.image_hw,
        "size_hw": features.size_hw,
        "digest": _digest(tensors),
    }
    data: bytes = save(tensors, metadata={"icseg": json.dumps(about)})
    return data


def _decode(path: Path, key: EmbeddingKey) -> Embedding:
    """Read a file; raise ValueError, KeyError or OSError if it is not what was written."""
    from safetensors import SafetensorError, safe_open

    from trainers.models.sam2.interface import ImageFeatures

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            about: dict[str, Any] = json.loads((file.metadata() or {})["icseg"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    if about["key"] != repr(key) or about["digest"] != _digest(tensors):
        raise ValueError("its content is not what was written")
    (height, width), (rows, columns) = about["size_hw"], about["image_hw"]
    embedding = tensors.pop(_EMBEDDING)
    high_res = tuple(tensors[_HIGH_RES.format(i)] for i in range(len(tensors)))
    features = ImageFeatures(embedding, high_res, (height, width))
    return Embedding(features, key.window, (rows, columns), key.checkpoint_id)


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        digest.update(tensors[name].numpy().data)
    return digest.hexdigest()
