"""Errors meant for the user become napari notifications; others stay errors."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from trainers.errors import IcsegError

if TYPE_CHECKING:
    from collections.abc import Iterator


def show_error(message: str) -> None:
    """Shows an error in napari's corner."""
    from napari.utils.notifications import show_error as napari_show_error

    napari_show_error(message)


def show_info(message: str) -> None:
    """Shows a message in napari's corner."""
    from napari.utils.notifications import show_info as napari_show_info

    napari_show_info(message)


def show_warning(message: str) -> None:
    """Shows a warning in napari's corner."""
    from napari.utils.notifications import show_warning as napari_show_warning

    napari_show_warning(message)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Shows an IcsegError or OSError of the block instead of raising it."""
    try:
        yield
    except (IcsegError, OSError) as error:
        show_error(str(error))
