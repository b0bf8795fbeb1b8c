"""When the memory of a graphics card is full, the model goes on on the CPU."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

FULL = (
    "The memory of the graphics card is full: {name} goes on on the CPU, more slowly. "
    "Choose the click model again to go back, when other programs have left it."
)


@runtime_checkable
class Movable(Protocol):
    """A predictor that may leave its device."""

    def to_cpu(self) -> bool:
        """Go on on the CPU; return False if it is there already."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether a device (CUDA, MPS) had too little memory; not that of the computer."""
    import torch

    # Apple's devices raise a plain RuntimeError
    is_plain = isinstance(error, RuntimeError) and "out of memory" in str(error).lower()
    return isinstance(error, torch.cuda.OutOfMemoryError) or is_plain


def go_on_without_gpu(predictor: object) -> bool:
    """Move a model to the CPU; return False if that changes nothing."""
    return isinstance(predictor, Movable) and predictor.to_cpu()
