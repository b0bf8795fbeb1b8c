"""From a checkpoint, or the name of a kind of model, to a SAM-2 on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainers.checkpoint import load_weights
from trainers.errors import CheckpointError
from trainers.models.sam2.nano import Sam2Nano, build_sam2_nano
from trainers.models.sam2.official import (
    INPUT_SIZE_PX,
    OFFICIAL_SIZES,
    OfficialSam2,
    build_official_sam2,
    official_size_of,
)
from trainers.models.sam2.sources import EMBEDDED

if TYPE_CHECKING:
    from trainers.checkpoint import Checkpoint

Sam2Model = Sam2Nano | OfficialSam2
_NANO_OPTIONS = ("width", "num_blocks")


def kind_of(checkpoint: Checkpoint) -> str | None:
    """Return "sam2-nano" or the official size of a checkpoint; None if it is no SAM-2."""
    return EMBEDDED if checkpoint.model == EMBEDDED else official_size_of(checkpoint.weights)


def build_sam2(checkpoint: Checkpoint, *, input_size_px: int = INPUT_SIZE_PX) -> Sam2Model:
    """Return the SAM-2 that a checkpoint holds.

    Args:
        checkpoint: of sam2-nano, or official weights.
        input_size_px: of an official model; sam2-nano takes any size.

    Raises:
        CheckpointError: it is another model, or its weights do not fit.

    """
    kind = kind_of(checkpoint)
    if kind == EMBEDDED:
        options = dict(checkpoint.meta.get("config", {})).get("model_options", {})
        nano = build_sam2_nano(**{k: options[k] for k in _NANO_OPTIONS if k in options})
        load_weights(nano, checkpoint)
        return nano
    if kind is None:
        found = f"a {checkpoint.model} model" if checkpoint.model else "something else"
        raise CheckpointError(
            f"{checkpoint.path} holds {found}, not a SAM-2 that answers clicks. "
            f"Expected weights of {EMBEDDED} or of an official SAM 2.1."
        )
    return build_official_sam2(kind, checkpoint.weights, input_size_px=input_size_px)


def untrained_sam2(kind: str, *, seed: int, input_size_px: int = INPUT_SIZE_PX) -> Sam2Model:
    """Return a model of that kind with weights drawn from the seed.

    Args:
        kind: "sam2-nano" or a key of `OFFICIAL_SIZES`.
        seed: of the weights; torch's global generator is left as it was.
        input_size_px: as for `build_sam2`.

    Raises:
        CheckpointError: there is no such kind.

    """
    import torch

    if kind == EMBEDDED:
        return build_sam2_nano(seed=seed)
    if kind not in OFFICIAL_SIZES:
        known = ", ".join((EMBEDDED, *OFFICIAL_SIZES))
        raise CheckpointError(f"There is no SAM-2 named {kind!r}. Choose one of {known}.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_official_sam2(kind, input_size_px=input_size_px)
