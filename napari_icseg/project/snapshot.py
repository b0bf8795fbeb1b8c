"""An unchanging view of a project, for work that takes longer than a click."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from napari_icseg.project.activity import Activity
from napari_icseg.project.opening import check_content, check_header, open_read_only

if TYPE_CHECKING:
    import sqlite3
    from types import TracebackType


class ProjectSnapshot(Activity):
    """Read-only view of the state at the time of opening, over a connection of its own.

    Labelling goes on meanwhile and neither waits for the other. Also the way to read a
    project that another process has open or that lies in a read-only folder. Use it as a
    context manager: while it is open, the write-ahead log beside the project cannot shrink.
    """

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        super().__init__(connection, file)
        # a read transaction starts with its first question and sees that state to its end
        connection.execute("BEGIN")
        self._rows("SELECT 1 FROM meta")

    @classmethod
    def open(cls, path: Path | str) -> ProjectSnapshot:
        """Open the last committed state of the project at `path`.

        Raises:
            ProjectError: or one of its subclasses, as for `Project.open`.

        """
        file = Path(os.path.abspath(path))
        check_header(file)
        check_content(file)
        return cls(open_read_only(file), file)

    def __enter__(self) -> ProjectSnapshot:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
