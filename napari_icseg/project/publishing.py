"""Several files that appear together: written aside first, moved into place at the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.io.atomic import write_error

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def staging_folder(out: Path) -> Iterator[Path]:
    """Yield an empty hidden folder inside `out`, which is made; it is gone afterwards.

    If `out` was made here and nothing was published, it goes, too.

    Raises:
        DataError: if the folder cannot be written.

    """
    made = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".export-", dir=out))
    except OSError as error:
        raise write_error(out, error) from error
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if made:
            with contextlib.suppress(OSError):  # not empty: the export has been published
                out.rmdir()


def publish(stage: Path, out: Path) -> tuple[Path, ...]:
    """Move every file below `stage` to the same place below `out`, replacing older ones.

    Only renames are left to do, so that neither a full disk nor a cancelled export can leave
    a half-written file or a mixture of old and new behind.

    Raises:
        DataError: if a file cannot be put in place.

    """
    files = []
    for source in sorted(path for path in stage.rglob("*") if path.is_file()):
        target = out / source.relative_to(stage)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(source, target)
        except OSError as error:
            raise write_error(target, error) from error
        files.append(target)
    return tuple(files)
