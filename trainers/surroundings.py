"""What a run sets for its whole process, and undoes again: signals, log, threads, algorithms."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

    from trainers.config import TrainConfig

log = logging.getLogger("trainers")


def set_up_torch(config: TrainConfig) -> None:
    """Set threads, seed and, on CUDA, how exact float32 products are, for this process."""
    set_threads(config.num_threads)
    torch.manual_seed(config.seed)
    if config.precision != "32-true" and torch.cuda.is_available():
        # what mixed precision leaves in float32 need not be more exact than the rest
        torch.set_float32_matmul_precision("high")


def set_threads(num_threads: int | None) -> None:
    """Set the CPU threads of this process; None leaves them."""
    if num_threads is not None:
        torch.set_num_threads(num_threads)


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Let torch choose reproducible algorithms on the CPU, as far as there are any."""
    if device.type != "cpu":
        yield
        return
    former = torch.are_deterministic_algorithms_enabled()
    former_is_warning = torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic
    former_fill = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    memory.fill_uninitialized_memory = False  # costs time, finds bugs only
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(former, warn_only=former_is_warning)
        memory.fill_uninitialized_memory = former_fill


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Append what the run logs to `path`."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    former = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    # a host program's dictConfig silences loggers that exist already; a run must keep its log
    log.disabled = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(former)
        handler.close()


@contextmanager
def stopped_by_signals(is_stopped: threading.Event) -> Iterator[None]:
    """Let SIGTERM and the first Ctrl+C end the run with a checkpoint, after the present step."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        is_stopped.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    former = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
