"""From a weights file or a run to a predictor, and from a foreign file to one of ours."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, Any

import torch

from napari_icseg.prompting.checkpoints import MODELS, checkpoint_path
from napari_icseg.prompting.predictor import Sam2PromptPredictor
from napari_icseg.prompting.torchvision_import import import_torchvision
from trainers.checkpoint import Checkpoint, load_checkpoint, load_weights, save_checkpoint
from trainers.errors import CheckpointError
from trainers.io.atomic import atomic_path
from trainers.metrics.calibration import ScoreCurve
from trainers.models.sam2.build import build_sam2, kind_of, untrained_sam2
from trainers.predict import choose_device
from trainers.run_folder import checkpoint_file

if TYPE_CHECKING:
    from pathlib import Path

    from trainers.models.sam2.build import Sam2Model

_ID_CHARS = 16
SCORE_CURVES = "score_curves"
"""Key of a checkpoint's header."""
FINE_TUNED = "sam_seg"
"""The trained model that holds a whole SAM-2, which can hence answer clicks."""
_SAM_PREFIX = "tile_sam.sam."


def load_from(
    path: Path, *, name: str, sha256: str | None, device: str = "auto"
) -> Sam2PromptPredictor:
    """Return a predictor with the weights of a file or of a run folder's best checkpoint.

    Of a SAM-SEG run it is the SAM-2 with the decoder that was trained. It has no score
    curves: those of the model it began with do not hold for another decoder.

    Args:
        path: .safetensors, .pt or .pth, or a run folder.
        name: what the user calls it.
        sha256: of the file, if known; else it is computed.
        device: see `checkpoints.load_predictor`.

    Raises:
        CheckpointError: missing, damaged, unsafe, not a SAM-2, or there is no such device.

    """
    file = checkpoint_file(path)
    checkpoint = load_checkpoint(file)
    model, target = _build(checkpoint), _device(device)
    return Sam2PromptPredictor(
        model.to(target).eval(),
        name=name,
        checkpoint_id=(sha256 or _sha256(file))[:_ID_CHARS],
        device=str(target),
        curves=_curves(checkpoint),
    )


def _build(checkpoint: Checkpoint) -> Sam2Model:
    """Return the SAM-2 that a checkpoint is, or that a SAM-SEG has inside."""
    if checkpoint.model != FINE_TUNED:
        return build_sam2(checkpoint)
    import_torchvision()
    from trainers.models.sam_seg_task import SamSegOptions

    fields = dict(checkpoint.meta.get("config", {})).get("model_options", {})
    try:
        options = SamSegOptions.model_validate(fields)
    except ValueError as error:
        raise CheckpointError(
            f"{checkpoint.path} does not say which SAM-2 it was made of ({error}). "
            "Use a checkpoint written by `icseg train sam_seg`."
        ) from error
    model = untrained_sam2(options.sam, seed=0, input_size_px=options.input_size_px)
    weights = {
        name.removeprefix(_SAM_PREFIX): value
        for name, value in checkpoint.weights.items()
        if name.startswith(_SAM_PREFIX)
    }
    load_weights(model, Checkpoint(checkpoint.path, weights, checkpoint.meta))
    return model


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


def import_file(path: Path, folder: Path) -> str:
    """Copy a foreign weights file into `folder`; see `checkpoints.import_checkpoint`."""
    checkpoint = load_checkpoint(path)
    # a file that cannot be used is refused now and not when it is needed
    build_sam2(checkpoint)
    sha256 = _sha256(path)
    for source in MODELS.values():
        if source.sha256 == sha256:
            target = checkpoint_path(source.name, folder=folder)
            with atomic_path(target) as temporary:
                shutil.copyfile(path, temporary)
            return source.name
    name = _free_name(path.stem, folder)
    meta = {
        **checkpoint.meta,
        "model": kind_of(checkpoint),
        "imported_from": path.name,
        "sha256": sha256,
    }
    save_checkpoint(checkpoint_path(name, folder=folder), checkpoint.weights, meta)
    return name


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
