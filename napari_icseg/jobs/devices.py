"""Which devices a training can use here, found out without importing torch."""

from __future__ import annotations

import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path

CPU, CUDA, MPS = "cpu", "cuda", "mps"


def devices() -> tuple[str, ...]:
    """Return "cpu" and, where there seems to be such a GPU that torch can use, its kind."""
    if sys.platform == "darwin":
        return (CPU, MPS) if platform.machine() == "arm64" else (CPU,)
    return (CPU, CUDA) if _has_nvidia() and not _is_cpu_build() else (CPU,)


def _has_nvidia() -> bool:
    is_driver_loaded = any(Path("/dev").glob("nvidia[0-9]*"))
    return is_driver_loaded or shutil.which("nvidia-smi") is not None


def _is_cpu_build() -> bool:
    try:
        return "+cpu" in metadata.version("torch")
    except metadata.PackageNotFoundError:
        return True
