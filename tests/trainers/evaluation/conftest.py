"""Models that answer without training, so that every score can be told beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from trainers.config import TrainConfig
from trainers.models.unet_task import UNetTask
from trainers.predict import LoadedModel

if TYPE_CHECKING:
    from pathlib import Path


class Bright(UNetTask):
    """Bright pixels are foreground."""

    def predict_probs(self, model: nn.Module, image: torch.Tensor) -> torch.Tensor:
        return (image > 0.373).float()


class Blank(UNetTask):
    """Everything is background, unless the truth is given as a prompt."""

    def predict_probs(self, model: nn.Module, image: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(image)

    def predict_probs_prompted(
        self, model: nn.Module, image: torch.Tensor, target: torch.Tensor
    ) -> torch.Tensor:
        return (target == 1)[:, None].float()


def loaded(task: UNetTask, folder: Path) -> LoadedModel:
    config = TrainConfig(model="unet", out=folder, class_names=("foreground",))
    return LoadedModel(task, nn.Identity(), config, {"model": "unet"}, torch.device("cpu"))


@pytest.fixture
def bright(tmp_path: Path) -> LoadedModel:
    return loaded(Bright(), tmp_path)


@pytest.fixture
def blank(tmp_path: Path) -> LoadedModel:
    return loaded(Blank(), tmp_path)
