"""Apply a trained model to images of any size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from trainers.checkpoint import Checkpoint, load_checkpoint, load_weights
from trainers.config import TrainConfig, parse_config
from trainers.data.labels import labels_from_probs
from trainers.errors import CheckpointError, DataError
from trainers.io.folders import discover
from trainers.io.images import read_image, to_unit
from trainers.io.masks import write_semantic
from trainers.models.base import SegmentationTask
from trainers.registry import build_task
from trainers.run_folder import checkpoint_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

WINDOW_PX = 512
"""Images up to this side are predicted in one piece, larger ones in windows of it."""
OVERLAP_PX = 128

Probs = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LoadedModel:
    """A trained model, ready to predict."""

    task: SegmentationTask
    model: nn.Module
    config: TrainConfig
    meta: dict[str, Any]
    device: torch.device

    @property
    def class_names(self) -> tuple[str, ...]:
        """Foreground classes with ids 1, 2, …."""
        return self.config.class_names


class Prediction(NamedTuple):
    """Labels uint8 (H, W), 0 background; probs float32 (C, H, W) of the classes, 0..1."""

    labels: npt.NDArray[np.uint8]
    probs: Probs


def load_run(path: Path, *, device: str = "auto") -> LoadedModel:
    """Load the best weights of a run folder, or a checkpoint file, in eval mode.

    Raises:
        CheckpointError: missing, damaged, or of a model that does not segment by itself.

    """
    checkpoint = load_checkpoint(checkpoint_file(Path(path)))
    config = _config_of(checkpoint)
    task = build_task(config.model)
    if not isinstance(task, SegmentationTask):
        raise CheckpointError(
            f"{checkpoint.path} is a {config.model} model, which answers clicks and does not "
            "segment a whole image. Choose a run of unet."
        )
    model = task.build_model(config)
    load_weights(model, checkpoint)
    target = choose_device(device)
    return LoadedModel(task, model.to(target).eval(), config, checkpoint.meta, target)


def _config_of(checkpoint: Checkpoint) -> TrainConfig:
    fields = checkpoint.meta.get("config")
    if not isinstance(fields, dict):
        raise CheckpointError(
            f"{checkpoint.path} does not say which model it is: its settings are missing. "
            "Use a checkpoint written by `icseg train`."
        )
    return parse_config(fields)


def choose_device(name: str) -> torch.device:
    """Return the device; "auto" is CUDA, else MPS, else the CPU."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def predict_image(loaded: LoadedModel, image: npt.NDArray[Any]) -> Prediction:
    """Segment a grey image, uint8 or uint16 (H, W), of any size.

    Large images are predicted in overlapping windows whose borders fade into each other.
    """
    probs = _predict_unit(loaded, to_unit(image))
    return Prediction(labels_from_probs(probs), probs)


def _predict_unit(loaded: LoadedModel, image: npt.NDArray[np.float32]) -> Probs:
    height, width = image.shape
    if max(height, width) <= WINDOW_PX:
        return _predict_window(loaded, image)
    total = np.zeros((len(loaded.class_names), height, width), np.float32)
    weight = np.zeros((height, width), np.float32)
    fade = _fade(WINDOW_PX)
    for top in _origins(height):
        for left in _origins(width):
            window = np.s_[top : top + WINDOW_PX, left : left + WINDOW_PX]
            rows, cols = image[window].shape
            part = fade[:rows, None] * fade[None, :cols]
            total[:, *window] += part * _predict_window(loaded, image[window])
            weight[window] += part
    return total / weight


def _predict_window(loaded: LoadedModel, image: npt.NDArray[np.float32]) -> Probs:
    batch = torch.from_numpy(np.ascontiguousarray(image))[None, None].to(loaded.device)
    with torch.no_grad():
        probs = loaded.task.predict_probs(loaded.model, batch)
    return np.asarray(probs[0].float().cpu().numpy(), dtype=np.float32)


def _origins(length_px: int) -> list[int]:
    """Return where windows start so that they cover `length_px` with the overlap.

    All are multiples of the same step, hence of the model's stride: a window then pools the
    same pixels together as the whole image would.
    """
    return list(range(0, max(1, length_px - OVERLAP_PX), WINDOW_PX - OVERLAP_PX))


def _fade(size_px: int) -> npt.NDArray[np.float32]:
    """Return weights that rise over the overlap and fall again; never 0."""
    position = np.arange(size_px) + 1
    return np.minimum(1.0, np.minimum(position, position[::-1]) / OVERLAP_PX).astype(np.float32)


def predict_folder(
    loaded: LoadedModel,
    images: Path,
    out: Path,
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> list[Path]:
    """Write a mask of class ids, `<image>.png`, for each image, and `classes.txt`; return them.

    Raises:
        DataError: no images, one that cannot be read, or a folder that cannot be written.

    """
    paths = [item.image for item in discover(images).items]
    targets = _targets(paths, out)
    for number, (path, target) in enumerate(zip(paths, targets, strict=True)):
        progress(number, len(paths))
        if is_cancelled():
            return targets[:number]
        write_semantic(target, predict_image(loaded, read_image(path)).labels)
    progress(len(paths), len(paths))
    return targets


def _targets(paths: Sequence[Path], out: Path) -> list[Path]:
    """Return a mask file for each image; raise `DataError` where two would be the same."""
    seen: dict[Path, Path] = {}
    for path in paths:
        target = out / f"{path.stem}.png"
        if target in seen:
            raise DataError(
                f"{seen[target]} and {path} would both get the mask {target.name}. "
                "Predict their folders one at a time."
            )
        if target.absolute() == path.absolute():
            raise DataError(f"The mask would replace the image {path}: choose another --out.")
        seen[target] = path
    return list(seen)
