"""The sam2-nano that ships with the package: where it lies, and how a run becomes it.

`python -m trainers.embedded RUN` puts a run's best checkpoint in its place.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from trainers.checkpoint import load_checkpoint, require_model, save_checkpoint

if TYPE_CHECKING:
    from trainers.checkpoint import Checkpoint

EMBEDDED = Path(__file__).parent / "weights" / "sam2-nano.safetensors"
_PLACES = ("out", "data", "parent")
"""Settings that name folders of the machine that trained; they say nothing elsewhere."""


def embed(checkpoint: Checkpoint, path: Path = EMBEDDED) -> Path:
    """Write a sam2-nano checkpoint at half precision; return where.

    Raises:
        CheckpointError: it is a checkpoint of another model.
    """
    require_model(checkpoint, "sam2-nano")
    weights = {
        name: value.half() if value.dtype == torch.float32 else value
        for name, value in checkpoint.weights.items()
    }
    save_checkpoint(path, weights, {**checkpoint.meta, "config": _portable(checkpoint.meta)})
    return path


def _portable(meta: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in meta.get("config", {}).items() if name not in _PLACES}


def main() -> None:
    """Embed the best checkpoint of the run folder named on the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m trainers.embedded RUN")
    path = embed(load_checkpoint(Path(sys.argv[1]) / "checkpoints" / "best.safetensors"))
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
