"""Stopping a model in the middle of a forward pass.

Embedding a neighbour with a large model takes seconds on a CPU, following a net through many
windows does so with any; a click must not wait for it. Before each module runs, a hook asks
whether the thread that runs it should stop.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from napari_icseg.prompting.errors import EmbeddingInterruptedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

# of each thread its own: a model is shared by threads, a request is not
_current = threading.local()
_prepared: WeakSet[nn.Module] = WeakSet()
_prepared_lock = threading.Lock()


def make_interruptible(model: nn.Module) -> None:
    """Let `stopping` stop this model; doing it twice changes nothing."""
    with _prepared_lock:
        if model in _prepared:
            return
        for module in model.modules():
            module.register_forward_pre_hook(_check)
        _prepared.add(model)


@contextmanager
def stopping(should_stop: Callable[[], bool] | None) -> Iterator[None]:
    """Raise `EmbeddingInterruptedError` in this thread's forward passes once asked to stop.

    Inside of another one only the inner one is asked.
    """
    outer = getattr(_current, "should_stop", None)
    _current.should_stop = should_stop
    try:
        yield
    finally:
        _current.should_stop = outer


def stop_if_asked() -> None:
    """Raise `EmbeddingInterruptedError` if this thread should stop: between longer steps."""
    should_stop = getattr(_current, "should_stop", None)
    if should_stop is not None and should_stop():
        raise EmbeddingInterruptedError


def _check(module: nn.Module, args: Any) -> None:
    stop_if_asked()
