"""The project: one file that holds everything a labeller has done, and the way back."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from napari_icseg.project.activity import Activity
from napari_icseg.project.batch_edits import BatchEdits
from napari_icseg.project.class_edits import ClassEdits
from napari_icseg.project.errors import ProjectError, ProjectReadOnlyError
from napari_icseg.project.image_edits import ImageEdits, stored_path
from napari_icseg.project.lock import acquire
from napari_icseg.project.object_edits import ObjectEdits
from napari_icseg.project.opening import (
    connect_read_only,
    create_file,
    open_read_only,
    open_writable,
)
from napari_icseg.project.proposal_edits import ProposalEdits
from napari_icseg.project.review_edits import ReviewEdits
from napari_icseg.project.schema import CURRENT, Schema
from napari_icseg.project.snapshot import ProjectSnapshot
from napari_icseg.project.travel import Travel
from napari_icseg.project.view_edits import ViewEdits

if TYPE_CHECKING:
    from types import TracebackType

    from filelock import FileLock

SUFFIX = ".icseg"


class Project(
    ImageEdits,
    ObjectEdits,
    ClassEdits,
    BatchEdits,
    ProposalEdits,
    ReviewEdits,
    ViewEdits,
    Travel,
    Activity,
):
    """An open project; make one with `Project.create` or `Project.open`.

    Every edit is on the disk when its method returns: there is nothing to save. Methods may
    be called from any thread and take turns; long reading goes through `snapshot`.
    """

    def __init__(self, connection: sqlite3.Connection, file: Path, lock: FileLock) -> None:
        self._file_lock = lock
        super().__init__(connection, file)

    @classmethod
    def create(cls, path: Path | str, *, root: Path | str | None = None) -> Project:
        """Create a project file with the classes metal and via, and open it.

        Image paths are kept relative to `root`, by default the project file's folder.

        Raises:
            ProjectError: if the file exists or does not end in .icseg.

        """
        file = Path(os.path.abspath(path))
        if file.suffix != SUFFIX:
            raise ProjectError(f"a project file ends in {SUFFIX}, for example {file.stem}{SUFFIX}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ProjectReadOnlyError(
                f"cannot make the folder {file.parent} ({error.strerror}). Choose another one."
            ) from error
        lock = acquire(file, lambda: _holder(file))
        try:
            if file.exists():
                raise ProjectError(f"{file} exists already. Open it, or choose another name.")
            folder = file.parent if root is None else Path(os.path.abspath(root))
            create_file(file, root=stored_path(folder, file.parent))
            return cls._open_locked(file, lock, CURRENT)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, path: Path | str, *, schema: Schema = CURRENT) -> Project:
        """Open an existing project for labelling.

        A file of an older version is brought to this one, after a backup beside it.

        Raises:
            ProjectLockedError: if it is open elsewhere.
            ProjectVersionError: if it was written by a newer version.
            ProjectDamagedError: if it is not a whole project file; it is left as it is.
            ProjectReadOnlyError: if it or its folder cannot be written.
            ProjectError: if there is no file or it belongs to another program.

        """
        file = Path(os.path.abspath(path))
        if not os.path.isfile(file):
            raise ProjectError(f"there is no project at {file}. Create one, or check the path.")
        lock = acquire(file, lambda: _holder(file))
        try:
            return cls._open_locked(file, lock, schema)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _open_locked(cls, file: Path, lock: FileLock, schema: Schema) -> Project:
        connection = open_writable(file, schema)
        try:
            return cls(connection, file, lock)
        except BaseException:
            connection.close()
            raise

    def snapshot(self) -> ProjectSnapshot:
        """Return an unchanging view on a connection of its own, for exports and trainings."""
        with self._lock:
            self._require_open()
            return ProjectSnapshot(open_read_only(self.file), self.file)

    def close(self) -> None:
        """Close the project and let others have it; nothing is lost by not calling this."""
        super().close()
        self._file_lock.release()

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _holder(file: Path) -> str:
    """Say who has the project open, as far as it left word."""
    try:
        with closing(connect_read_only(file)) as connection:
            found = connection.execute("SELECT value FROM meta WHERE key = 'holder'").fetchone()
        holder = json.loads(found[0])
        since = time.strftime("%H:%M on %d %B %Y", time.localtime(holder["since_unix_s"]))
        if holder["pid"] == os.getpid():
            return f"this program already (since {since})"
        return f"process {holder['pid']} on {holder['host']} (since {since})"
    except (sqlite3.Error, OSError, TypeError, KeyError, ValueError):
        return "another process"  # it is locked all the same; only the words are missing
