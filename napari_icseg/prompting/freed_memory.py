"""Memory that was freed goes back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def give_back_memory() -> None:
    """Give freed memory back: on Linux the C library keeps that of an embedding, 100s of MB.

    Takes some milliseconds; does nothing where the C library has no such call.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], Any] | None:
    if not sys.platform.startswith("linux"):
        return None
    with contextlib.suppress(OSError, AttributeError):
        trim: Callable[[int], Any] = ctypes.CDLL(ctypes.util.find_library("c")).malloc_trim
        return trim
    return None
