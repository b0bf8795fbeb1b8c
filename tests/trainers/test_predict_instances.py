"""Objects in images of any size: found once, whole, whatever the windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from trainers.config import TrainConfig
from trainers.data.instances import object_masks
from trainers.io.rle import RleMask
from trainers.models.base import Instance
from trainers.models.unet_task import UNetTask
from trainers.predict import LoadedModel
from trainers.predict_instances import predict_instances

if TYPE_CHECKING:
    from pathlib import Path


class Bright(UNetTask):
    """Bright pixels are foreground."""

    def predict_probs(self, model: nn.Module, image: torch.Tensor) -> torch.Tensor:
        return 0.9 * (image > 0.5).float()

    def window_px(self, config: TrainConfig) -> int:
        return 64


class BrightObjects(Bright):
    """The same, object by object."""

    def predict_instances(self, model: nn.Module, image: torch.Tensor) -> list[Instance]:
        masks, classes = object_masks((image[0, 0] > 0.5).numpy().astype(np.uint8))
        pairs = zip(masks, classes.tolist(), strict=True)
        return [Instance(class_id, 0.8, RleMask.from_mask(mask)) for mask, class_id in pairs]


def loaded(task: UNetTask, out: Path) -> LoadedModel:
    config = TrainConfig(model="unet", out=out, class_names=("metal",))
    return LoadedModel(task, nn.Identity(), config, {}, torch.device("cpu"))


@pytest.fixture
def image() -> np.ndarray:
    pixels = np.zeros((150, 210), np.uint8)
    pixels[10:16, 5:200] = 255  # across all windows
    pixels[40:130, 100:106] = 255
    pixels[70:80, 20:30] = 255
    pixels[140:144, 190:196] = 255
    return pixels


@pytest.mark.parametrize("task", [Bright(), BrightObjects()])
def test_an_object_across_windows_is_found_once_and_whole(task, image, tmp_path):
    found = predict_instances(loaded(task, tmp_path), image)
    expected, num = ndimage.label(image)
    masks = {each.mask for each in found}
    assert masks == {RleMask.from_mask(expected == i) for i in range(1, num + 1)}
    assert len(found) == num
    assert {round(each.score, 3) for each in found} == {
        0.8 if task.__class__ is BrightObjects else 0.9
    }


def test_no_objects_are_no_objects(tmp_path):
    assert predict_instances(loaded(BrightObjects(), tmp_path), np.zeros((90, 90), np.uint8)) == []


def test_components_are_those_of_each_class_and_ignored_pixels_belong_to_none():
    ids = np.zeros((20, 30), np.uint8)
    ids[2:6, 2:20] = 1
    ids[3:5, 8:10] = 2
    ids[10:12, 3:5] = 255
    ids[15:16, 3:5] = 1
    masks, classes = object_masks(ids, min_area_px=3)
    assert classes.tolist() == [1, 2]
    assert (masks[0] == (ids == 1) & (np.arange(20)[:, None] < 10)).all()
    assert object_masks(np.zeros((4, 4), np.uint8))[0].shape == (0, 4, 4)
