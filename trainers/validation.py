"""A finished model scored on the validation tiles of another run, as that run scores its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from trainers.data.batches import build_loader
from trainers.errors import DataError
from trainers.io.manifest import MANIFEST_NAME, read_manifest
from trainers.metrics.segmentation import nested
from trainers.run_folder import STUDENT, RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trainers.config import TrainConfig
    from trainers.models.base import Batch
    from trainers.predict import LoadedModel


def validated(loaded: LoadedModel, run_dir: Path, config: TrainConfig) -> dict[str, Any]:
    """Return the metrics of a model on the validation tiles of `run_dir`'s snapshot.

    Args:
        loaded: the model; its own settings decide how tiles are cut.
        run_dir: folder with `dataset/`.
        config: whose batch size and workers are used.

    """
    own = loaded.config.replace(
        out=run_dir, batch_size=config.batch_size, num_workers=config.num_workers, unlabelled=False
    )
    data = loaded.task.build_data(own, run_dir)
    data.val.set_epoch(0)

    def batches() -> Iterator[Batch]:
        for batch in build_loader(data.val, own, epoch=None):
            yield {name: value.to(loaded.device) for name, value in batch.items()}

    with torch.no_grad():
        found = loaded.task.validate(loaded.model, batches())
    return nested({name: float(value) for name, value in found.items()})


def known_tiles(run: Path) -> frozenset[str]:
    """Return the SHA-256 of the images that a run (or a round's student) was trained on.

    Empty where the run does not tell: a checkpoint by itself.
    """
    for folder in (RunFolder(run), RunFolder(run / STUDENT)):
        if not (folder.path / "checkpoints").is_dir():
            continue
        try:
            items = read_manifest(folder.dataset / MANIFEST_NAME).items
        except DataError:  # images were moved away since: then nothing can be said of them
            return frozenset()
        return frozenset(i.sha256 for i in items if i.split == "train" and i.sha256)
    return frozenset()
