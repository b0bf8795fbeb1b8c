"""Small text files: lists of names, label maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainers.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file; DataError if it cannot be read or is no text."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"Cannot read {path}: it is no text in UTF-8 ({error}). Save it as UTF-8."
        ) from error
