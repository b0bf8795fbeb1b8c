"""Files that are either the old ones or the new ones, never something between.

A temporary file in the same folder is written, flushed to the disk and renamed over the
target. Whatever goes wrong before the rename leaves the target as it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}
_MAX_STEM_CHARS = 60


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path to write; on leaving without an error it becomes `path`.

    The temporary file lies in the folder of `path` (made if missing), starts with a dot and
    keeps the suffix, because many writers choose the format by it. A symbolic link is
    followed, so that the file it names is replaced and not the link.

    Raises:
        DataError: the disk is full, the folder is read-only, or any other `OSError`; the
            temporary file is removed and an older file at `path` is untouched.

    """
    target = Path(os.path.realpath(path))
    temporary = _temporary_beside(target)
    try:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            _sync_file(temporary)
            os.replace(temporary, target)
            _sync_folder(target.parent)
        except OSError as error:
            raise write_error(target, error) from error
    finally:
        # the rename has moved it away, or writing failed; either way nothing may stay
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` atomically; see `atomic_path` for the errors."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text_atomic(path: str | os.PathLike[str], text: str) -> None:
    r"""Write `text` to `path` atomically as UTF-8 with "\n" line ends; see `atomic_path`."""
    write_bytes_atomic(path, text.encode("utf-8"))


def write_error(path: Path, error: OSError) -> DataError:
    """Return the error that tells the user why `path` was not written and what to do."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        remedy = "Free some space or choose a folder on another disk, then try again."
    elif error.errno in _FORBIDDEN:
        remedy = (
            "Choose a folder that you may write to, or close the program that has the file open."
        )
    else:
        remedy = "Check the path and choose another folder if need be."
    return DataError(f"Cannot write {path}: {reason}. Nothing was changed. {remedy}")


def _temporary_beside(target: Path) -> Path:
    name = f".{target.stem[:_MAX_STEM_CHARS]}.{secrets.token_hex(6)}.part{target.suffix}"
    return target.with_name(name)


def _sync_file(path: Path) -> None:
    # Windows flushes only handles that may write
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable where the system can; it has happened already."""
    if os.name == "nt":
        return  # Windows has no handle to flush for a folder
    with contextlib.suppress(OSError):  # some network file systems refuse to sync a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
