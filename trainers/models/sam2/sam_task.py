"""What sam_seg, sam_det and rsprompter have in common: a frozen SAM-2 and fixed tiles."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import platformdirs
import torch
from pydantic import BaseModel, ConfigDict, Field

from trainers.checkpoint import inherit_weights, load_checkpoint
from trainers.data.dataset import ValidationTiles
from trainers.data.fixed_tiles import NUM_ORIENTATIONS, FixedTiles
from trainers.data.snapshot import read_snapshot
from trainers.errors import CheckpointError, TrainingError
from trainers.io.tensor_cache import TensorCache
from trainers.metrics.segmentation import SegmentationMetrics
from trainers.models.base import Batch, TaskData
from trainers.models.options import read_options
from trainers.models.sam2.build import build_sam2, kind_of, untrained_sam2
from trainers.models.sam2.sources import EMBEDDED, MODELS, checkpoint_path, missing
from trainers.models.sam2.tile_sam import TileSam

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor, nn

    from trainers.config import TrainConfig

UNTRAINED = "untrained"
"""Value of `sam_weights` for a SAM-2 with random weights: for tests and benchmarks."""


class SamOptions(BaseModel):
    """Model options of every model with a frozen SAM-2 in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sam: str = EMBEDDED
    """Kind of SAM-2: a key of `trainers.models.sam2.sources.MODELS`."""
    sam_weights: str | None = None
    """Its weights file or run; None takes the installed or downloaded ones."""
    input_size_px: int = Field(default=512, ge=32, multiple_of=32)
    """Side of the square that a tile is resized to; only for official models."""
    cache_gib: float = Field(default=16.0, ge=0.0)
    """Bound of the features on disk that all runs share; 0 encodes every tile every time."""
    num_orientations: int = Field(default=NUM_ORIENTATIONS, ge=1, le=NUM_ORIENTATIONS)
    """In how many rotations and flips a tile is seen; each has features of its own."""
    min_tiles: int = Field(default=32, ge=0)
    """A smaller data set is gone through several times an epoch to reach so many tiles."""


class SamTask:
    """Base of the three tasks; a subclass builds its model, its loss and its prediction.

    Its model has the attribute `tile_sam`, a `TileSam`.
    """

    name: ClassVar[str]
    options_kind: ClassVar[type[SamOptions]] = SamOptions
    selection_metric: ClassVar[str] = "iou"
    needs_data: ClassVar[bool] = True

    def options(self, config: TrainConfig) -> SamOptions:
        """Return the options of a run, checked."""
        return read_options(self.options_kind, config)

    def build_tile_sam(self, config: TrainConfig, *, train_decoder: bool) -> TileSam:
        """Return an untrained SAM-2 of the kind that the run uses."""
        if not config.class_names:
            raise TrainingError(f"{self.name} needs class_names; they come from the data or a run.")
        self._class_names = config.class_names
        options = self.options(config)
        sam = untrained_sam2(options.sam, seed=config.seed, input_size_px=options.input_size_px)
        return TileSam(sam, train_decoder=train_decoder)

    def prepare(self, model: nn.Module, config: TrainConfig, *, is_new: bool) -> None:
        """Load the SAM-2's weights if the run is new, and keep features on disk."""
        options, tile_sam = self.options(config), tile_sam_of(model)
        if is_new and options.sam_weights != UNTRAINED:
            load_sam(tile_sam, options)
        if options.cache_gib > 0:
            tile_sam.cache = TensorCache(
                features_folder(), max_bytes=int(options.cache_gib * 2**30), keep_used=True
            )

    def build_data(self, config: TrainConfig, run_dir: Path) -> TaskData:
        """Return the training tiles in all orientations, and windows over the validation tiles.

        Raises:
            TrainingError: more than orientations was asked for, which no kept features show.

        """
        if config.augment == "full":
            raise TrainingError(
                f"{self.name} sees its tiles in rotations and flips alone, because their features "
                "are kept. Set augment to orientation or none."
            )
        snapshot = read_snapshot(run_dir / "dataset")
        options, size_px = self.options(config), config.image_size
        tiles = partial(
            FixedTiles,
            size_px=size_px,
            seed=config.seed,
            num_orientations=1 if config.augment == "none" else options.num_orientations,
        )
        unlabelled = tiles(snapshot.unlabelled) if snapshot.unlabelled else None
        min_items = max(options.min_tiles, 0 if unlabelled is None else len(unlabelled))
        train = tiles(snapshot.of("train"), min_items=min_items)
        return TaskData(train, ValidationTiles(snapshot.of("val"), size_px=size_px), unlabelled)

    def window_px(self, config: TrainConfig) -> int:
        """Return the side of the tiles that the model was trained on."""
        return config.image_size

    def training_loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return the losses of a batch; see `Task`."""
        raise NotImplementedError

    def predict_probs(self, model: nn.Module, image: Tensor) -> Tensor:
        """Return the probability of each foreground class; see `SegmentationTask`."""
        raise NotImplementedError

    @torch.no_grad()
    def validate(self, model: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the mean loss and the metrics of `SegmentationMetrics`, without any prompt."""
        metrics, losses = SegmentationMetrics(self._class_names), []
        for number, batch in enumerate(batches):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(number)
                loss = float(self.training_loss(model, batch)["loss"])
            losses += [loss] * len(batch["image"])
            metrics.update_batch(self.predict_probs(model, batch["image"]), batch)
        return {"loss": sum(losses) / len(losses), **metrics.compute()}


def tile_sam_of(model: nn.Module) -> TileSam:
    """Return the SAM-2 in a model of one of the three tasks."""
    tile_sam = model.tile_sam
    assert isinstance(tile_sam, TileSam)
    return tile_sam


def features_folder() -> Path:
    """Return the user's folder of encoder features; it may not exist yet."""
    return Path(platformdirs.user_cache_dir("napari-icseg", appauthor=False)) / "features"


def load_sam(tile_sam: TileSam, options: SamOptions) -> None:
    """Load the installed, downloaded or given weights into a SAM-2.

    Raises:
        CheckpointError: they are not on this machine, or are those of another kind.

    """
    path = checkpoint_path(options.sam)
    if options.sam_weights is not None:
        path = Path(options.sam_weights).expanduser()
    elif not path.is_file():
        raise missing(MODELS[options.sam], path)
    checkpoint = load_checkpoint(path)
    if kind_of(checkpoint) != options.sam:
        raise CheckpointError(
            f"{path} holds {kind_of(checkpoint) or 'no SAM-2'}, but the run uses {options.sam}. "
            "Choose the option sam that fits the file."
        )
    build_sam2(checkpoint)  # refuses weights that are incomplete
    inherit_weights(tile_sam.sam, checkpoint)
