"""From a path to a usable connection, without ever harming a file that is not ours or not whole.

Everything is checked through the raw header and a read-only connection first. Only a file
that has passed is opened for writing.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from napari_icseg.project.errors import (
    ProjectDamagedError,
    ProjectError,
    ProjectReadOnlyError,
    ProjectVersionError,
)
from napari_icseg.project.schema import (
    APPLICATION_ID,
    CURRENT,
    Schema,
    create_tables,
    migrate,
    schema_version,
)
from napari_icseg.project.sqlite_errors import damage_errors, damaged, write_errors
from trainers.io.atomic import atomic_path

_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
# a whole check reads every page; above this size only the tables that listing needs are checked
_WHOLE_CHECK_MAX_BYTES = 64 * 2**20
_LISTING_TABLES = ("meta", "classes", "images")
_BUSY_TIMEOUT_S = 5.0


def create_file(path: Path, *, root: str) -> None:
    """Write a new project file, whole or not at all."""
    _set_aside_stale_logs(path)
    with (
        atomic_path(path) as temporary,
        closing(sqlite3.connect(temporary, isolation_level=None)) as connection,
    ):
        # nobody sees the temporary file before it is whole and flushed as one
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        create_tables(connection, root=root)


def open_writable(path: Path, schema: Schema = CURRENT) -> sqlite3.Connection:
    """Check the file and connect to it for writing; the caller holds the project's lock.

    synchronous=FULL: each commit is on the disk before the call returns, so an accepted
    object survives a power cut, too (NORMAL would lose the last ones then, and only then).

    Raises:
        ProjectError: or one of its subclasses; the file is byte for byte as it was.

    """
    check_header(path, schema)
    check_content(path)
    _check_writable(path)
    with damage_errors(path):
        connection = _connect(f"{_uri(path)}?mode=rw")
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            _migrate_with_backup(connection, path, schema)
        except BaseException:
            connection.close()
            raise
    return connection


def open_read_only(path: Path, schema: Schema = CURRENT) -> sqlite3.Connection:
    """Connect for reading; works on a project that is open elsewhere and in read-only folders."""
    check_header(path, schema)
    with damage_errors(path):
        connection = connect_read_only(path)
        found = schema_version(connection)
    if found < schema.version:
        connection.close()
        raise ProjectVersionError(
            f"{path} is of the older format {found}: open it for labelling once, which brings it "
            f"to format {schema.version}."
        )
    return connection


def check_header(path: Path, schema: Schema = CURRENT) -> None:
    """Tell a project file by its first 100 bytes (https://www.sqlite.org/fileformat.html)."""
    header = _read_header(path)
    if header[:16] != _MAGIC:
        raise ProjectDamagedError(
            f"{path} is not a project file, or its beginning was overwritten. Choose the .icseg "
            "file, or open a backup instead."
        )
    page_bytes, num_pages = struct.unpack(">H", header[16:18])[0], _u32(header, 28)
    if _u32(header, 68) != APPLICATION_ID:
        raise ProjectError(
            f"{path} is a database of another program, not a napari-icseg project. Choose the "
            ".icseg file."
        )
    if (version := _u32(header, 60)) > schema.version:
        raise newer_version(path, version, schema)
    expected = num_pages * (65536 if page_bytes == 1 else page_bytes)
    if not _has_pending_wal(path) and path.stat().st_size < expected:
        raise ProjectDamagedError(
            f"{path} was cut short: {expected} bytes expected, {path.stat().st_size} found. "
            "Copy it again from where it came, or use a backup."
        )


def newer_version(path: Path, version: int, schema: Schema) -> ProjectVersionError:
    """Return the error for a file from the future."""
    return ProjectVersionError(
        f"{path} was written by a newer napari-icseg (project format {version}; this one "
        f"reads up to {schema.version}). Update with: pip install --upgrade napari-icseg"
    )


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Connect without the right or the need to write.

    Without pending changes the file is declared immutable, so that SQLite leaves no side files
    in the folder.
    """
    return _connect(f"{_uri(path)}?{'mode=ro' if _has_pending_wal(path) else 'immutable=1'}")


def _set_aside_stale_logs(path: Path) -> None:
    """Rename the logs that a deleted project left: SQLite would play them into the new one."""
    for suffix in ("-wal", "-shm"):
        log = Path(f"{path}{suffix}")
        if log.exists():
            log.replace(f"{log}.orphan-{time.time_ns()}")


def check_content(path: Path) -> None:
    """Check the pages of a file without changing it: all of a small one, the listing of a big one.

    Raises:
        ProjectDamagedError: with SQLite's first finding.

    """
    with damage_errors(path), closing(connect_read_only(path)) as connection:
        if path.stat().st_size <= _WHOLE_CHECK_MAX_BYTES:
            check_all(connection, path)
            return
        for table in _LISTING_TABLES:
            finding = connection.execute(f"PRAGMA quick_check({table})").fetchone()[0]
            _raise_findings(finding, path)


def check_all(connection: sqlite3.Connection, path: Path) -> None:
    """Check every page; `ProjectDamagedError` with SQLite's first finding."""
    _raise_findings(connection.execute("PRAGMA quick_check(1)").fetchone()[0], path)


def _raise_findings(finding: str, path: Path) -> None:
    if finding != "ok":
        raise damaged(path, finding)


def _check_writable(path: Path) -> None:
    try:
        with open(path, "r+b"):
            pass
    except OSError as error:
        raise ProjectReadOnlyError(
            f"{path} cannot be written ({error.strerror}). Give write permission, or copy the "
            "project to a folder of yours."
        ) from error


def _migrate_with_backup(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    found = schema_version(connection)
    if found > schema.version:
        raise newer_version(path, found, schema)
    if found == schema.version:
        return
    backup_path = path.with_name(f"{path.name}.v{found}-backup")
    with atomic_path(backup_path) as temporary, closing(sqlite3.connect(temporary)) as backup:
        connection.backup(backup)
    with write_errors(path):
        migrate(connection, schema)


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_TIMEOUT_S
    )


def _uri(path: Path) -> str:
    # three slashes before a Windows drive, four before a network share
    return f"file:///{quote(path.absolute().as_posix().removeprefix('/'), safe='/:')}"


def _has_pending_wal(path: Path) -> bool:
    try:
        return os.stat(f"{path}-wal").st_size > 0
    except OSError:
        return False


def _read_header(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        raise ProjectError(
            f"there is no project at {path}. Create one, or check the path."
        ) from None
    except OSError as error:
        raise ProjectError(f"cannot read {path}: {error.strerror}.") from error
    if len(header) < _HEADER_BYTES:
        raise ProjectDamagedError(
            f"{path} is no project file: it has {len(header)} bytes. Open a backup instead."
        )
    return header


def _u32(header: bytes, offset: int) -> int:
    return int(struct.unpack_from(">I", header, offset)[0])
