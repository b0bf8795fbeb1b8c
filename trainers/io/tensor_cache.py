"""A bounded folder of tensors, one safetensors file an entry; any number of processes may share it.

Reading maps the file into memory: what is not looked at is not read from the disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import time
from typing import TYPE_CHECKING, Any

from trainers.io.atomic import write_bytes_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

_SUFFIX = ".safetensors"
_HEADER_KEY = "icseg"
_MEASURE_SHARE = 1 / 32
"""Of the bound, written by one object, after which it looks what others have written."""
_log = logging.getLogger(__name__)


class TensorCache:
    """Entries by name, within a bound; those used longest ago make room for new ones.

    A damaged file is removed and counts as missing. torch and safetensors are imported on
    first use: the program's window opens before that.

    Args:
        folder: made when something is stored.
        max_bytes: of all files together; n processes that write at once may exceed it by n / 32.
        keep_used: entries used since this object was made are never removed; where there is
            no other, a new one is not stored. A training that goes through more tiles than
            fit would otherwise always remove what it needs next.

    """

    def __init__(self, folder: Path, *, max_bytes: int, keep_used: bool = False) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        # files carry the times of the file system, which may lag a little behind ours
        self._kept_since_ns = time.time_ns() - 10**9 if keep_used else None
        self._expected_bytes: int | None = None
        self._unmeasured_bytes = 0
        """Written since the folder was measured: others may have written as well."""
        self._checked: set[str] = set()

    @property
    def num_bytes(self) -> int:
        """Size of all files, in bytes."""
        return sum(size for _, size, _ in self._files())

    def read(self, name: str, *, key: str = "") -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Return tensors on the CPU and what was said of them, or None.

        Whether the content is what was written, under the same key, is checked once for each
        entry.
        """
        path = self.folder / (name + _SUFFIX)
        if not path.is_file():
            return None
        try:
            tensors, about = _decode(path, is_checked=name in self._checked)
            if about.pop("key") != key:
                raise ValueError("it is an entry of another name")
        except (OSError, ValueError, KeyError) as error:
            _log.warning("%s is damaged (%s): it is computed again", path, error)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        self._checked.add(name)
        with contextlib.suppress(OSError):
            # the time of use decides what is removed first
            os.utime(path)
        return tensors, about

    def write(
        self, name: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any], *, key: str = ""
    ) -> bool:
        """Store an entry; return False if there is no room for it.

        Raises `DataError` if the disk does not take it.
        """
        data = _encode(tensors, {**about, "key": key})
        if len(data) > self.max_bytes or not self._make_room(len(data)):
            return False
        write_bytes_atomic(self.folder / (name + _SUFFIX), data)
        return True

    def set_max_bytes(self, max_bytes: int) -> None:
        """Another bound; the entries that are then too much are removed at once."""
        self.max_bytes = max_bytes
        self._expected_bytes, self._unmeasured_bytes = self._shrink(max_bytes), 0

    def clear(self) -> None:
        """Remove all entries."""
        for path, _, _ in self._files():
            path.unlink(missing_ok=True)
        self._expected_bytes = None

    def _make_room(self, num_bytes: int) -> bool:
        is_stale = self._unmeasured_bytes > self.max_bytes * _MEASURE_SHARE
        if self._expected_bytes is None or is_stale:
            self._expected_bytes, self._unmeasured_bytes = self.num_bytes, 0
        if self._expected_bytes + num_bytes > self.max_bytes:
            self._expected_bytes = self._shrink(self.max_bytes - num_bytes)
        has_room = self._expected_bytes + num_bytes <= self.max_bytes
        self._expected_bytes += num_bytes * has_room
        self._unmeasured_bytes += num_bytes * has_room
        return has_room

    def _shrink(self, max_bytes: int) -> int:
        """Remove the entries used longest ago; return the bytes that are left."""
        files = sorted(self._files(), key=lambda file: file[2])
        total = sum(size for _, size, _ in files)
        for path, size, used_ns in files:
            is_kept = self._kept_since_ns is not None and used_ns >= self._kept_since_ns
            if total <= max_bytes or is_kept:
                break
            path.unlink(missing_ok=True)
            total -= size
        return total

    def _files(self) -> list[tuple[Path, int, int]]:
        """Return path, bytes and time of use in ns; another process may remove files."""
        found = []
        for path in self.folder.glob(f"*{_SUFFIX}") if self.folder.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                found.append((path, stat.st_size, stat.st_mtime_ns))
        return found


def _encode(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> bytes:
    from safetensors.torch import save

    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    header = json.dumps({**about, "digest": _digest(plain)})
    data: bytes = save(plain, metadata={_HEADER_KEY: header})
    return data


def _decode(path: Path, *, is_checked: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file; raise ValueError, KeyError or OSError if it is not what was written."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            about: dict[str, Any] = json.loads((file.metadata() or {})[_HEADER_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    digest = about.pop("digest")
    if not is_checked and digest != _digest(tensors):
        raise ValueError("its content is not what was written")
    return tensors, about


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        digest.update(tensors[name].numpy().data)
    return digest.hexdigest()
