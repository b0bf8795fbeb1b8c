"""Learning from unlabelled tiles: the averaged model labels them, the model learns from that.

In each step as many unlabelled tiles as labelled ones are added to the batch. The averaged
model (the mean teacher of Tarvainen & Valpola 2017, section 2) labels a weak look of each; the
pixels of which it is sure enough are the target of a strong look (Sohn et al. 2020, FixMatch,
equation 4), in which the tiles also swap rectangles (CutMix for segmentation, French et al.
2020; the strong view of Yang et al. 2023, UniMatch). The loss is the task's own, over both
together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import default_collate

from trainers.data.cutmix import cutmix
from trainers.data.labels import IGNORE
from trainers.errors import TrainingError
from trainers.models.base import SegmentationTask

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainers.config import TrainConfig
    from trainers.models.base import Batch, EpochDataset, Task


class MeanTeacher:
    """Adds pseudo-labelled tiles to the batches of one run.

    What it adds depends on (seed, step) and the averaged model alone, so that a resumed run
    goes on exactly. `shares` tells of the last batch which share of the pixels counted.

    Raises:
        TrainingError: the model needs prompts, so that it cannot label anything by itself.

    """

    def __init__(
        self, task: Task, tiles: EpochDataset, config: TrainConfig, *, num_steps: int
    ) -> None:
        if not isinstance(task, SegmentationTask):
            raise TrainingError(
                f"{config.model} needs prompts and cannot label images by itself. Train unet, "
                "sam_seg, sam_det or rsprompter with unlabelled images."
            )
        self._task, self._tiles, self._config = task, tiles, config
        self._first_step = round(config.pseudo_start * num_steps)
        self.shares: dict[str, Tensor] = {}

    def extended(
        self, batch: Batch, teacher: nn.Module, *, step: int, first: int, device: torch.device
    ) -> Batch:
        """Return the batch with as many pseudo-labelled tiles again.

        Args:
            batch: this process's labelled items of the step, on the CPU.
            teacher: the averaged model, in eval mode.
            step: 0-based optimiser step.
            first: number of the batch's first item in the whole batch of all processes.
            device: of the teacher.

        """
        self.shares = {}
        size = len(batch["image"])
        if step < self._first_step:
            return batch
        items = self._draw(step * self._config.batch_size + first, size)
        with torch.no_grad():
            probs = self._task.predict_probs(teacher, items["image"].to(device)).float().cpu()
        target = pseudo_target(probs, self._config.pseudo_threshold)
        self.shares = kept_shares(probs, target)
        rng = np.random.default_rng((self._config.seed, step, first, 2))
        look = {"image": items.pop("strong", items["image"]), "target": target}
        if "tile" not in items:  # kept features show whole tiles
            look = cutmix(look, probability=self._config.pseudo_cutmix, rng=rng)
        added = {**items, **look}
        return {name: torch.cat([value, added[name]]) for name, value in batch.items()}

    def _draw(self, start: int, size: int) -> Batch:
        """Return the items at places `start`, … of an endless row of shuffled passes."""
        items = []
        for place in range(start, start + size):
            turn, index = divmod(place, len(self._tiles))
            generator = torch.Generator().manual_seed(self._config.seed * 1_000_003 + turn)
            order = torch.randperm(len(self._tiles), generator=generator)
            self._tiles.set_epoch(turn)
            items.append(self._tiles[int(order[index])])
        collated: Batch = default_collate(items)
        return collated


def pseudo_target(probs: Tensor, threshold: float) -> Tensor:
    """Return the most probable class of each pixel, uint8 (B, H, W), `IGNORE` where unsure.

    `probs` is float (B, C, H, W) of the foreground classes; what is missing to 1 is background.
    A pixel is sure if the probability of its class, or of background, reaches `threshold`.
    """
    best, class_id = probs.max(dim=1)
    background = 1.0 - probs.sum(dim=1)
    is_background = background >= best
    sure = torch.maximum(best, background) >= threshold
    labels = torch.where(is_background, 0, class_id + 1)
    return torch.where(sure, labels, IGNORE).to(torch.uint8)


def kept_shares(probs: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Return which share of all pixels, and of those called foreground, is kept; 0..1.

    A binary model is sure of nearly everything: only the second number tells whether objects
    are learned from, too. It is left out where nothing is called foreground.
    """
    kept = target != IGNORE
    foreground = probs.max(dim=1).values > 1.0 - probs.sum(dim=1)
    shares = {"pseudo_kept": kept.float().mean()}
    if bool(foreground.any()):
        shares["pseudo_kept_foreground"] = kept[foreground].float().mean()
    return shares
