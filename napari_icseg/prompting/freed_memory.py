"""Memory that was freed goes back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_M_MMAP_THRESHOLD = -3
"""Of `mallopt` in glibc: larger blocks are asked of the system and go back to it at once."""
_M_TRIM_THRESHOLD = -1
"""Of `mallopt` in glibc: more than this, free at the end of a heap, goes back at once."""
_LARGE_BLOCK_BYTES = 4 * 2**20
_USUAL_BYTES = 32 * 2**20
"""To which glibc raises the threshold by itself when blocks of that size were freed."""
_KEPT_BYTES = 2 * _USUAL_BYTES
"""The maps of a click in a window; glibc's own choice beside that threshold."""


_SPARE_BYTES = 384 * 2**20
"""What embeddings, clicks and frames come to beside each other: given back any earlier, the next
click asks the system for its maps page by page, and takes 15 ms longer."""


def give_back_memory() -> None:
    """Give freed memory back: on Linux the C library keeps that of an embedding, 100s of MB.

    Takes some milliseconds; does nothing where the C library has no such call.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


class SpareMemory:
    """Keeps what the next clicks are going to ask for, and gives back what is more."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._least_bytes = self._process.memory_info().rss

    def check(self) -> None:
        """Give freed memory back if the process has grown much since that was last done."""
        now_bytes = self._process.memory_info().rss
        if now_bytes > self._least_bytes + _SPARE_BYTES:
            give_back_memory()
            now_bytes = self._least_bytes = self._process.memory_info().rss
        self._least_bytes = min(self._least_bytes, now_bytes)


@contextlib.contextmanager
def returning_memory() -> Iterator[None]:
    """Give large blocks back as soon as they are freed, in the whole process, meanwhile.

    The maps inside a model come and go; kept for the next ones they add up to 100 MB more than
    are ever in use. Getting them anew costs some time, so clicks do without.
    """
    option = _mallopt()
    if option is None:
        yield
        return
    option(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)
    try:
        yield
    finally:
        option(_M_MMAP_THRESHOLD, _USUAL_BYTES)
        # which glibc no longer raises by itself: a click would ask for its maps page by page
        option(_M_TRIM_THRESHOLD, _KEPT_BYTES)


@cache
def _trim() -> Callable[[int], Any] | None:
    return _of_c_library("malloc_trim")


@cache
def _mallopt() -> Callable[[int, int], Any] | None:
    return _of_c_library("mallopt")


def _of_c_library(name: str) -> Callable[..., Any] | None:
    if not sys.platform.startswith("linux"):
        return None
    with contextlib.suppress(OSError, AttributeError):
        function: Callable[..., Any] = getattr(ctypes.CDLL(ctypes.util.find_library("c")), name)
        return function
    return None
