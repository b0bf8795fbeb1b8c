"""A virtual display for machines without a screen."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trainers.errors import IcsegError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE_PX = (1400, 900)


@contextmanager
def virtual_display() -> Iterator[None]:
    """Run the block on a fresh virtual display where the system has none of its own.

    Windows and macOS always have one. Linux needs the program Xvfb.

    Raises:
        IcsegError: there is no display and no Xvfb.
    """
    if not sys.platform.startswith("linux") or os.environ.get("DISPLAY"):
        yield
        return
    from pyvirtualdisplay.display import Display

    try:
        display = Display(visible=False, size=SIZE_PX, color_depth=24)
        display.start()
    except FileNotFoundError as error:
        raise IcsegError(
            "There is no screen, and Xvfb, which can stand in for one, is not installed. "
            "On Debian or Ubuntu: apt-get install xvfb libgl1-mesa-dri"
        ) from error
    try:
        yield
    finally:
        display.stop()


def run_in_display(module: str, out: Path, *more: str) -> int:
    """Run `python -m module OUT MORE --here` on such a display; return its exit code.

    In a process of its own: the window must be gone before its display is.
    """
    with virtual_display():
        command = [sys.executable, "-m", module, str(out), *more, "--here"]
        return subprocess.run(command, check=False).returncode
