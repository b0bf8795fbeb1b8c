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
from trainers.models.base import PromptedTask, SegmentationTask
from trainers.registry import build_task
from trainers.run_folder import checkpoint_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

OVERLAP_SHARE = 0.25
"""Of a window's side, by which neighbouring windows overlap."""
Probs = npt.NDArray[np.float32]
Window = tuple[slice, slice]


@dataclass(frozen=True)
class LoadedModel:
    """A trained model, ready to predict."""

    task: SegmentationTask
    model: nn.Module
    config: TrainConfig
    meta: dict[str, Any]
    device: torch.device

    @property
    def window_px(self) -> int:
        """Images up to this side are predicted in one piece, larger ones in windows of it."""
        return self.task.window_px(self.config)

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
            "segment a whole image. Choose a run of unet, sam_seg, sam_det or rsprompter."
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

    def predict(tile: Tensor, _window: Window) -> Tensor:
        return loaded.task.predict_probs(loaded.model, tile)

    return _prediction(blended(predict, loaded, to_unit(image)))


def predict_prompted(
    loaded: LoadedModel, image: npt.NDArray[Any], target: npt.NDArray[np.uint8]
) -> Prediction:
    """Segment an image with prompts from its true class ids, uint8 (H, W): the paper's test.

    Raises:
        CheckpointError: the model takes no prompts.

    """
    task = loaded.task
    if not isinstance(task, PromptedTask):
        raise CheckpointError(f"{task.name} takes no prompts: score it by the protocol automatic.")

    def predict(tile: Tensor, window: Window) -> Tensor:
        truth = torch.from_numpy(np.ascontiguousarray(target[window]))[None].to(tile.device)
        return task.predict_probs_prompted(loaded.model, tile, truth)

    return _prediction(blended(predict, loaded, to_unit(image)))


def _prediction(probs: Probs) -> Prediction:
    return Prediction(labels_from_probs(probs), probs)


def blended(
    predict: Callable[[Tensor, Window], Tensor],
    loaded: LoadedModel,
    image: npt.NDArray[np.float32],
) -> Probs:
    """Return probabilities (C, H, W) of an image (H, W) in 0..1, window by window if it is large.

    `predict` maps a tile (1, 1, h, w) and where it lies to probabilities (1, C, h, w).
    """
    height, width = image.shape
    size_px = loaded.window_px
    if max(height, width) <= size_px:
        return _predict_window(predict, loaded, image, np.s_[:, :])
    total = np.zeros((len(loaded.class_names), height, width), np.float32)
    weight = np.zeros((height, width), np.float32)
    fade = _fade(size_px)
    for window in windows((height, width), size_px):
        rows, cols = image[window].shape
        part = fade[:rows, None] * fade[None, :cols]
        total[:, *window] += part * _predict_window(predict, loaded, image[window], window)
        weight[window] += part
    return total / weight


def _predict_window(
    predict: Callable[[Tensor, Window], Tensor],
    loaded: LoadedModel,
    image: npt.NDArray[np.float32],
    window: Window,
) -> Probs:
    with torch.no_grad():
        probs = predict(as_batch(loaded, image), window)
    return np.asarray(probs[0].float().cpu().numpy(), dtype=np.float32)


def as_batch(loaded: LoadedModel, image: npt.NDArray[np.float32]) -> Tensor:
    """Return an image (H, W) as a batch (1, 1, H, W) on the model's device."""
    return torch.from_numpy(np.ascontiguousarray(image))[None, None].to(loaded.device)


def windows(size_hw: tuple[int, int], size_px: int) -> list[Window]:
    """Return overlapping windows that cover an image, as slices of rows and columns."""
    return [
        np.s_[top : top + size_px, left : left + size_px]
        for top in _origins(size_hw[0], size_px)
        for left in _origins(size_hw[1], size_px)
    ]


def _overlap_px(size_px: int) -> int:
    return max(1, round(size_px * OVERLAP_SHARE))


def _origins(length_px: int, size_px: int) -> list[int]:
    """Return where windows start so that they cover `length_px` with the overlap.

    All are multiples of the same step, hence of the model's stride: a window then pools the
    same pixels together as the whole image would.
    """
    overlap_px = _overlap_px(size_px)
    return list(range(0, max(1, length_px - overlap_px), size_px - overlap_px))


def _fade(size_px: int) -> npt.NDArray[np.float32]:
    """Return weights that rise over the overlap and fall again; never 0."""
    position = np.arange(size_px) + 1
    ramp = np.minimum(position, position[::-1]) / _overlap_px(size_px)
    return np.minimum(1.0, ramp).astype(np.float32)


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
