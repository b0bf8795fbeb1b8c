"""From a weights file to a predictor, and from a foreign file to one of ours."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, Any

import torch

from napari_icseg.prompting.checkpoints import EMBEDDED, MODELS, checkpoint_path
from napari_icseg.prompting.predictor import Sam2PromptPredictor
from trainers.checkpoint import load_checkpoint, load_weights, save_checkpoint
from trainers.errors import CheckpointError
from trainers.io.atomic import atomic_path
from trainers.metrics.calibration import ScoreCurve
from trainers.models.sam2.nano import build_sam2_nano
from trainers.models.sam2.official import build_official_sam2, official_size_of
from trainers.predict import choose_device
from trainers.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    from trainers.checkpoint import Checkpoint
    from trainers.models.sam2.nano import Sam2Nano
    from trainers.models.sam2.official import OfficialSam2

_NANO_OPTIONS = ("width", "num_blocks")
_ID_CHARS = 16
SCORE_CURVES = "score_curves"
"""Key of a checkpoint's header."""


def load_from(
    path: Path, *, name: str, sha256: str | None, device: str = "auto"
) -> Sam2PromptPredictor:
    """Return a predictor with the weights of a file or of a run folder's best checkpoint.

    Args:
        path: .safetensors, .pt or .pth, or a run folder.
        name: what the user calls it.
        sha256: of the file, if known; else it is computed.
        device: see `checkpoints.load_predictor`.

    Raises:
        CheckpointError: missing, damaged, unsafe, not a SAM-2, or there is no such device.

    """
    file = _best_of(path) if path.is_dir() else path
    checkpoint = load_checkpoint(file)
    model, target = build_model(checkpoint), _device(device)
    return Sam2PromptPredictor(
        model.to(target).eval(),
        name=name,
        checkpoint_id=(sha256 or _sha256(file))[:_ID_CHARS],
        device=str(target),
        curves=_curves(checkpoint),
    )


def _curves(checkpoint: Checkpoint) -> dict[Any, ScoreCurve]:
    """Return the score curves that `icseg bench calibrate` has put into the header."""
    try:
        stored = checkpoint.meta.get(SCORE_CURVES, {})
        return {
            kind: ScoreCurve(tuple(curve["score"]), tuple(curve["iou"]))
            for kind, curve in stored.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{checkpoint.path}: the score curves in its header are damaged ({error}). "
            "Copy the file again, or run `icseg bench calibrate` on it."
        ) from error


def build_model(checkpoint: Checkpoint) -> Sam2Nano | OfficialSam2:
    """Return the SAM-2 that a checkpoint holds, on the CPU; raise `CheckpointError` if none."""
    if checkpoint.model == EMBEDDED:
        options = dict(checkpoint.meta.get("config", {})).get("model_options", {})
        nano = build_sam2_nano(**{k: options[k] for k in _NANO_OPTIONS if k in options})
        load_weights(nano, checkpoint)
        return nano
    size = official_size_of(checkpoint.weights)
    if size is None:
        kind = f"a {checkpoint.model} model" if checkpoint.model else "something else"
        raise CheckpointError(
            f"{checkpoint.path} holds {kind}, not a SAM-2 that answers clicks. "
            f"Expected weights of {EMBEDDED} or of an official SAM 2.1."
        )
    return build_official_sam2(size, checkpoint.weights)


def import_file(path: Path, folder: Path) -> str:
    """Copy a foreign weights file into `folder`; see `checkpoints.import_checkpoint`."""
    checkpoint = load_checkpoint(path)
    kind = (
        checkpoint.model if checkpoint.model == EMBEDDED else official_size_of(checkpoint.weights)
    )
    # a file that cannot be used is refused now and not when it is needed
    build_model(checkpoint)
    sha256 = _sha256(path)
    for source in MODELS.values():
        if source.sha256 == sha256:
            target = checkpoint_path(source.name, folder=folder)
            with atomic_path(target) as temporary:
                shutil.copyfile(path, temporary)
            return source.name
    name = _free_name(path.stem, folder)
    meta = {**checkpoint.meta, "model": kind, "imported_from": path.name, "sha256": sha256}
    save_checkpoint(checkpoint_path(name, folder=folder), checkpoint.weights, meta)
    return name


def _best_of(run: Path) -> Path:
    folder = RunFolder(run)
    for file in (folder.best, folder.last):
        if file.exists():
            return file
    raise CheckpointError(
        f"{run} has no checkpoint yet. Wait for the first epoch, or choose a finished run."
    )


def _device(name: str) -> torch.device:
    device = choose_device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise CheckpointError("There is no CUDA device here. Use the device auto or cpu.")
    return device


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _free_name(stem: str, folder: Path) -> str:
    """Return a name that neither a built-in nor an imported model has."""
    number = 1
    name = stem
    while name in MODELS or checkpoint_path(name, folder=folder).exists():
        number += 1
        name = f"{stem}-{number}"
    return name
