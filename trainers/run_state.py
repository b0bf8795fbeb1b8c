"""All that a resume needs beside the run's files, as tensors, numbers and strings."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from trainers.errors import CheckpointError
from trainers.report import Position

if TYPE_CHECKING:
    from trainers.loop import Loop


def state_of(loop: Loop) -> dict[str, Any]:
    """Return where the run stands; it is the same in all its processes."""
    return {
        "position": asdict(loop.position),
        "num_parts": loop.stepper.num_parts,
        "model": loop.model.state_dict(),
        "average": loop.average.state_dict() if loop.average is not None else {},
        "optimizer": loop.optimizer.state_dict(),
        "precision": dict(loop.fabric.strategy.precision.state_dict()),
    }


def restore(loop: Loop, state: dict[str, Any]) -> None:
    """Go to where the run stood; raise `CheckpointError` if the state is another run's."""
    try:
        loop.position = Position(**state["position"])
        # written since batches can be divided
        loop.stepper.num_parts = max(state.get("num_parts", 1), loop.config.accumulate)
        loop.model.load_state_dict(state["model"])
        loop.optimizer.load_state_dict(state["optimizer"])
        if loop.average is not None:
            loop.average.model.load_state_dict(state["average"])
        loop.fabric.strategy.precision.load_state_dict(state["precision"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{loop.folder.state} does not belong to this run: {error}. "
            "Start a new run instead of resuming."
        ) from error
