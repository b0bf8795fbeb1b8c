"""Importing torchvision beside a window that draws with OpenGL."""

from __future__ import annotations

import sys
from typing import Any


def import_torchvision() -> None:
    """Import torchvision, which the trained models need, without triton.

    torchvision imports triton, a compiler that nothing here uses, with an LLVM of its own. Where
    Mesa has loaded another LLVM to draw without a GPU, as on every remote desktop, loading it
    ends the program by a segmentation fault. Call this in a viewer's process before anything
    that imports torchvision. Whoever has imported triton before keeps it.
    """
    if "torchvision" in sys.modules:
        return
    modules: dict[str, Any] = sys.modules
    is_hidden = "triton" not in modules
    if is_hidden:
        modules["triton"] = None  # Python's own way to say that there is no such module
    try:
        import torchvision  # noqa: F401
    finally:
        if is_hidden:
            modules.pop("triton", None)
