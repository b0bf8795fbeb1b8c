"""SQLite's errors in the words of somebody who wants to label."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_icseg.project.errors import (
    ProjectDamagedError,
    ProjectError,
    ProjectLockedError,
    ProjectWriteError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def damage_errors(path: Path) -> Iterator[None]:
    """Turn what reading raises into errors that say what to do.

    Damaged content shows as SQLite's own errors, texts that are no UTF-8, unknown words, and
    JSON or zlib streams that do not decode. A drive that is gone is told from damage.
    """
    try:
        yield
    except sqlite3.ProgrammingError:  # a mistake of the caller, not of the file
        raise
    except sqlite3.DatabaseError as error:
        raise _reading_failed(path, error) from error
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise damaged(path, error) from error


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors while writing into ones that say what to do."""
    try:
        yield
    except sqlite3.ProgrammingError:  # a mistake of the caller, not of the file
        raise
    except sqlite3.DatabaseError as error:
        code = _primary_code(error)
        if code == sqlite3.SQLITE_FULL:
            reason = "the disk is full. Free some space"
        elif code == sqlite3.SQLITE_READONLY:
            reason = "the file has become read-only. Give write permission"
        else:
            reason = f"{error}. Check that the drive is connected and not full"
        raise ProjectWriteError(
            f"the change was not saved to {path}: {reason}, then repeat the last step. "
            "Everything accepted before is safe."
        ) from error
    except UnicodeDecodeError as error:  # SQLite names what is damaged, in its damaged letters
        raise damaged(path, error) from error


def _reading_failed(path: Path, error: sqlite3.DatabaseError) -> ProjectError:
    code = _primary_code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ProjectLockedError(f"{path} is being written by another program; try again.")
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        return ProjectError(
            f"cannot read {path} ({error}). Is the drive connected? In a read-only folder, copy "
            f"{path.name} together with {path.name}-wal, if that is there, to a folder of yours "
            "and open it there."
        )
    return damaged(path, error)


def _primary_code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def damaged(path: Path, finding: object) -> ProjectDamagedError:
    """Return the error for a file in which something was found that must not be."""
    return ProjectDamagedError(
        f"{path} is damaged ({' '.join(str(finding).split())}). It was left as it is: keep a "
        "copy, and open a backup instead."
    )
