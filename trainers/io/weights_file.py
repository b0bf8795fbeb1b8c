"""A safetensors file seen from outside: its header and the hash of its weights, without torch.

Format: 8 bytes little-endian length, a JSON header of that length (tensor name → dtype, shape,
data_offsets; texts under "__metadata__"), then the bytes of the tensors.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainers.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".safetensors"
_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 100_000_000
"""As the safetensors library has it."""
_BLOCK_BYTES = 1 << 20
_META_KEY = "icseg"


@dataclass(frozen=True)
class WeightsHeader:
    """What stands before the weights.

    Attributes:
        tensors: name → {"dtype", "shape", "data_offsets"}.
        texts: the metadata, as safetensors has them.
        data_start: where the weights begin, in bytes.
    """

    tensors: dict[str, dict[str, Any]]
    texts: dict[str, str]
    data_start: int

    @property
    def meta(self) -> dict[str, Any]:
        """What `icseg train` wrote of the checkpoint; empty for weights from elsewhere."""
        try:
            meta = json.loads(self.texts.get(_META_KEY, "{}"))
        except ValueError:
            return {}
        return meta if isinstance(meta, dict) else {}


def read_header(path: Path) -> WeightsHeader:
    """Return the header of a safetensors file.

    Raises:
        CheckpointError: missing, not a safetensors file, or shorter than its header says.

    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            if not 2 <= length <= _MAX_HEADER_BYTES:
                raise ValueError("its header has no sensible length")
            content = json.loads(file.read(length))
        header = _parsed(content, _LENGTH_BYTES + length)
        stop = max((tensor["data_offsets"][1] for tensor in header.tensors.values()), default=0)
        if path.stat().st_size != header.data_start + stop:
            raise ValueError("its length does not fit its header")
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is not a whole safetensors file ({error}). Copy it again."
        ) from error
    return header


def _parsed(content: Any, data_start: int) -> WeightsHeader:
    if not isinstance(content, dict):
        raise TypeError("its header is not a JSON object")
    texts = content.pop("__metadata__", {})
    return WeightsHeader(content, texts if isinstance(texts, dict) else {}, data_start)


def weights_sha256(path: Path) -> str:
    """Return the hex SHA-256 of the tensors: names, types, shapes and values.

    What the header says besides (paths, code version) does not count: the same weights keep
    their hash on another machine. Raises `CheckpointError` as `read_header`.
    """
    header = read_header(path)
    hashed = hashlib.sha256(json.dumps(header.tensors, sort_keys=True).encode())
    with path.open("rb") as file:
        file.seek(header.data_start)
        while block := file.read(_BLOCK_BYTES):
            hashed.update(block)
    return hashed.hexdigest()
